/** The policy that applies where an operator says nothing: hardened, without a network, any image. */
import type { Policy } from './policy.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** The default of every key of {@link Policy}. */
export const DEFAULT_POLICY: Policy = {
  images: {
    allow: [],
    deny: [],
    requireDigest: false,
    allowedPullPolicies: ['always', 'ifNotPresent', 'never'],
  },
  network: {
    enforceIsolation: true,
    defaultMode: 'none',
    allowedModes: ['none', 'bridge'],
    allowOverride: false,
  },
  gpu: { enabled: false, preflight: true },
  limits: {
    default: {
      cpus: 1,
      memoryBytes: 512 * MIB,
      pidsLimit: 256,
      shmBytes: 64 * MIB,
      ulimits: [
        { name: 'nofile', soft: 1024, hard: 1024 },
        { name: 'core', soft: 0, hard: 0 },
      ],
    },
    max: {
      cpus: 4,
      memoryBytes: 4 * GIB,
      pidsLimit: 4096,
      shmBytes: 1 * GIB,
      ulimits: { nofile: 65_536, fsize: Number.MAX_SAFE_INTEGER, stack: 1 * GIB, cpu: 86_400 },
      outputBytes: null,
      tmpfsBytes: 1 * GIB,
    },
  },
  security: {
    readOnlyRootFilesystem: true,
    noNewPrivileges: true,
    init: true,
    capabilities: [],
    user: null,
    allowRoot: false,
    tmpExec: true,
    tmpBytes: 64 * MIB,
    tmpInodes: 16 * KIB,
    volumeBytes: 64 * MIB,
    rootBytes: 1 * GIB,
    runtime: null,
    allowedRuntimes: [],
    mountRoots: [],
    deniedEnvironment: [],
    emptiedImageVariables: [],
    requireAttestation: false,
    acceptUnenforced: [],
    requireEnforcement: false,
  },
  secrets: { allow: ['*'], delivery: 'any', allowDisk: false, onLeak: 'report' },
  storage: { read: ['*'], write: ['*'] },
  mode: 'enforce',
  modes: {},
  profiles: {},
};

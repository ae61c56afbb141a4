/** The containers that limits are tried in, as specifications: each is bounded as a job is, and one bound is narrow enough to be met. Pure. */
import type { ContainerSpec, MountSpec } from '../plan/container-spec.js';
import {
  BOUNDS_PROGRAM,
  CPU_PROGRAM,
  MARKER_PROGRAM,
  MEMORY_PROGRAM,
  pidsProgram,
  TMPFS_FOLDER,
} from './probe-programs.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Processes the container of `pids` may have. */
const PROBE_PIDS = 12;
/** What all others may have, as jobs by default: threads of a sandbox count among them, and with a quarter of it gVisor ends at once. */
const USUAL_PIDS = 256;
/** Memory the container of `memory` may have: an engine's runtime needs a few MiB of it to start one. */
export const PROBE_MEMORY_BYTES = 24 * MIB;

/** What a probe may take while a limit is not enforced; asked of the budget of all runs. */
export const PROBE_DEMAND = { cpus: 1, memoryBytes: 128 * MIB } as const;

/** One container. */
export interface Probe {
  /** A word of its name and its label. */
  readonly name: 'bounds' | 'memory' | 'pids' | 'cpu' | 'transport';
  readonly program: string;
  readonly limits: Partial<Pick<ContainerSpec['resources'], 'cpus' | 'memoryBytes' | 'pidsLimit'>>;
  readonly mounts: readonly MountSpec[];
  /** Numeric `uid:gid`. */
  readonly user: string;
}

/** Of the user root without capabilities: what root may not write to is read-only, and not merely somebody else's. */
const ROOT = '0:0';

/** Everything that shows without the container's end. */
export const BOUNDS_PROBE: Probe = {
  name: 'bounds',
  program: BOUNDS_PROGRAM,
  limits: {},
  mounts: [],
  user: ROOT,
};

function memoryProbe(memoryBytes: number): Probe {
  return { name: 'memory', program: MEMORY_PROGRAM, limits: { memoryBytes }, mounts: [], user: ROOT };
}

/** A bound on memory is met by dying of it. */
export const MEMORY_PROBE = memoryProbe(PROBE_MEMORY_BYTES);

/** The same where there is enough: nobody dies. */
export const ROOMY_MEMORY_PROBE = memoryProbe(PROBE_DEMAND.memoryBytes);

/** A shell that may not begin a process gives up, and a sandbox that may not begin a thread ends. */
function pidsProbe(pidsLimit: number, memoryBytes: number): Probe {
  const limits = { pidsLimit, memoryBytes };
  return { name: 'pids', program: pidsProgram(pidsLimit), limits, mounts: [], user: ROOT };
}

/** Enough for a shell. */
export const PIDS_PROBE = pidsProbe(PROBE_PIDS, 64 * MIB);

/** Enough for a sandbox, too; with memory that is not used up first. */
export const WIDE_PIDS_PROBE = pidsProbe(USUAL_PIDS, PROBE_DEMAND.memoryBytes);

/** A tenth of a processor. */
export const CPU_PROBE: Probe = {
  name: 'cpu',
  program: CPU_PROGRAM,
  limits: { cpus: 0.1 },
  mounts: [],
  user: ROOT,
};

/** Sees a folder of this host, as the user jobs are. */
export function transportProbe(mount: MountSpec, user: string): Probe {
  return { name: 'transport', program: MARKER_PROGRAM, limits: {}, mounts: [mount], user };
}

/** What all containers of an examination share. */
export interface ProbeSurroundings {
  readonly containerName: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As jobs have them. */
  readonly runtime: string | null;
  readonly init: boolean;
}

/** The specification of one container. */
export function toProbeSpec(probe: Probe, surroundings: ProbeSurroundings): ContainerSpec {
  const { containerName, imageId, labels, runtime, init } = surroundings;
  return {
    name: containerName,
    image: imageId,
    platform: null,
    entryPoint: ['sh'],
    command: ['-c', probe.program],
    workingDirectory: '/',
    environment: [],
    user: probe.user,
    networkMode: 'none',
    readOnlyRootFilesystem: true,
    capabilitiesDropped: ['ALL'],
    capabilitiesAdded: [],
    noNewPrivileges: true,
    init,
    resources: {
      cpus: 1,
      memoryBytes: 64 * MIB,
      pidsLimit: USUAL_PIDS,
      shmBytes: MIB,
      ulimits: [
        { name: 'core', soft: 0, hard: 0 },
        { name: 'fsize', soft: 64 * KIB, hard: 64 * KIB },
      ],
      ...probe.limits,
    },
    gpu: null,
    runtime,
    mounts: probe.mounts,
    tmpfs: [
      { target: TMPFS_FOLDER, sizeBytes: MIB, inodes: 1024, uid: 0, gid: 0, mode: '0700', exec: false },
    ],
    stopSignal: 'SIGTERM',
    stdin: false,
    log: { maxBytesPerFile: MIB, maxFiles: 1 },
    labels,
  };
}

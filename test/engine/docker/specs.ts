/** Container specs for the adapter's tests: hardened, overridable field by field. */
import type { ContainerSpec } from '../../../src/plan/container-spec.js';

export const hardenedSpec = (overrides: Partial<ContainerSpec> = {}): ContainerSpec => ({
  name: 'berthkit-test',
  image: `sha256:${'b'.repeat(64)}`,
  platform: null,
  entryPoint: null,
  command: ['true'],
  workingDirectory: null,
  environment: [],
  user: '1000:1000',
  networkMode: 'none',
  readOnlyRootFilesystem: true,
  capabilitiesDropped: ['ALL'],
  capabilitiesAdded: [],
  noNewPrivileges: true,
  init: true,
  resources: {
    cpus: 1,
    memoryBytes: 536_870_912,
    pidsLimit: 256,
    shmBytes: 67_108_864,
    ulimits: [
      { name: 'nofile', soft: 1024, hard: 1024 },
      { name: 'core', soft: 0, hard: 0 },
    ],
  },
  gpu: null,
  runtime: null,
  mounts: [],
  tmpfs: [],
  stopSignal: 'SIGTERM',
  stdin: false,
  log: { maxBytesPerFile: 10_000_000, maxFiles: 2 },
  labels: { 'berthkit.managed': 'true' },
  ...overrides,
});

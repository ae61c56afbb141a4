/** What a runtime does where its operator says nothing. */
import { DEFAULT_POLICY } from '../policy/defaults.js';
import type { RuntimeConfig } from './runtime-config.js';

const GIB = 1024 ** 3;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The default of every key of {@link RuntimeConfig}. */
export const DEFAULT_CONFIG: RuntimeConfig = {
  enabled: true,
  engine: {
    host: null,
    dockerProxies: false,
    tls: { caFile: null, certFile: null, keyFile: null, serverName: null },
  },
  workspaceRoot: '/tmp/berthkit',
  hostWorkspaceRoot: null,
  secretsRoot: null,
  maxWorkspaceBytes: 10 * GIB,
  maxFileBytes: GIB / 2,
  maxDownloadBytes: 5 * GIB,
  maxUploadBytes: 5 * GIB,
  maxLogChars: 16_384,
  persistLogTail: true,
  auditMode: 'required',
  stopGraceMs: 5_000,
  timeouts: {
    default: {
      queueMs: 60 * MINUTE,
      pullMs: 10 * MINUTE,
      stageMs: 10 * MINUTE,
      runMs: 60 * MINUTE,
      collectMs: 10 * MINUTE,
      idleOutputMs: null,
      secretsMs: MINUTE / 2,
    },
    max: {
      queueMs: DAY,
      pullMs: DAY,
      stageMs: DAY,
      runMs: DAY,
      idleOutputMs: DAY,
      stopMs: 10 * MINUTE,
      collectMs: DAY,
    },
  },
  retry: {
    default: {
      maxAttempts: 1,
      backoff: 'exponential',
      jitter: 'full',
      initialDelayMs: 1_000,
      maxDelayMs: MINUTE,
      on: ['infrastructure'],
    },
    max: { maxAttempts: 10, maxDelayMs: DAY },
  },
  retention: {
    default: { container: 'never', workspace: 'never' },
    max: { container: 'always', workspace: 'always' },
    maxAgeMs: 24 * 60 * MINUTE,
    maxBytes: 10 * GIB,
    maxRuns: 100,
  },
  maxConcurrentRuns: 4,
  maxQueuedRuns: 1_000,
  budget: { cpus: null, memoryBytes: null },
  concurrencyKeys: { maxRunning: null, maxQueued: null, cpus: null, memoryBytes: null },
  workspace: {
    transport: 'auto',
    maxBytes: 10 * GIB,
    maxEntries: 100_000,
    minFreeBytes: GIB / 4,
    minFreeInodes: 1_000,
    maxTotalBytes: null,
  },
  images: {
    pullIdleMs: 2 * MINUTE,
    dockerCredentials: true,
    gc: { maxBytes: null, maxUnusedMs: null, keep: [] },
    build: {
      timeoutMs: 30 * MINUTE,
      idleMs: 10 * MINUTE,
      maxContextBytes: GIB,
      maxContextEntries: 100_000,
    },
  },
  outputs: { maxBytes: 5 * GIB, maxEntries: 10_000, maxDepth: 32 },
  inputs: { sha256: true },
  concurrency: { stage: 4, upload: 4 },
  labelPrefix: 'berthkit',
  instanceId: null,
  stateDir: null,
  recovery: {
    mode: 'remove',
    leaseMs: 15_000,
    leaseExpiryMs: null,
    firstPassMs: MINUTE,
    everyMs: 5 * MINUTE,
    rememberMs: 7 * 24 * 60 * MINUTE,
  },
  policy: DEFAULT_POLICY,
};

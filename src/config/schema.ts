/** The shape of a configuration, and the rules between its keys, as a schema over a complete one. */
import { z } from 'zod';
import { lazy } from '../base/lazy.js';
import { pathsOverlap } from '../base/paths.js';
import type { Policy } from '../policy/policy.js';
import { engineHost } from './engine-host.js';
import { imagePatterns, policySchema } from './policy-schema.js';
import { keepsNoMore } from './retention.js';
import type { RuntimeConfig } from './runtime-config.js';
import { bytes, bytesOrUnlimited, count, flag, milliseconds, text } from './values.js';

const timeouts = lazy(() =>
  z.strictObject({
    queueMs: milliseconds(),
    pullMs: milliseconds(),
    stageMs: milliseconds(),
    runMs: milliseconds(),
    collectMs: milliseconds(),
    idleOutputMs: milliseconds().nullable(),
    secretsMs: milliseconds(),
  }),
);

const maxAttempts = lazy(() => count(1, 10));
const delay = lazy(() => milliseconds(0, 86_400_000));

const retry = lazy(() =>
  z.strictObject({
    maxAttempts: maxAttempts(),
    backoff: z.enum(['none', 'fixed', 'exponential'], { error: 'must be "none", "fixed" or "exponential"' }),
    jitter: z.enum(['none', 'full', 'equal'], { error: 'must be "none", "full" or "equal"' }),
    initialDelayMs: delay(),
    maxDelayMs: delay(),
    on: z
      .array(
        z.enum(['user', 'limit', 'infrastructure'], { error: 'must be "user", "limit" or "infrastructure"' }),
        { error: 'must be a list of "user", "limit" and "infrastructure"' },
      )
      .min(1, 'must name at least one of user, limit, infrastructure'),
  }),
);

const when = lazy(() =>
  z.enum(['never', 'on_failure', 'always'], { error: 'must be "never", "on_failure" or "always"' }),
);
const retention = lazy(() => z.strictObject({ container: when(), workspace: when() }));

const cpus = lazy(() =>
  z.number({ error: 'must be a number above 0' }).min(0.01, { error: 'must be at least 0.01' }).nullable(),
);

const hostFile = lazy(() =>
  z
    .string({ error: 'must be an absolute path' })
    .refine((path) => path.startsWith('/') && !path.includes('\0'), 'must be an absolute path'),
);

const hostFolder = lazy(() =>
  z
    .string({ error: 'must be an absolute path' })
    .refine((path) => path.startsWith('/') && !path.includes('\0'), 'must be an absolute path')
    .refine((path) => !path.split('/').includes('..'), 'must not have ".." segments'),
);

const recovery = lazy(() =>
  z.strictObject({
    mode: z.enum(['remove', 'adopt'], { error: 'must be "remove" or "adopt"' }),
    leaseMs: milliseconds(1_000, 3_600_000),
    leaseExpiryMs: milliseconds(1_000).nullable(),
    firstPassMs: milliseconds(1).nullable(),
    everyMs: milliseconds(1_000).nullable(),
    rememberMs: milliseconds(0, 366 * 86_400_000),
  }),
);

const engineTls = lazy(() =>
  z.strictObject({
    caFile: hostFile().nullable(),
    certFile: hostFile().nullable(),
    keyFile: hostFile().nullable(),
    serverName: z.string({ error: 'must be a host name' }).min(1).nullable(),
  }),
);

/** The schema of a whole configuration. */
export const configSchema = lazy(() =>
  z.strictObject({
    enabled: flag(),
    engine: z.strictObject({ host: engineHost().nullable(), dockerProxies: flag(), tls: engineTls() }),
    workspaceRoot: hostFolder(),
    hostWorkspaceRoot: hostFolder().nullable(),
    secretsRoot: hostFolder().nullable(),
    maxWorkspaceBytes: bytesOrUnlimited(),
    maxFileBytes: bytes(),
    maxDownloadBytes: bytes(),
    maxUploadBytes: bytes(),
    maxLogChars: count(1024),
    persistLogTail: flag(),
    auditMode: z.enum(['required', 'best_effort'], { error: 'must be "required" or "best_effort"' }),
    stopGraceMs: milliseconds(1_000),
    timeouts: z.strictObject({
      default: timeouts(),
      max: z.strictObject({
        queueMs: milliseconds(),
        pullMs: milliseconds(),
        stageMs: milliseconds(),
        runMs: milliseconds(),
        idleOutputMs: milliseconds(),
        stopMs: milliseconds(1_000),
        collectMs: milliseconds(),
      }),
    }),
    retry: z.strictObject({
      default: retry(),
      max: z.strictObject({ maxAttempts: maxAttempts(), maxDelayMs: delay() }),
    }),
    retention: z.strictObject({
      default: retention(),
      max: retention(),
      maxAgeMs: milliseconds(),
      maxBytes: bytes(),
      maxRuns: count(1),
    }),
    maxConcurrentRuns: count(1),
    maxQueuedRuns: count(0),
    budget: z.strictObject({ cpus: cpus(), memoryBytes: bytes().nullable() }),
    concurrencyKeys: z.strictObject({
      maxRunning: count(1).nullable(),
      maxQueued: count(0).nullable(),
      cpus: cpus(),
      memoryBytes: bytes().nullable(),
    }),
    workspace: z.strictObject({
      transport: z.enum(['auto', 'bind', 'volume'], { error: 'must be "auto", "bind" or "volume"' }),
      maxBytes: bytesOrUnlimited(),
      maxEntries: count(1).nullable(),
      minFreeBytes: bytes(0),
      minFreeInodes: count(0),
      maxTotalBytes: bytes().nullable(),
    }),
    images: z.strictObject({
      pullIdleMs: milliseconds(),
      dockerCredentials: flag(),
      gc: z.strictObject({
        maxBytes: bytes().nullable(),
        maxUnusedMs: milliseconds(1, 366 * 86_400_000).nullable(),
        keep: imagePatterns('deny'),
      }),
      build: z.strictObject({
        timeoutMs: milliseconds(),
        idleMs: milliseconds(),
        maxContextBytes: bytes(),
        maxContextEntries: count(1),
      }),
    }),
    outputs: z.strictObject({ maxBytes: bytes(), maxEntries: count(1), maxDepth: count(1, 255) }),
    inputs: z.strictObject({ sha256: flag() }),
    concurrency: z.strictObject({ stage: count(1, 256), upload: count(1, 256) }),
    labelPrefix: z
      .string()
      .regex(
        /^[a-z0-9]([a-z0-9.-]{0,30}[a-z0-9])?$/,
        'must be 1 to 32 of a-z, 0-9, "." and "-", not at the ends',
      ),
    instanceId: text().max(128, 'must not be longer than 128 characters').nullable(),
    stateDir: hostFolder().nullable(),
    recovery: recovery(),
    policy: policySchema(),
  }),
);

/** A rule between two keys that is not kept. */
export interface CrossProblem {
  readonly path: readonly string[];
  readonly message: string;
}

/** What is wrong between the keys of a configuration that is right key by key. */
export function configProblems({
  stopGraceMs,
  timeouts: { default: usual, max },
  retry: { default: usualRetry, max: maxRetry },
  workspaceRoot,
  secretsRoot,
  stateDir,
  images: { gc },
  retention,
  recovery: { leaseMs, leaseExpiryMs },
  workspace: { maxBytes, maxTotalBytes },
  policy,
}: RuntimeConfig): readonly CrossProblem[] {
  const problems: CrossProblem[] = policyProblems(policy).map(({ path, message }) => ({
    path: ['policy', ...path],
    message,
  }));
  if (stateDir !== null && pathsOverlap(workspaceRoot, stateDir)) {
    problems.push({
      path: ['stateDir'],
      message: `must not be the same as, beneath or above workspaceRoot (${workspaceRoot})`,
    });
  }
  for (const name of ['maxBytes', 'maxUnusedMs'] as const) {
    if (gc[name] === null || stateDir !== null) continue;
    problems.push({
      path: ['images', 'gc', name],
      message: 'needs stateDir: what was pulled is remembered there, and nothing else is removed',
    });
  }
  // One renewal may be late, and one may fail.
  if (leaseExpiryMs !== null && leaseExpiryMs < 4 * leaseMs) {
    problems.push({
      path: ['recovery', 'leaseExpiryMs'],
      message: `must be at least four times recovery.leaseMs (${String(4 * leaseMs)})`,
    });
  }
  if (secretsRoot !== null && pathsOverlap(workspaceRoot, secretsRoot)) {
    problems.push({
      path: ['secretsRoot'],
      message: `must not be the same as, beneath or above workspaceRoot (${workspaceRoot})`,
    });
  }
  if (maxTotalBytes !== null && (maxBytes === null || maxBytes > maxTotalBytes)) {
    const message = 'must not be less than workspace.maxBytes, which is what each run counts for';
    problems.push({ path: ['workspace', 'maxTotalBytes'], message });
  }
  const times = [
    ...(['queueMs', 'pullMs', 'stageMs', 'runMs', 'idleOutputMs', 'collectMs'] as const).map(
      (name) => [name, usual[name], ['timeouts', 'default', name]] as const,
    ),
    ['stopMs', stopGraceMs, ['stopGraceMs']] as const,
  ];
  for (const [name, time, path] of times) {
    if (time === null || time <= max[name]) continue;
    problems.push({ path, message: `must not be more than timeouts.max.${name} (${String(max[name])})` });
  }
  for (const name of ['maxAttempts', 'maxDelayMs'] as const) {
    if (usualRetry[name] <= maxRetry[name]) continue;
    problems.push({
      path: ['retry', 'default', name],
      message: `must not be more than retry.max.${name} (${String(maxRetry[name])})`,
    });
  }
  for (const name of ['container', 'workspace'] as const) {
    if (keepsNoMore(retention.default[name], retention.max[name])) continue;
    problems.push({
      path: ['retention', 'default', name],
      message: `must not be more than retention.max.${name} (${retention.max[name]})`,
    });
  }
  return problems;
}

/** What is wrong between the keys of a policy that is right key by key. */
export function policyProblems({
  network,
  limits,
}: Pick<Policy, 'network' | 'limits'>): readonly CrossProblem[] {
  const problems: CrossProblem[] = [];
  if (network.enforceIsolation && network.defaultMode !== 'none') {
    problems.push({
      path: ['network', 'defaultMode'],
      message: 'Network isolation is enforced but the default network mode is not "none".',
    });
  }
  if (!network.allowedModes.includes(network.defaultMode)) {
    problems.push({
      path: ['network', 'defaultMode'],
      // Names both: in the environment it is told of the one that is set.
      message: `network.defaultMode "${network.defaultMode}" must be among network.allowedModes (${network.allowedModes.join(', ')})`,
    });
  }
  for (const name of ['cpus', 'memoryBytes', 'pidsLimit', 'shmBytes'] as const) {
    const most = limits.max[name];
    if (most !== null && limits.default[name] > most) {
      problems.push({
        path: ['limits', 'default', name],
        message: `must not be more than limits.max.${name} (${String(most)})`,
      });
    }
  }
  for (const [index, { soft, hard }] of limits.default.ulimits.entries()) {
    if (soft > hard) {
      problems.push({
        path: ['limits', 'default', 'ulimits', String(index)],
        message: 'must not have soft above hard',
      });
    }
  }
  return problems;
}

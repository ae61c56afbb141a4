import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG } from '../../src/config/defaults.js';
import { parseConfig, parsePolicy } from '../../src/config/parse.js';
import type { RuntimeConfigInput } from '../../src/config/runtime-config.js';
import { ConfigError, type Issue, issuesOf } from '../../src/errors.js';
import { DEFAULT_POLICY } from '../../src/policy/defaults.js';

/** What a caller without types could pass. */
const untyped = (input: unknown): RuntimeConfigInput => input as RuntimeConfigInput;

function issuesFor(...layers: readonly unknown[]): readonly Issue[] {
  try {
    parseConfig(...layers.map(untyped));
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return issuesOf(error);
  }
  return [];
}

const pathsFor = (...layers: readonly unknown[]): readonly string[] =>
  issuesFor(...layers).map(({ path }) => path);

describe('parseConfig: layers', () => {
  it('gives the defaults for no layer, and for empty ones', () => {
    expect(parseConfig()).toEqual(DEFAULT_CONFIG);
    expect(parseConfig({}, { policy: {} }, { policy: { network: {} } })).toEqual(DEFAULT_CONFIG);
  });

  it('keeps the documented defaults', () => {
    expect(parseConfig()).toMatchObject({
      enabled: true,
      engine: { host: null },
      workspaceRoot: '/tmp/berthkit',
      maxWorkspaceBytes: 10_737_418_240,
      maxFileBytes: 536_870_912,
      maxDownloadBytes: 5_368_709_120,
      maxUploadBytes: 5_368_709_120,
      maxLogChars: 16_384,
      persistLogTail: true,
      stopGraceMs: 5_000,
      timeouts: {
        default: {
          pullMs: 600_000,
          stageMs: 600_000,
          runMs: 3_600_000,
          collectMs: 600_000,
          secretsMs: 30_000,
        },
        max: { runMs: 86_400_000 },
      },
      maxConcurrentRuns: 4,
      maxQueuedRuns: 1_000,
      outputs: { maxBytes: 5_368_709_120, maxEntries: 10_000, maxDepth: 32 },
      inputs: { sha256: true },
      concurrency: { stage: 4, upload: 4 },
      labelPrefix: 'berthkit',
      instanceId: null,
    });
  });

  it('merges objects, replaces arrays, lets the later layer win and ignores undefined', () => {
    const config = parseConfig(
      { maxConcurrentRuns: 2, policy: { images: { allow: ['a:1', 'b:1'], requireDigest: true } } },
      { maxConcurrentRuns: 3, maxQueuedRuns: undefined, policy: { images: { allow: ['c:1'] } } },
    );
    expect(config.maxConcurrentRuns).toBe(3);
    expect(config.maxQueuedRuns).toBe(1_000);
    expect(config.policy.images.allow).toEqual(['c:1']);
    expect(config.policy.images.requireDigest).toBe(true);
    expect(config.policy.network).toEqual(DEFAULT_POLICY.network);
  });

  it.each(['unix:///a b/c.sock', 'ssh://me@host/a b/c.sock'])(
    'takes a socket whose path has a space in it: %s',
    (host) => {
      expect(parseConfig({ engine: { host } }).engine.host).toBe(host);
    },
  );

  it('ignores an unknown key that is undefined', () => {
    expect(parseConfig(untyped({ other: undefined, engine: { other: undefined } }))).toEqual(DEFAULT_CONFIG);
  });

  it('freezes the result deeply and nothing of the caller', () => {
    const mine = { policy: { images: { allow: ['busybox:*'] } } };
    const config = parseConfig(mine);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.policy.images.allow)).toBe(true);
    expect(Object.isFrozen(mine.policy.images.allow)).toBe(false);
    mine.policy.images.allow.push('other:1');
    expect(config.policy.images.allow).toEqual(['busybox:*']);
    expect(Object.isFrozen(DEFAULT_CONFIG.policy.images.allow)).toBe(
      Object.isFrozen(DEFAULT_POLICY.images.allow),
    );
  });

  it.each(['{"__proto__":{"polluted":1}}', '{"policy":{"__proto__":{"polluted":1}}}'])(
    'reaches no prototype through %s',
    (json) => {
      expect(pathsFor(JSON.parse(json))).toHaveLength(1);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    },
  );

  it('takes the word alone for how dead runs are dealt with', () => {
    const both = parseConfig({ recovery: { everyMs: 5_000 } }, { recovery: 'adopt' });
    expect(both.recovery).toEqual({ ...parseConfig().recovery, everyMs: 5_000, mode: 'adopt' });
    expect(() => parseConfig({ recovery: 'resume' as 'adopt' })).toThrow(
      /recovery\.mode: must be "remove" or "adopt"/,
    );
  });

  it('is idempotent', () => {
    const once = parseConfig({ maxFileBytes: 7, policy: { gpu: { enabled: true } } });
    expect(parseConfig(once)).toEqual(once);
  });
});

describe('parseConfig: sizes and durations', () => {
  it.each([
    ['10GB', 10_000_000_000],
    ['10GiB', 10_737_418_240],
    ['512m', 536_870_912],
    [1, 1],
    ['unlimited', null],
    ['UNLIMITED', null],
    ['0', null],
    [0, null],
    [null, null],
  ])('reads maxWorkspaceBytes %j as %j', (given, expected) => {
    expect(parseConfig(untyped({ maxWorkspaceBytes: given })).maxWorkspaceBytes).toBe(expected);
  });

  it.each([
    ['10s', 10_000],
    ['1m', 60_000],
    [1000, 1000],
  ] as const)('reads stopGraceMs %j as %j', (given, expected) => {
    expect(parseConfig(untyped({ stopGraceMs: given })).stopGraceMs).toBe(expected);
  });

  it.each([
    '-5',
    -5,
    '10KB',
    '10M',
    '1.5',
    1.5,
    'much',
    '',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    true,
    [],
    {},
  ])('refuses maxWorkspaceBytes %j', (given) => {
    expect(pathsFor({ maxWorkspaceBytes: given })).toEqual(['maxWorkspaceBytes']);
  });
});

describe('parseConfig: what is refused', () => {
  it.each([
    ['maxLogChars', { maxLogChars: 1023 }],
    ['stopGraceMs', { stopGraceMs: 999 }],
    ['stopGraceMs', { stopGraceMs: '30d' }],
    ['timeouts.default.runMs', { timeouts: { default: { runMs: 2 ** 31 }, max: { runMs: 2 ** 31 - 1 } } }],
    ['maxFileBytes', { maxFileBytes: 0 }],
    ['maxFileBytes', { maxFileBytes: 'unlimited' }],
    ['maxConcurrentRuns', { maxConcurrentRuns: 0 }],
    ['maxConcurrentRuns', { maxConcurrentRuns: 1.5 }],
    ['outputs.maxDepth', { outputs: { maxDepth: 0 } }],
    ['inputs.sha256', { inputs: { sha256: 'sometimes' } }],
    ['concurrency.stage', { concurrency: { stage: 257 } }],
    ['enabled', { enabled: 'yes' }],
    ['engine.host', { engine: { host: 'example:2375' } }],
    ['engine.host', { engine: { host: 'tcp://ho\nst:2375' } }],
    ['engine.host', { engine: { host: 'tcp://host:2375\n' } }],
    ['engine.host', { engine: { host: 'https://host\t:2376' } }],
    ['engine.host', { engine: { host: 'ssh://me@ho st' } }],
    ['engine.host', { engine: { host: 'ssh://me@host/a\nb.sock' } }],
    ['engine.host', { engine: { host: 'tcp://host\u0085:2375' } }],
    ['workspaceRoot', { workspaceRoot: 'work' }],
    ['workspaceRoot', { workspaceRoot: '/a/../b' }],
    ['workspaceRoot', { workspaceRoot: '/a\0b' }],
    ['labelPrefix', { labelPrefix: 'Upper' }],
    ['labelPrefix', { labelPrefix: '' }],
    ['instanceId', { instanceId: ' ' }],
    ['policy.images.allow.1', { policy: { images: { allow: ['a:1', 'UPPER:1'] } } }],
    ['policy.images.allow.0', { policy: { images: { allow: ['reg.example*'] } } }],
    ['images.gc.maxBytes', { images: { gc: { maxBytes: '50GiB' } } }],
    ['images.gc.maxUnusedMs', { images: { gc: { maxUnusedMs: '24h' } } }],
    ['images.gc.maxBytes', { stateDir: '/var/lib/x', images: { gc: { maxBytes: 0 } } }],
    ['images.gc.keep.0', { images: { gc: { keep: ['UPPER:1'] } } }],
    ['policy.images.deny.0', { policy: { images: { deny: [''] } } }],
    ['policy.images.allowedPullPolicies', { policy: { images: { allowedPullPolicies: [] } } }],
    ['policy.images.allowedPullPolicies.0', { policy: { images: { allowedPullPolicies: ['missing'] } } }],
    ['policy.network.defaultMode', { policy: { network: { defaultMode: 'host' } } }],
    ['policy.network.defaultMode', { policy: { network: { defaultMode: 'bridge' } } }],
    ['policy.network.defaultMode', { policy: { network: { allowedModes: ['bridge'] } } }],
    ['policy.network.allowedModes.1', { policy: { network: { allowedModes: ['none', 'host'] } } }],
    ['policy.limits.default.cpus', { policy: { limits: { max: { cpus: 0.5 } } } }],
    ['policy.limits.default.memoryBytes', { policy: { limits: { default: { memoryBytes: '5m' } } } }],
    ['policy.limits.default.memoryBytes', { policy: { limits: { default: { memoryBytes: '5g' } } } }],
    [
      'policy.limits.default.ulimits.0',
      { policy: { limits: { default: { ulimits: [{ name: 'nofile', soft: 2, hard: 1 }] } } } },
    ],
    ['policy.security.user', { policy: { security: { user: 'root' } } }],
    ['policy.security.capabilities.0', { policy: { security: { capabilities: ['CAP_CHOWN'] } } }],
    ['policy.security.capabilities.0', { policy: { security: { capabilities: ['ALL'] } } }],
    ['policy.security.mountRoots.0', { policy: { security: { mountRoots: ['/etc'] } } }],
    ['policy.mode', { policy: { mode: 'observe' } }],
    ['timeouts.default.runMs', { timeouts: { max: { runMs: '10m' } } }],
    ['maxQueuedRun', { maxQueuedRun: 1 }],
    ['policy.network.defaultmode', { policy: { network: { defaultmode: 'none' } } }],
    ['policy', { policy: null }],
    ['(root)', null],
    ['(root)', []],
    ['(root)', 'text'],
  ])('%s in %j', (path, layer) => {
    expect(pathsFor(layer)).toEqual([path]);
  });

  it('lists every bad value in one error, with the value and what is allowed', () => {
    const issues = issuesFor({ maxLogChars: 5, stopGraceMs: 'soon', enabled: 'yes', policy: null });
    expect(issues.map(({ path }) => path).sort()).toEqual([
      'enabled',
      'maxLogChars',
      'policy',
      'stopGraceMs',
    ]);
    const messageOf = (path: string): string => issues.find((issue) => issue.path === path)?.message ?? '';
    expect(messageOf('maxLogChars')).toContain('at least 1024');
    expect(messageOf('maxLogChars')).toContain('5');
    expect(messageOf('stopGraceMs')).toContain('"soon"');
    expect(messageOf('enabled')).toContain('"yes"');
    expect(messageOf('policy')).toContain('null');
  });

  it('has them all in the message too', () => {
    expect(() => parseConfig(untyped({ maxLogChars: 5, enabled: 1 }))).toThrow(
      /maxLogChars[^]*enabled|enabled[^]*maxLogChars/,
    );
  });

  it('names the nearest known key for a misspelt one', () => {
    expect(issuesFor({ maxConcurentRuns: 1 })).toEqual([
      {
        code: 'config.unknown_key',
        path: 'maxConcurentRuns',
        message: 'is no known key; did you mean "maxConcurrentRuns"?',
      },
    ]);
  });

  it('says what isolation means for the default mode, in the words of the document', () => {
    expect(issuesFor({ policy: { network: { defaultMode: 'bridge' } } })[0]?.message).toContain(
      'Network isolation is enforced but the default network mode is not "none".',
    );
  });

  it('never throws anything but ConfigError', () => {
    fc.assert(
      fc.property(fc.array(fc.anything(), { maxLength: 3 }), (layers) => {
        issuesFor(...layers);
      }),
    );
  });
});

describe('parsePolicy', () => {
  it('gives the default policy, and merges over it', () => {
    expect(parsePolicy()).toEqual(DEFAULT_POLICY);
    expect(parsePolicy({ images: { deny: ['bad:*'] } }).images.deny).toEqual(['bad:*']);
  });

  it('lists problems with paths of the policy itself', () => {
    expect(() => parsePolicy({ network: { defaultMode: 'bridge' } })).toThrow(/- network\.defaultMode: /);
  });
});

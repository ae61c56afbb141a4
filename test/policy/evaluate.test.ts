import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContainerDraft, RunRequest } from '../../src/plan/container-spec.js';
import { DEFAULT_POLICY } from '../../src/policy/defaults.js';
import { type EvaluateOptions, evaluatePolicy } from '../../src/policy/evaluate.js';
import type { Policy } from '../../src/policy/policy.js';
import { evaluateImagePolicy } from '../../src/policy/rules/image.js';
import { toPolicySubject } from '../../src/policy/subject.js';
import type { PolicyDecision } from '../../src/result.js';
import { requestWith } from './requests.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const judge = (
  request: RunRequest,
  policy: Partial<Policy> = {},
  options: EvaluateOptions = {},
): PolicyDecision => evaluatePolicy(toPolicySubject(request), { ...DEFAULT_POLICY, ...policy }, options);
const judgeContainer = (
  container: Partial<ContainerDraft>,
  policy: Partial<Policy> = {},
  options: EvaluateOptions = {},
): PolicyDecision => judge(requestWith(container), policy, options);
const asking = (name: string): ContainerDraft['environment'] => [
  { name: 'OTHER', value: '' },
  { name, value: 'all' },
];
const rulesOf = (decision: PolicyDecision): readonly string[] => decision.violations.map(({ rule }) => rule);

describe('images', () => {
  const images = (fields: Partial<Policy['images']>): Partial<Policy> => ({
    images: { ...DEFAULT_POLICY.images, ...fields },
  });

  it.each([
    ['busybox:1', ['busybox:*'], [], true],
    ['busybox:5000/x:1', ['busybox:*'], [], false],
    ['busybox.evil.example/x', ['busybox*'], [], false],
    [`t:1@${DIGEST}`, ['t:1'], [], false],
    ['company-registry.local/team/app:1', ['company-registry.local/*'], [], true],
    ['alpine:3', [], ['docker.io/library/alpine'], false],
    ['index.docker.io/library/alpine:3', [], ['alpine'], false],
    ['alpine:3', ['*'], ['alpine:*'], false],
    ['alpine', ['alpine:latest'], [], true],
    ['alpine:3', ['alpine'], [], false],
    ['8', ['*'], [], false],
    ['', [], [], false],
  ])('%s with allow %j and deny %j: %s', (image, allow, deny, expected) => {
    expect(judgeContainer({ image }, images({ allow, deny })).allowed).toBe(expected);
    expect(evaluateImagePolicy(image, { allow, deny }).allowed).toBe(expected);
  });

  it('names the pattern that decided, and the canonical form', () => {
    const decision = judgeContainer({}, images({ allow: ['alpine:*', 'busybox:*'] }));
    const reason = decision.rules.find(({ rule }) => rule === 'policy.image')?.reason;
    expect(reason).toBe('allowed by images.allow[1] "busybox:*" as docker.io/library/busybox:1');
  });

  it('says what may run instead', () => {
    const [violation] = judgeContainer({ image: 'evil:1' }, images({ allow: ['busybox:*'] })).violations;
    expect(violation).toMatchObject({ rule: 'policy.image', path: 'docker.image', severity: 'error' });
    expect(violation?.hint).toContain('busybox:*');
  });

  it('denies when a deny pattern cannot be understood', () => {
    expect(evaluateImagePolicy('busybox:1', { allow: [], deny: ['UPPER/*x'] }).allowed).toBe(false);
    expect(evaluateImagePolicy('busybox:1', { allow: ['UPPER/*x'] })).toMatchObject({
      allowed: false,
      reason:
        'images.allow[0] "UPPER/*x" is no pattern: the repository name must be lower-case: no image name matches otherwise',
    });
    expect(evaluateImagePolicy('UPPER', { allow: [] })).toMatchObject({
      allowed: false,
      reason: 'no image reference: the repository name must be lower-case',
    });
  });

  it('demands digests and pull policies', () => {
    expect(rulesOf(judgeContainer({}, images({ requireDigest: true })))).toEqual(['policy.image_digest']);
    expect(judgeContainer({ image: `busybox@${DIGEST}` }, images({ requireDigest: true })).allowed).toBe(
      true,
    );
    expect(
      rulesOf(
        judgeContainer({ pullPolicies: ['always'] }, images({ allowedPullPolicies: ['ifNotPresent'] })),
      ),
    ).toEqual(['policy.pull_policy']);
    expect(rulesOf(judgeContainer({}, images({ allowedPullPolicies: ['always'] })))).toEqual([
      'policy.pull_policy',
    ]);
  });

  it('demands of a list of pull policies that each is permitted', () => {
    const policy = images({ allowedPullPolicies: ['ifNotPresent', 'never'] });
    const decision = judgeContainer({ pullPolicies: ['never', 'always', 'ifNotPresent'] }, policy);
    expect(decision.violations).toMatchObject([
      {
        path: 'docker.imagePullPolicy.1',
        message: 'pull policy "always" is not permitted; allowed: ifNotPresent, never',
        hint: 'use "ifNotPresent" or "never"',
      },
    ]);
    const both = judgeContainer({ pullPolicies: ['ifNotPresent', 'never'] }, policy);
    expect(both.rules.find(({ rule }) => rule === 'policy.pull_policy')?.reason).toBe(
      'pull policy "ifNotPresent", then "never" is permitted',
    );
  });

  it('judges every spelling of one image alike', () => {
    const spellings = [
      'alpine',
      'alpine:latest',
      'library/alpine',
      'docker.io/alpine',
      'docker.io/library/alpine:latest',
      'index.docker.io/library/alpine',
    ];
    const pattern = fc.constantFrom(
      '*',
      'alpine',
      'alpine:*',
      'library/*',
      'docker.io/*',
      'docker.io/library/alpine',
      'busybox:*',
      'a*',
      'index.docker.io/library/*',
      'ghcr.io/*',
      '*/alpine:latest',
    );
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 3 }), fc.array(pattern, { maxLength: 3 }), (allow, deny) => {
        const decisions = spellings.map((image) => evaluateImagePolicy(image, { allow, deny }).allowed);
        expect(new Set(decisions).size).toBe(1);
      }),
    );
  });
});

describe('network', () => {
  const network = (fields: Partial<Policy['network']>): Partial<Policy> => ({
    network: { ...DEFAULT_POLICY.network, ...fields },
  });
  const open = { enforceIsolation: false, allowOverride: true } as const;

  it.each([
    ['nothing asked, isolated', null, {}, 'none', null],
    ['none asked, isolated', 'none', {}, 'none', null],
    [
      'bridge asked, isolated',
      'bridge',
      {},
      null,
      'Network isolation is enforced; containers must run with network mode "none"',
    ],
    [
      'bridge asked, not in the list',
      'bridge',
      { ...open, allowedModes: ['none'] },
      null,
      'Network mode bridge is not permitted in this environment',
    ],
    [
      'not in the list comes before isolation',
      'bridge',
      { allowedModes: ['none'] },
      null,
      'Network mode bridge is not permitted in this environment',
    ],
    [
      'override off',
      'bridge',
      { enforceIsolation: false },
      null,
      'Network mode overrides are disabled. Use none',
    ],
    [
      'override off, the default asked',
      'bridge',
      { enforceIsolation: false, defaultMode: 'bridge' },
      'bridge',
      null,
    ],
    ['override on', 'bridge', open, 'bridge', null],
    [
      'nothing asked, default bridge',
      null,
      { enforceIsolation: false, defaultMode: 'bridge' },
      'bridge',
      null,
    ],
  ] as const)('%s', (_name, networkMode, fields, expected, message) => {
    const decision = judgeContainer({ networkMode }, network(fields));
    expect(decision.networkMode).toBe(expected);
    expect(decision.violations.map((violation) => violation.message)).toEqual(
      message === null ? [] : [message],
    );
  });
});

describe('the other rules', () => {
  it('keeps GPUs for those who may have them', () => {
    expect(judgeContainer({ requiresGpu: true }).violations[0]?.message).toBe(
      'GPU execution is not enabled in this environment',
    );
    const decision = judgeContainer({ requiresGpu: true }, { gpu: { enabled: true, preflight: true } });
    expect([decision.allowed, decision.gpu]).toEqual([true, true]);
  });

  it.each<[string, Partial<Policy['security']>, boolean]>([
    ['runsc', {}, false],
    ['runsc', { allowedRuntimes: ['kata'] }, false],
    ['runsc', { allowedRuntimes: ['kata', 'runsc'] }, true],
    ['runsc', { runtime: 'runsc' }, true],
    ['runc', { runtime: 'runsc', allowedRuntimes: ['kata'] }, false],
  ])('takes a runtime only from the operator: %s under %j', (runtime, security, expected) => {
    const decision = judgeContainer({ runtime }, { security: { ...DEFAULT_POLICY.security, ...security } });
    expect(decision.allowed).toBe(expected);
    expect(decision.violations.map(({ path }) => path)).toEqual(expected ? [] : ['docker.security.runtime']);
  });

  it.each<[string, Partial<ContainerDraft>, boolean]>([
    ['docker.resources.gpu', { resources: { gpu: { count: 1 } } }, true],
    ['docker.resources.gpu', { resources: { gpu: { ids: ['0'] } } }, true],
    ['docker.environment.1.name', { environment: asking('NVIDIA_VISIBLE_DEVICES') }, false],
  ])('keeps GPUs also from who asks by %s', (path, container, gpu) => {
    const denied = judgeContainer(container);
    expect(denied.violations).toEqual([
      expect.objectContaining({
        rule: 'policy.gpu',
        path,
        message: expect.stringContaining('not enabled') as string,
      }),
    ]);
    expect(denied.gpu).toBe(false);
    expect(judgeContainer(container, { gpu: { enabled: true, preflight: true } })).toMatchObject({
      allowed: true,
      gpu,
    });
  });

  it.each([
    ['cpus', { cpus: 5 }, 'docker.resources.cpus'],
    ['memory', { memoryBytes: 5 * 1024 ** 3 }, 'docker.resources.memoryBytes'],
    ['pids', { pidsLimit: 5000 }, 'docker.resources.pidsLimit'],
    ['shm', { shmBytes: 2 * 1024 ** 3 }, 'docker.resources.shmBytes'],
    [
      'a ulimit too high',
      { ulimits: [{ name: 'nofile', soft: 1, hard: 70_000 }] },
      'docker.resources.ulimits.0',
    ],
    [
      'a ulimit that is not listed',
      { ulimits: [{ name: 'memlock', soft: 1, hard: 1 }] },
      'docker.resources.ulimits.0',
    ],
    [
      'an inherited name',
      { ulimits: [{ name: 'constructor', soft: 1, hard: 1 }] },
      'docker.resources.ulimits.0',
    ],
  ])('bounds %s', (_name, resources, path) => {
    expect(judgeContainer({ resources }).violations).toMatchObject([{ rule: 'policy.resources', path }]);
  });

  it('takes what equals the bound', () => {
    expect(
      judgeContainer({ resources: { cpus: 4, memoryBytes: 4 * 1024 ** 3, pidsLimit: 4096 } }).allowed,
    ).toBe(true);
  });

  it('bounds the run time and says by how much', () => {
    const decision = judge(
      requestWith({}, { timeouts: { runMs: 2000 } }),
      {},
      { maxTimeouts: { runMs: 1000 } },
    );
    expect(decision.violations).toMatchObject([
      { rule: 'policy.timeouts', path: 'timeoutMs', hint: 'ask for at most 1000' },
    ]);
  });

  it('bounds attempts and pauses, each by its own', () => {
    const maxRetry = { maxAttempts: 3, maxDelayMs: 1000 };
    const asked = (retry: object) => judge(requestWith({}, { retry }), {}, { maxRetry });
    expect(asked({ maxAttempts: 4, maxDelayMs: 1001 }).violations).toMatchObject([
      { rule: 'policy.retry', path: 'retry.maxAttempts', hint: 'ask for at most 3' },
      { rule: 'policy.retry', path: 'retry.maxDelayMs', hint: 'ask for at most 1000' },
    ]);
    expect(asked({ maxAttempts: 3, maxDelayMs: 1000 }).allowed).toBe(true);
    expect(judge(requestWith({}, { retry: { maxAttempts: 10 } })).allowed).toBe(true);
  });

  it.each([
    ['another user without being root', '1001:1001', { uid: 1000, gid: 1000 }, false, ['policy.user']],
    ['its own user', '1000:1000', { uid: 1000, gid: 1000 }, false, []],
    ['another group', '1000:5', { uid: 1000, gid: 1000 }, false, ['policy.user']],
    ['any user for a root caller', '1001', { uid: 0, gid: 0 }, false, []],
    ['root', '0:0', { uid: 0, gid: 0 }, false, ['policy.user']],
    ['a number no engine takes', '2147483648:1', { uid: 0, gid: 0 }, false, ['policy.user']],
    ['the root group', '1000:0', { uid: 0, gid: 0 }, false, ['policy.user']],
    ['root where allowed', '0:0', { uid: 0, gid: 0 }, true, []],
    ['any user where the caller is not known', '1001:1001', null, false, []],
  ] as const)('lets a job be %s', (_name, user, caller, allowRoot, rules) => {
    const security = { ...DEFAULT_POLICY.security, allowRoot };
    expect(rulesOf(judgeContainer({ user }, { security }, { caller }))).toEqual(rules);
  });

  it('keeps mounts in mountRoots and names that key', () => {
    const request = requestWith(
      {},
      {
        inputs: [
          {
            id: null,
            source: { type: 'inline', content: '', encoding: 'utf8' },
            workspacePath: 'a',
            mountPath: '/data/../opt/a',
            optional: false,
          },
          {
            id: null,
            source: { type: 'inline', content: '', encoding: 'utf8' },
            workspacePath: 'b',
            mountPath: '/database/b',
            optional: false,
          },
          {
            id: null,
            source: { type: 'inline', content: '', encoding: 'utf8' },
            workspacePath: 'c',
            mountPath: '/data//c',
            optional: false,
          },
        ],
        configFile: { filename: 'x', mountPath: '/etc2/x', format: 'json' },
      },
    );
    const decision = judge(request, { security: { ...DEFAULT_POLICY.security, mountRoots: ['/data/'] } });
    expect(decision.violations.map(({ path }) => path)).toEqual([
      'docker.inputs.0.mountPath',
      'docker.inputs.1.mountPath',
      'docker.configFile.mountPath',
    ]);
    expect(decision.violations[0]?.message).toContain('policy.security.mountRoots');
  });

  it('denies variables and secrets by pattern', () => {
    const environment = [
      { name: 'LD_PRELOAD', value: 'x' },
      { name: 'TOKEN', secret: { source: 'env', key: 'HOST_TOKEN' } },
      { name: 'OTHER', secret: { source: 'store', key: 'team/b' } },
    ] as const;
    const decision = judgeContainer(
      { environment },
      {
        security: { ...DEFAULT_POLICY.security, deniedEnvironment: ['LD_*'] },
        secrets: { ...DEFAULT_POLICY.secrets, allow: ['store:*'] },
      },
    );
    expect(decision.violations).toMatchObject([
      { rule: 'policy.environment', path: 'docker.environment.0.name' },
      { rule: 'policy.secrets', path: 'docker.environment.1.secret' },
    ]);
  });

  it('names variables of a map by their names', () => {
    const secret = { source: 'store', key: 'token' } as const;
    const decision = judgeContainer(
      {
        environment: [
          { name: 'LD_PRELOAD', value: 'x' },
          { name: 'NVIDIA_VISIBLE_DEVICES', value: 'all' },
          { name: 'TOKEN', secret },
        ],
        environmentForm: 'map',
      },
      {
        security: { ...DEFAULT_POLICY.security, deniedEnvironment: ['LD_*'] },
        secrets: { ...DEFAULT_POLICY.secrets, allow: [], delivery: 'file' },
      },
    );
    expect(decision.violations.map(({ rule, path }) => [rule, path])).toEqual([
      ['policy.gpu', 'docker.environment.NVIDIA_VISIBLE_DEVICES'],
      ['policy.environment', 'docker.environment.LD_PRELOAD'],
      ['policy.secrets', 'docker.environment.TOKEN.secret'],
      ['policy.secret_delivery', 'docker.environment.TOKEN.as'],
    ]);
  });

  it('demands a file for every secret where secrets.delivery says so', () => {
    const secret = { source: 'store', key: 'token' } as const;
    const environment = [
      { name: 'PLAIN', value: 'x' },
      { name: 'A', secret },
      { name: 'B', secret, as: 'env' },
      { name: 'C', secret, as: 'file' },
    ] as const;
    const strict = { secrets: { ...DEFAULT_POLICY.secrets, delivery: 'file' } } as const;
    const { violations, rules } = judgeContainer({ environment }, strict);
    expect(violations).toMatchObject([
      { rule: 'policy.secret_delivery', path: 'docker.environment.1.as' },
      { rule: 'policy.secret_delivery', path: 'docker.environment.2.as' },
    ]);
    expect(violations[0]).toMatchObject({
      message: expect.stringContaining('"store:token" for variable A') as unknown,
      hint: expect.stringContaining('as: "file"') as unknown,
    });
    expect(rules.map(({ rule }) => rule)).toContain('policy.secret_delivery');
    expect(judgeContainer({ environment: environment.slice(3) }, strict).allowed).toBe(true);
    expect(judgeContainer({ environment }, {}).allowed).toBe(true);
  });

  it('bounds storage by mount and prefix, in whole segments', () => {
    const output = (pathTemplate: string, backendMountId = '5') => ({
      id: null,
      workspacePath: 'o',
      optional: false,
      when: 'always' as const,
      specialFiles: 'skip' as const,
      upload: { backendMountId, pathTemplate, contentType: null, mode: null, overwrite: false },
    });
    const write = ['5:reports', '7'];
    const outputs = [
      output('reports/${runId}.pdf'),
      output('/reports/a'),
      output('reports-old/a'),
      output('report${runId}/a'),
      output('x', '7'),
      output('x', '8'),
      output('${runId}/reports'),
    ];
    const decision = judge(requestWith({}, { outputs }), { storage: { read: ['*'], write } });
    expect(decision.violations.map(({ path }) => path)).toEqual(
      [2, 3, 5, 6].map((index) => `docker.outputs.${String(index)}.upload`),
    );
  });
});

describe('rules of the operator', () => {
  const violation = {
    rule: 'acme.x',
    path: 'docker',
    message: 'not at night',
    severity: 'error',
    hint: null,
  } as const;
  it.each([
    ['objects', () => [violation], false],
    ['warns', () => [{ ...violation, severity: 'warning' as const }], true],
    ['has nothing against it', () => [], true],
    [
      'throws',
      () => {
        throw new Error('secret detail');
      },
      false,
    ],
    ['answers nonsense', () => 'no' as unknown as [], false],
    ['answers a promise', () => Promise.resolve([]) as unknown as [], false],
  ] as const)('a rule that %s', (_name, evaluate, allowed) => {
    const decision = judge(requestWith(), {}, { rules: [{ id: 'acme.x', evaluate }] });
    expect(decision.allowed).toBe(allowed);
    expect(JSON.stringify(decision)).not.toContain('secret detail');
    expect(decision.rules.at(-1)?.rule).toBe('acme.x');
  });

  it('cannot be fooled by what a rule changes: the subject is judged as a whole and JSON-safe', () => {
    const decision = judge(requestWith());
    expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
    expect(decision.rules).toHaveLength(15);
  });
});

import { diffPolicies, evaluateJob, testPolicy } from 'berthkit/policy';
import { describe, expect, it } from 'vitest';

const busybox = { docker: { image: 'busybox:1' } };
const evil = { docker: { image: 'evil:1', networkMode: 'bridge' } };
const policy = { images: { allow: ['busybox:*'] } };

describe('evaluateJob', () => {
  it('judges shape, then policy, and never throws for a definition', () => {
    expect(evaluateJob(busybox, policy)).toMatchObject({
      allowed: true,
      issues: [],
      decision: { networkMode: 'none' },
    });
    expect(evaluateJob(evil, policy).decision?.violations.map(({ rule }) => rule)).toEqual([
      'policy.image',
      'policy.network',
    ]);
    expect(evaluateJob({ docker: {} }, policy)).toMatchObject({
      allowed: false,
      decision: null,
      issues: [{ path: 'docker.image' }],
    });
    for (const value of [null, undefined, 5, [], 'x']) expect(evaluateJob(value, policy).allowed).toBe(false);
  });

  it('refuses a policy that cannot be used', () => {
    expect(() => evaluateJob(busybox, { images: { allow: ['busybox.local*'] } })).toThrow(
      expect.objectContaining({ code: 'config.invalid' }) as Error,
    );
  });
});

describe('evaluateJob with a profile', () => {
  const profiled = { ...policy, profiles: { open: { images: { allow: ['evil:*'] } } } };

  it('judges by what the caller names, never by what a definition says', () => {
    const definition = { docker: { image: 'evil:1' }, profile: 'open' };
    expect(evaluateJob(definition, profiled).allowed).toBe(false);
    expect(evaluateJob(definition, profiled, { profile: 'open' }).allowed).toBe(true);
    expect(evaluateJob(busybox, profiled, { profile: 'open' }).allowed).toBe(false);
    expect(
      evaluateJob({ docker: { ...busybox.docker, profile: 'open' } }, profiled, { profile: 'open' }).issues,
    ).toMatchObject([{ path: 'docker.profile' }]);
  });

  it('says which profiles there are', () => {
    expect(evaluateJob(busybox, profiled, { profile: 'opne' })).toEqual({
      allowed: false,
      decision: null,
      issues: [
        expect.objectContaining({
          code: 'validation.unknown_profile',
          path: 'options.profile',
          message: 'must be one of policy.profiles (open); did you mean "open"?',
        }),
      ],
    });
  });

  it('bounds the time where it is told the bound', () => {
    const slow = { ...busybox, timeoutMs: 2000 };
    expect(evaluateJob(slow, policy).allowed).toBe(true);
    expect(evaluateJob(slow, policy, { maxTimeouts: { runMs: 1999 } }).decision?.violations).toMatchObject([
      { rule: 'policy.timeouts' },
    ]);
  });
});

describe('testPolicy', () => {
  it('says which expectations do not hold, and why', () => {
    const results = testPolicy(policy, [
      { name: 'busybox runs', definition: busybox, allowed: true },
      { name: 'evil does not', definition: evil, allowed: false, rules: ['policy.image'] },
      { name: 'wrong expectation', definition: evil, allowed: true },
      { name: 'wrong rule', definition: evil, allowed: false, rules: ['policy.gpu'] },
      { name: 'too lax', definition: busybox, allowed: false },
    ]);
    expect(results.map(({ name, passed }) => [name, passed])).toEqual([
      ['busybox runs', true],
      ['evil does not', true],
      ['wrong expectation', false],
      ['wrong rule', false],
      ['too lax', false],
    ]);
    expect(results.map(({ problem }) => problem)).toEqual([
      null,
      null,
      expect.stringMatching(/^expected allowed, but it is denied: docker\.image: /),
      'expected violations of policy.gpu, but there are policy.image, policy.network',
      'expected denied, but it is allowed',
    ]);
  });

  it('tells warnings from refusals, and takes notes of an audit for warnings', () => {
    const cases = [
      {
        name: 'warned',
        definition: { docker: { image: 'evil:1' } },
        allowed: true,
        warned: ['policy.image'],
      },
      { name: 'not warned', definition: busybox, allowed: true, warned: ['policy.image'] },
    ];
    for (const mode of ['warn', 'audit'] as const) {
      expect(testPolicy({ ...policy, mode }, cases).map(({ problem }) => problem)).toEqual([
        null,
        'expected warnings of policy.image, but there are none',
      ]);
    }
    expect(testPolicy(policy, cases).map(({ passed }) => passed)).toEqual([false, false]);
  });

  it('never passes for a definition that policy did not see', () => {
    const typo = { docker: { imge: 'evil:1' } };
    expect(testPolicy(policy, [{ name: 'typo', definition: typo, allowed: false }])).toEqual([
      {
        name: 'typo',
        passed: false,
        problem: expect.stringMatching(/^the definition could not be judged: docker\.image: /) as string,
      },
    ]);
    const unknown = { name: 'profile', definition: busybox, allowed: true, profile: 'x' };
    expect(testPolicy(policy, [unknown])[0]?.problem).toContain('there are none');
  });

  it('judges each case by its profile, else by that of all', () => {
    const profiled = {
      ...policy,
      profiles: { open: { images: { allow: ['evil:*'] } }, none: { images: { deny: ['*'] } } },
    };
    const cases = [
      { name: 'of all', definition: busybox, allowed: false },
      { name: 'its own', definition: { docker: { image: 'evil:1' } }, allowed: true, profile: 'open' },
    ];
    expect(testPolicy(profiled, cases, { profile: 'none' }).map(({ problem }) => problem)).toEqual([
      null,
      null,
    ]);
  });

  it('asks own rules, and refuses those that cannot be named', () => {
    const rule = { id: 'acme.x', evaluate: () => 'no' as unknown as [] };
    const cases = [{ name: 'x', definition: busybox, allowed: false, rules: ['acme.x'] }];
    expect(testPolicy(policy, cases, { rules: [rule] })).toMatchObject([{ passed: true }]);
    expect(() => testPolicy(policy, cases, { rules: [{ ...rule, id: 'policy.x' }] })).toThrow(/rules\.0\.id/);
    expect(() => diffPolicies(policy, policy, [], { rules: [rule, rule] })).toThrow(/rules\.1\.id/);
  });
});

describe('diffPolicies', () => {
  it('names what a change would newly refuse or let pass', () => {
    const definitions = [busybox, evil, { docker: { image: 'evil:1' }, slug: 'evil' }];
    expect(diffPolicies(policy, { images: { allow: ['evil:*'] } }, definitions)).toEqual([
      {
        index: 0,
        slug: null,
        change: 'newly_denied',
        reason: expect.stringContaining('matches no pattern') as string,
        violations: [expect.objectContaining({ rule: 'policy.image', path: 'docker.image' })],
        changes: [],
      },
      {
        index: 2,
        slug: 'evil',
        change: 'newly_allowed',
        reason: expect.stringContaining('matches no pattern') as string,
        violations: [expect.objectContaining({ rule: 'policy.image' })],
        changes: [],
      },
    ]);
    expect(diffPolicies(policy, policy, definitions)).toEqual([]);
  });

  it('says what containers of jobs that both allow would get: network, limits, hardening', () => {
    const asking = { docker: { image: 'busybox:1', resources: { memoryBytes: '1GiB' } } };
    const after = {
      ...policy,
      network: { enforceIsolation: false, defaultMode: 'bridge' },
      limits: { default: { memoryBytes: '256MiB', cpus: 2 }, max: { outputBytes: 1000 } },
      security: { readOnlyRootFilesystem: false, volumeBytes: 1024 },
    } as const;
    const [first, second] = diffPolicies(policy, after, [busybox, asking]);
    expect(first).toMatchObject({ index: 0, change: 'changed', violations: [] });
    expect(first?.changes).toEqual([
      { path: 'container.networkMode', before: 'none', after: 'bridge' },
      { path: 'container.readOnlyRootFilesystem', before: true, after: false },
      { path: 'container.resources.cpus', before: 1, after: 2 },
      { path: 'container.resources.memoryBytes', before: 512 * 1024 ** 2, after: 256 * 1024 ** 2 },
      { path: 'volumeMask.sizeBytes', before: 64 * 1024 ** 2, after: 1024 },
      { path: 'limits.rootBytes', before: null, after: 1024 ** 3 },
      { path: 'limits.logBytes', before: null, after: 1000 },
    ]);
    expect(first?.reason).toContain('container.networkMode: "none" becomes "bridge"; ');
    // What it asks for itself stays as it is.
    expect(second?.changes.map(({ path }) => path)).not.toContain('container.resources.memoryBytes');
  });

  it('says what policy itself is asked while a job runs, where the job has to do with it', () => {
    const after = {
      ...policy,
      secrets: { onLeak: 'block', allowDisk: true },
      gpu: { preflight: false },
      security: { requireAttestation: true, requireEnforcement: true, acceptUnenforced: ['cpu'] },
    } as const;
    const withOutput = {
      docker: {
        image: 'busybox:1',
        outputs: [{ workspacePath: 'a', upload: 'caller' }],
        environment: { A: { secret: { source: 'store', key: 'a' }, as: 'file' } },
      },
    };
    const [first, second] = diffPolicies(policy, after, [busybox, withOutput]);
    const ofEach = ['requireAttestation', 'requireEnforcement', 'acceptUnenforced'];
    expect(first?.changes.map(({ path }) => path)).toEqual(ofEach.map((name) => `policy.security.${name}`));
    expect(second?.changes.slice(0, 2)).toEqual([
      { path: 'policy.secrets.onLeak', before: 'report', after: 'block' },
      { path: 'policy.secrets.allowDisk', before: false, after: true },
    ]);
    const onGpu = { docker: { image: 'busybox:1', requiresGpu: true } };
    const enabled = { ...policy, gpu: { enabled: true } };
    expect(
      diffPolicies(enabled, { ...enabled, gpu: { enabled: true, preflight: false } }, [onGpu]),
    ).toMatchObject([
      { change: 'changed', changes: [{ path: 'policy.gpu.preflight', before: true, after: false }] },
    ]);
  });

  it('tells what would be warned of, once, with what else changes', () => {
    const stricter = {
      images: { allow: ['busybox:2'] },
      limits: { default: { cpus: 2 } },
      mode: 'warn',
    } as const;
    expect(diffPolicies(policy, stricter, [busybox])).toMatchObject([
      {
        change: 'newly_warned',
        reason: expect.stringMatching(/^docker\.image: .* matches no pattern/) as string,
        violations: [{ rule: 'policy.image', severity: 'warning' }],
        changes: [{ path: 'container.resources.cpus', before: 1, after: 2 }],
      },
    ]);
    expect(diffPolicies(policy, { ...stricter, mode: 'audit' }, [busybox])).toMatchObject([
      { change: 'newly_warned', violations: [{ severity: 'error' }] },
    ]);
    const lessStrict = { images: { allow: ['busybox:3'] }, mode: 'warn' } as const;
    expect(diffPolicies({ ...stricter, limits: {} }, lessStrict, [busybox])).toEqual([]);
    expect(diffPolicies(stricter, { ...stricter, mode: 'enforce' }, [busybox])).toMatchObject([
      { change: 'newly_denied' },
    ]);
  });

  it('bounds the time by each side’s own maximum', () => {
    const slow = { ...busybox, timeoutMs: 2000 };
    expect(
      diffPolicies(policy, policy, [slow], {
        before: { maxTimeouts: { runMs: 5000 } },
        after: { maxTimeouts: { runMs: 1000 } },
      }),
    ).toMatchObject([{ change: 'newly_denied', violations: [{ rule: 'policy.timeouts' }] }]);
  });

  it('compares one profile with itself, and what loses its profile is refused', () => {
    const before = { ...policy, profiles: { open: { images: { allow: ['evil:*'] } } } };
    const after = { ...policy, profiles: { open: { images: { allow: ['other:*'] } } } };
    const evilAlone = { docker: { image: 'evil:1' } };
    expect(diffPolicies(before, after, [evilAlone], { profile: 'open' })).toMatchObject([
      { change: 'newly_denied', violations: [{ rule: 'policy.image' }] },
    ]);
    expect(diffPolicies(before, policy, [evilAlone], { profile: 'open' })).toMatchObject([
      {
        change: 'newly_denied',
        reason: expect.stringContaining('options.profile: must be one of') as string,
      },
    ]);
    expect(() => diffPolicies(before, after, [], { profile: 'opne' })).toThrow(
      /"opne" is a profile of neither/,
    );
  });

  it('passes over what has the wrong shape: no policy lets it run', () => {
    expect(diffPolicies(policy, {}, [{ docker: {} }, null, evil])).toEqual([]);
  });
});

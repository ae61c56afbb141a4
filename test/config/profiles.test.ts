/** Profiles and modes of a policy: how they are read, put over the policy, and refused. */
import { describe, expect, it } from 'vitest';
import { parseConfig, parsePolicy } from '../../src/config/parse.js';
import { policyWarnings } from '../../src/config/policy-warnings.js';
import { chooseConfig, choosePolicy } from '../../src/config/profile.js';
import { issuesOf } from '../../src/errors.js';
import { DEFAULT_POLICY } from '../../src/policy/defaults.js';
import type { Policy, PolicyInput } from '../../src/policy/policy.js';
import type { PolicyRule } from '../../src/policy/rule.js';

const policyOf = (input: unknown): Policy => parsePolicy(input as PolicyInput);

function problemsOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    return issuesOf(error).map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

function chosen(policy: Policy, profile: string | undefined): Policy {
  const choice = choosePolicy(policy, profile);
  if (!choice.ok) throw new Error(choice.issue.message);
  return choice.value;
}

const POLICY = policyOf({
  images: { allow: ['base/*'], deny: ['base/old'] },
  limits: { max: { memoryBytes: '2GiB', ulimits: { nofile: 10 } } },
  profiles: {
    ci: { images: { allow: ['ci/*'] }, limits: { max: { memoryBytes: '8GiB', ulimits: { nproc: 5 } } } },
    open: { network: { enforceIsolation: false, defaultMode: 'bridge' }, mode: 'audit' },
    'v1.2-a_b': {},
  },
});

describe('a profile', () => {
  it('is put over the policy: objects key by key, lists as wholes, sizes read', () => {
    const { images, limits, network } = chosen(POLICY, 'ci');
    expect(images).toEqual({ ...POLICY.images, allow: ['ci/*'] });
    expect(limits.max).toEqual({
      ...POLICY.limits.max,
      memoryBytes: 8 * 1024 ** 3,
      ulimits: { ...POLICY.limits.max.ulimits, nproc: 5 },
    });
    expect(network).toEqual(POLICY.network);
  });

  it('that changes nothing is the policy itself, but for the profiles', () => {
    expect(chosen(POLICY, 'v1.2-a_b')).toEqual({ ...POLICY, profiles: {} });
    expect(chosen(POLICY, undefined)).toBe(POLICY);
  });

  it('changes no other profile, and the policy stays', () => {
    expect(chosen(POLICY, 'open')).toMatchObject({ network: { defaultMode: 'bridge' }, mode: 'audit' });
    expect(POLICY.network.defaultMode).toBe('none');
    expect(chosen(POLICY, 'ci').network.defaultMode).toBe('none');
  });

  it('is frozen, and what the operator gave is not', () => {
    const mine = { images: { allow: ['ci/*'] } };
    const policy = policyOf({ profiles: { ci: mine } });
    expect(Object.isFrozen(policy.profiles['ci'])).toBe(true);
    expect(Object.isFrozen(chosen(policy, 'ci').images.allow)).toBe(true);
    expect(Object.isFrozen(mine.images)).toBe(false);
    mine.images.allow.push('evil/*');
    expect(chosen(policy, 'ci').images.allow).toEqual(['ci/*']);
  });

  it('follows a later layer: what the policy says is not repeated in it', () => {
    const config = parseConfig(parseConfig({ policy: POLICY }), {
      policy: { images: { deny: ['base/older'] } },
    });
    expect(chosen(config.policy, 'ci').images).toMatchObject({ allow: ['ci/*'], deny: ['base/older'] });
    const refined = parsePolicy(POLICY, { profiles: { ci: { gpu: { enabled: true } } } });
    expect(chosen(refined, 'ci')).toMatchObject({ gpu: { enabled: true }, images: { allow: ['ci/*'] } });
  });

  it('stands in the place of the policy of a configuration, whose other keys stay', () => {
    const config = parseConfig({ policy: POLICY, maxConcurrentRuns: 9 });
    const choice = chooseConfig(config, 'ci');
    expect(choice).toMatchObject({
      ok: true,
      value: { maxConcurrentRuns: 9, policy: { images: { allow: ['ci/*'] } } },
    });
    expect(Object.isFrozen(choice.ok && choice.value)).toBe(true);
  });

  it.each([
    ['c', 'must be one of policy.profiles (ci, open, v1.2-a_b); did you mean "ci"?'],
    ['CI', 'must be one of policy.profiles (ci, open, v1.2-a_b); did you mean "ci"?'],
    ['nothing-like-it', 'must be one of policy.profiles (ci, open, v1.2-a_b)'],
    ['', 'must be one of policy.profiles (ci, open, v1.2-a_b)'],
    ['constructor', 'must be one of policy.profiles (ci, open, v1.2-a_b)'],
    ['__proto__', 'must be one of policy.profiles (ci, open, v1.2-a_b)'],
    [5, 'must be one of policy.profiles (ci, open, v1.2-a_b)'],
    [null, 'must be one of policy.profiles (ci, open, v1.2-a_b)'],
    [{ toString: 'no' }, 'must be one of policy.profiles (ci, open, v1.2-a_b)'],
  ])('that is not there (%j) is an issue that lists the known ones', (name, message) => {
    expect(choosePolicy(POLICY, name as string)).toEqual({
      ok: false,
      issue: {
        code: 'validation.unknown_profile',
        path: 'options.profile',
        message,
        hint: expect.stringContaining('policy.profiles') as string,
      },
    });
  });

  it('of a policy without any says that there are none', () => {
    expect(choosePolicy(DEFAULT_POLICY, 'ci')).toMatchObject({ issue: { message: /there are none/ } });
  });
});

describe('a profile that cannot be used', () => {
  it.each<[string, unknown, readonly RegExp[]]>([
    [
      'a wrong value',
      { ci: { limits: { max: { cpus: 0 } } } },
      [/^profiles\.ci\.limits\.max\.cpus: must be at least 0\.01; got 0$/],
    ],
    [
      'an unknown key',
      { ci: { image: {} } },
      [/^profiles\.ci\.image: is no known key; did you mean "images"\?$/],
    ],
    ['profiles of its own', { ci: { profiles: {} } }, [/^profiles\.ci\.profiles: is no known key/]],
    [
      'a mode there is not',
      { ci: { mode: 'off' } },
      [/^profiles\.ci\.mode: must be "enforce", "warn" or "audit"; got "off"$/],
    ],
    [
      'values that do not go together',
      { ci: { network: { defaultMode: 'bridge' } } },
      [/^profiles\.ci\.network\.defaultMode: Network isolation is enforced but the default/],
    ],
    ['a list', { ci: [] }, [/^profiles\.ci: must be an object; got a list$/]],
    ['text', { ci: 'open' }, [/^profiles\.ci: must be an object; got "open"$/]],
    ['code', { ci: { images: { allow: () => ['*'] } } }, [/^profiles\.ci: must be plain data; got object$/]],
    ['a name with a blank', { 'c i': {} }, [/^profiles\.c i: must be named with 1 to 64 of/]],
    ['no name', { '': {} }, [/^profiles\.: must be named with/]],
    [
      'several at once',
      { ci: { mode: 'off', gpu: { enabled: 'yes' } }, cd: { security: { user: 'root' } } },
      [
        /^profiles\.ci\.gpu\.enabled: must be true or false; got "yes"$/,
        /^profiles\.ci\.mode: /,
        /^profiles\.cd\.security\.user: must be numeric/,
      ],
    ],
  ])('%s is told with its path', (_name, profiles, expected) => {
    const problems = problemsOf(() => policyOf({ profiles }));
    expect(problems).toEqual(expected.map((pattern) => expect.stringMatching(pattern) as string));
    const inConfig = problemsOf(() => parseConfig({ policy: { profiles } as PolicyInput }));
    expect(inConfig).toEqual(problems.map((problem) => `policy.${problem}`));
  });

  it('does not repeat what is wrong with the policy itself', () => {
    const bad = { network: { defaultMode: 'bridge' }, profiles: { ci: {}, cd: { gpu: { enabled: true } } } };
    expect(problemsOf(() => policyOf(bad))).toEqual([expect.stringMatching(/^network\.defaultMode: /)]);
  });

  it('comes to an end with one that holds itself', () => {
    const profile: Record<string, unknown> = {};
    profile['images'] = profile;
    expect(problemsOf(() => policyOf({ profiles: { ci: profile } }))).not.toEqual([]);
  });

  it('has the keys of a policy suggested for a policy alone', () => {
    expect(problemsOf(() => policyOf({ imags: {} }))).toEqual([
      'imags: is no known key; did you mean "images"?',
    ]);
    expect(problemsOf(() => policyOf({ workspaceRoot: '/x' }))).toEqual([
      expect.stringMatching(/^workspaceRoot: is no known key; known keys: images, network/),
    ]);
  });
});

describe('modes', () => {
  it('take the rules that can be relaxed, and ids that are not built in', () => {
    const modes = { 'policy.image': 'warn', 'policy.network': 'enforce', 'acme.x': 'audit' };
    expect(policyOf({ modes }).modes).toEqual(modes);
  });

  it.each(['network', 'gpu', 'user', 'mounts', 'environment', 'secrets', 'storage'])(
    'never relax policy.%s',
    (name) => {
      for (const mode of ['warn', 'audit']) {
        expect(problemsOf(() => policyOf({ modes: { [`policy.${name}`]: mode } }))).toEqual([
          expect.stringMatching(/^modes\.policy\..*: must be "enforce": this rule is never relaxed/),
        ]);
      }
    },
  );

  it.each<[unknown, RegExp]>([
    [
      { 'policy.imge': 'warn' },
      /names no built-in rule; those with a mode: policy\.image, policy\.image_digest/,
    ],
    [{ 'policy.image': 'off' }, /must be "enforce", "warn" or "audit"/],
    [['policy.image'], /must be an object of rule ids and modes/],
    ['warn', /must be an object of rule ids and modes/],
  ])('%j is refused', (modes, message) => {
    expect(problemsOf(() => policyOf({ modes }))).toEqual([expect.stringMatching(message)]);
  });
});

describe('policyWarnings', () => {
  const rule: PolicyRule = { id: 'acme.x', evaluate: () => [] };
  it.each<[string, unknown, readonly string[]]>([
    ['nothing of a strict policy', { images: { allow: ['x'] }, modes: { 'acme.x': 'enforce' } }, []],
    ['an empty allow list', {}, ['policy.images.allow is empty: any image that is not denied may run']],
    [
      'a mode that refuses nothing',
      { images: { allow: ['x'] }, mode: 'warn' },
      ['policy.mode is "warn": its rules do not refuse a run'],
    ],
    [
      'a single rule that refuses nothing, and one that is not there',
      { images: { allow: ['x'] }, modes: { 'policy.image': 'audit', 'acme.y': 'enforce' } },
      [
        'policy.modes has "audit" for policy.image: the rule does not refuse a run',
        'policy.modes names "acme.y", which is no rule of this runtime',
      ],
    ],
    [
      'what a profile alone does',
      {
        images: { allow: ['x'] },
        profiles: { ci: { mode: 'audit' }, any: { images: { allow: [] } }, same: {} },
      },
      [
        'profile "ci": policy.mode is "audit": its rules do not refuse a run',
        'profile "any": policy.images.allow is empty: any image that is not denied may run',
      ],
    ],
  ])('tell of %s', (_name, input, expected) => {
    expect(policyWarnings(policyOf(input), [rule])).toEqual(expected);
  });
});

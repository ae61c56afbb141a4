import { describe, expect, it } from 'vitest';
import type { SecretReference } from '../../src/plan/container-spec.js';
import { combineSecrets } from '../../src/secrets/combine.js';
import { envSecrets } from '../../src/secrets/env.js';
import { staticSecrets } from '../../src/secrets/static.js';
import type { SecretContext, SecretResolver } from '../../src/secrets/types.js';

const context: SecretContext = {
  runId: 'r1',
  attempt: 1,
  jobSlug: 'job',
  metadata: {},
  profile: null,
  signal: new AbortController().signal,
};
const env = (key: string): SecretReference => ({ source: 'env', key });
const store = (key: string, version?: string): SecretReference => ({ source: 'store', key, version });

describe('envSecrets', () => {
  it.each([undefined, null, {}, { allow: 'JOB_*' }, { allow: undefined }, { allow: ['JOB_*', 5] }])(
    'refuses %j: a text would be a list of its characters, and "*" is every variable',
    (options) => {
      expect(() => envSecrets({ HOME: '/root' }, options as never)).toThrow(
        expect.objectContaining({
          code: 'config.invalid',
          message: 'envSecrets: options.allow must be a list of names',
        }) as Error,
      );
    },
  );

  const resolver = envSecrets({ JOB_A: 'a', JOB_EMPTY: '', OTHER: 'o' }, { allow: ['JOB_*', 'constructor'] });
  it.each([
    ['a listed name', env('JOB_A'), 'a'],
    ['a name that is not listed', env('OTHER'), undefined],
    ['a listed name that is not set', env('JOB_B'), undefined],
    ['an empty value', env('JOB_EMPTY'), undefined],
    ['a name every object has', env('constructor'), undefined],
    ['a reference to a store', store('JOB_A'), undefined],
  ])('%s', async (_, reference, expected) => {
    expect(await resolver(reference, context)).toBe(expected);
  });

  it('hands out nothing with an empty list', async () => {
    expect(await envSecrets({ A: 'a' }, { allow: [] })(env('A'), context)).toBeUndefined();
  });
});

describe('staticSecrets', () => {
  const resolver = staticSecrets({ plain: 'p', versioned: { value: 'v2', version: '2' } });
  it.each([
    ['a plain value', store('plain'), 'p'],
    ['a plain value has no version', store('plain', '1'), undefined],
    ['the right version', store('versioned', '2'), { value: 'v2', version: '2' }],
    ['no version asked for', store('versioned'), { value: 'v2', version: '2' }],
    ['another version', store('versioned', '1'), undefined],
    ['a name every object has', store('constructor'), undefined],
    ['a reference to the environment', env('plain'), undefined],
  ])('%s', async (_, reference, expected) => {
    expect(await resolver(reference, context)).toEqual(expected);
  });
});

describe('combineSecrets', () => {
  it('takes the first answer and asks nobody after it', async () => {
    const asked: string[] = [];
    const answering =
      (name: string, answer: string | undefined): SecretResolver =>
      async () => {
        asked.push(name);
        return Promise.resolve(answer);
      };
    const resolver = combineSecrets(
      answering('a', undefined),
      answering('b', 'from b'),
      answering('c', 'from c'),
    );
    expect(await resolver(store('k'), context)).toBe('from b');
    expect(asked).toEqual(['a', 'b']);
    expect(await combineSecrets()(store('k'), context)).toBeUndefined();
  });

  it('does not go on after one that throws', async () => {
    const failing: SecretResolver = () => Promise.reject(new Error('down'));
    const resolver = combineSecrets(failing, staticSecrets({ k: 'wrong one' }));
    await expect(resolver(store('k'), context)).rejects.toThrow('down');
  });
});

import { ImageError, SecretError, type RegistryAuthRequest, type RegistryCredentials } from 'berthkit';
import { describe, expect, it } from 'vitest';
import {
  findRegistryAuth,
  type RegistryAuthSources,
  withLoginProblem,
} from '../../src/execute/registry-auth.js';

const user = (username: string): RegistryCredentials => ({ username, password: 'p' });

async function find(sources: Partial<RegistryAuthSources>, reference = 'ghcr.io/acme/x:1') {
  const problems: string[] = [];
  const found = await findRegistryAuth(
    { given: undefined, resolver: undefined, ambient: undefined, ...sources },
    {
      reference,
      renew: false,
      timeoutMs: 5_000,
      signal: new AbortController().signal,
      onProblem: (message) => problems.push(message),
    },
  ).catch((error: unknown) => error);
  return { found, problems };
}

describe('credentials are', () => {
  const resolver = async () => Promise.resolve(user('resolver'));
  const ambient = async () => Promise.resolve(user('ambient'));

  it.each<[string, Partial<RegistryAuthSources>, string | null, boolean]>([
    ['the caller’s', { given: { 'ghcr.io': user('given') }, resolver, ambient }, 'given', false],
    [
      'the caller’s under another spelling',
      { given: { 'https://ghcr.io/': user('given') }, resolver },
      'given',
      false,
    ],
    [
      'the resolver’s where the caller’s are for another registry',
      { given: { 'quay.io': user('given') }, resolver, ambient },
      'resolver',
      true,
    ],
    [
      'this machine’s where the resolver has none',
      { resolver: async () => Promise.resolve(undefined), ambient },
      'ambient',
      true,
    ],
    ['this machine’s where there is no resolver', { ambient }, 'ambient', true],
    ['none', {}, null, false],
  ])('%s', async (_, sources, username, isRenewable) => {
    const { found } = await find(sources);
    expect(found).toEqual(username === null ? null : { credentials: user(username), isRenewable });
  });

  it('asked for by registry, with Docker Hub by one name', async () => {
    const asked: Partial<RegistryAuthRequest>[] = [];
    const listening = async ({ registry, reference, renew }: RegistryAuthRequest) => {
      asked.push({ registry, reference, renew });
      return Promise.resolve(undefined);
    };
    for (const reference of ['busybox', 'index.docker.io/acme/x:1', 'reg.local:5000/x'])
      await find({ resolver: listening }, reference);
    expect(asked).toEqual([
      { registry: 'docker.io', reference: 'busybox', renew: false },
      { registry: 'docker.io', reference: 'index.docker.io/acme/x:1', renew: false },
      { registry: 'reg.local:5000', reference: 'reg.local:5000/x', renew: false },
    ]);
  });
});

describe('a resolver that fails', () => {
  it.each<[string, () => unknown, string]>([
    [
      'by what it throws',
      () => {
        throw new Error('hunter2');
      },
      'secret.failed',
    ],
    ['by an answer that is none', () => 'hunter2', 'secret.failed'],
    ['by one with a hole', () => ({ username: 'hunter2' }), 'secret.failed'],
    ['by one that is empty', () => ({ identityToken: '' }), 'secret.failed'],
    [
      'in its own words',
      () => {
        throw new SecretError('secret.timed_out', 'the vault is away');
      },
      'secret.timed_out',
    ],
  ])('%s fails the pull, without what it said', async (_, answer, code) => {
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection
    const { found } = await find({ resolver: async () => answer() as RegistryCredentials });
    expect(found).toMatchObject({ code });
    expect(JSON.stringify(found) + String((found as Error).cause)).not.toContain('hunter2');
  });

  it('is only a warning where it is this machine’s', async () => {
    const ambient = async () => Promise.reject(new SecretError('secret.failed', 'no helper'));
    expect(await find({ ambient })).toEqual({
      found: null,
      problems: ['no credentials for ghcr.io from this machine: no helper'],
    });
  });
});

describe('what kept credentials away', () => {
  const refused = (code: 'image.unauthorized' | 'image.not_found' | 'image.pull_failed', details = {}) =>
    new ImageError(code, 'refused', { hint: 'Log in.', details });

  it.each([
    ['image.unauthorized', {}],
    ['image.not_found', {}],
    ['image.pull_failed', {}],
  ] as const)('is told with what a registry refused: %s', (code, details) => {
    const error = refused(code, details);
    expect(withLoginProblem(error, 'no helper')).toMatchObject({
      ...{ code, message: 'refused', hint: 'no helper. Log in.' },
    });
    // Others that share the pull have it as it was.
    expect(error.hint).toBe('Log in.');
  });

  it.each([
    ['nothing kept them away', refused('image.unauthorized'), undefined],
    ['it is another matter', refused('image.pull_failed', { reason: 'connection_refused' }), 'no helper'],
    ['it is no failure of a registry', new Error('other'), 'no helper'],
  ])('is not where %s', (_, error, problem) => {
    expect(withLoginProblem(error, problem)).toBe(error);
  });
});

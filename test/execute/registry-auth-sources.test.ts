/** Credentials are looked for in their order, and whatever their source does, no message holds what it said. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  areSame,
  findRegistryAuth,
  isCredentials,
  type RegistryAuthSources,
  secretOf,
} from '../../src/execute/registry-auth.js';

const OWN = { username: 'own', password: 'p1' };
const RESOLVED = { username: 'resolved', password: 'p2' };
const AMBIENT = { identityToken: 'token' };

function find(
  sources: Partial<RegistryAuthSources>,
  reference = 'registry.example/a:1',
  signal = new AbortController().signal,
) {
  const problems: string[] = [];
  const found = findRegistryAuth(
    { given: undefined, resolver: undefined, ambient: undefined, ...sources },
    {
      ...{ reference, renew: false, timeoutMs: 1_000, signal },
      onProblem: (message) => void problems.push(message),
    },
  );
  return { problems, found };
}
const failing = async (): Promise<never> => Promise.reject(new Error('hunter2'));

describe('credentials', () => {
  it('are the caller’s, else the resolver’s, else this machine’s, else none', async () => {
    const all = {
      given: { 'registry.example': OWN },
      resolver: async () => Promise.resolve(RESOLVED),
      ambient: async () => Promise.resolve(AMBIENT),
    };
    expect(await find(all).found).toEqual({ credentials: OWN, isRenewable: false });
    expect(await find(all, 'other.example/a:1').found).toEqual({ credentials: RESOLVED, isRenewable: true });
    const nothing = async () => Promise.resolve(undefined);
    expect(await find({ ...all, given: {}, resolver: nothing }).found).toEqual({
      credentials: AMBIENT,
      isRenewable: true,
    });
    expect(
      await find({ resolver: nothing, ambient: async () => Promise.resolve(null as never) }).found,
    ).toBeNull();
    const { found, problems } = find({});
    expect([await found, problems]).toEqual([null, []]);
    expect(
      await find({ resolver: async () => Promise.resolve(null as never), ambient: all.ambient }).found,
    ).toMatchObject({ credentials: AMBIENT });
    expect(await find(all, 'no reference').found).toBeNull();
  });

  it('that a resolver fails to give are an error that names it and repeats nothing', async () => {
    await expect(find({ resolver: failing }).found).rejects.toMatchObject({
      code: 'secret.failed',
      message: 'resolveRegistryAuth failed to give credentials for registry.example',
    });
  });

  it('that this machine fails to give are a warning', async () => {
    const { found, problems } = find({ ambient: failing });
    expect(await found).toBeNull();
    expect(problems).toEqual([
      'no credentials for registry.example from this machine: Docker’s client configuration failed to give credentials for registry.example',
    ]);
  });

  it('of this machine are not waited for when the run is over', async () => {
    const stop = new AbortController();
    const hanging = async () => new Promise<never>(() => undefined);
    const { found, problems } = find({ ambient: hanging }, 'registry.example/a:1', stop.signal);
    stop.abort('enough');
    await expect(found).rejects.toBe('enough');
    expect(problems).toEqual([]);
  });

  it('are objects', () => {
    expect([null, undefined, 'a:b', [], {}].map(isCredentials)).toEqual([false, false, false, false, false]);
  });

  it.each([
    ['a text', 'hunter2'],
    ['an empty password', { username: 'a', password: '' }],
    ['no user', { password: 'hunter2' }],
    ['an empty token', { identityToken: '' }],
    ['a number for a token', { identityToken: 5 }],
  ])('that are %s are refused without being repeated', async (_, answer) => {
    const { found } = find({ resolver: async () => Promise.resolve(answer as never) });
    await expect(found).rejects.toMatchObject({
      code: 'secret.failed',
      message:
        'resolveRegistryAuth gave something else than credentials for registry.example; { username, password } or { identityToken } is allowed',
    });
  });

  it('are the same with the same user and secret', () => {
    expect(areSame(OWN, { ...OWN })).toBe(true);
    expect(areSame(OWN, { ...OWN, username: 'b' })).toBe(false);
    expect(areSame(OWN, { ...OWN, password: 'b' })).toBe(false);
    expect(areSame(AMBIENT, { identityToken: 'token' })).toBe(true);
    expect(areSame(AMBIENT, { username: '', password: 'token' })).toBe(true);
    expect([secretOf(OWN), secretOf(AMBIENT)]).toEqual(['p1', 'token']);
  });
});

describe('a resolver that does not answer', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is given up when its time is over', async () => {
    const { found } = find({ resolver: async () => new Promise<never>(() => undefined) });
    const failed = vi.fn();
    found.catch(failed);
    await vi.advanceTimersByTimeAsync(999);
    expect(failed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(failed).toHaveBeenCalledWith(
      expect.objectContaining({
        code: 'secret.timed_out',
        message: 'resolveRegistryAuth gave no credentials for registry.example within 1000 ms',
      }),
    );
  });
});

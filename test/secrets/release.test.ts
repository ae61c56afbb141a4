/** A secret is let go of once, also where its release hangs, and only where there is something to call. */
import { describe, expect, it, vi } from 'vitest';
import { resolveSecrets } from '../../src/execute/secrets.js';
import type { SecretResolver } from '../../src/secrets/types.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

const context = { runId: 'r1', attempt: 1, jobSlug: 'job', metadata: {}, profile: null };
const resolved = async (release: unknown) => {
  const resolver = (async () => Promise.resolve({ value: 'v', release })) as unknown as SecretResolver;
  const variable = { name: 'A', secret: { source: 'store', key: 'k' } } as const;
  return resolveSecrets([variable], resolver, context, { timeoutMs: 1_000 });
};

describe('the release of a secret', () => {
  it('that hangs is given up after 10 s, and told', async () => {
    const secrets = await resolved(async () => new Promise(() => undefined));
    const told = vi.fn();
    void secrets.release().then(told);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(told).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toHaveBeenCalledWith(['the release of secret "store:k" for variable A failed']);
  });

  it.each([undefined, null, 'later'])('that is %s is none', async (release) => {
    const secrets = await resolved(release);
    expect(await secrets.release()).toEqual([]);
  });
});

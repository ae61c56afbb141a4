import { describe, expect, it } from 'vitest';
import { StatusFailure } from '../../../src/engine/docker/errors.js';
import { removeUntilGone } from '../../../src/engine/docker/removal.js';
import { fromInspect } from '../../../src/engine/docker/convert.js';

const there = fromInspect({ Id: 'a', State: { Status: 'dead' } });

describe('removeUntilGone', () => {
  it('gives up after as many refusals as it is allowed', async () => {
    let asked = 0;
    const calls = {
      remove: () => Promise.reject(new StatusFailure(500, `device or\nresource busy ${(asked += 1)}`)),
      inspect: () => Promise.resolve(there),
    };
    const limits = { refusals: 3, deadlineMs: 60_000, pauseMs: 0 };
    await expect(removeUntilGone('a', calls, undefined, limits)).rejects.toMatchObject({
      code: 'engine.failed',
      message: expect.stringContaining('device or\\nresource busy 3') as string,
    });
    expect(asked).toBe(3);
  });

  it('gives up when a removal under way does not end', async () => {
    const calls = {
      remove: () => Promise.reject(new StatusFailure(409, 'already in progress')),
      inspect: () => Promise.resolve(there),
    };
    const limits = { refusals: 3, deadlineMs: -1, pauseMs: 0 };
    await expect(removeUntilGone('a', calls, undefined, limits)).rejects.toMatchObject({
      code: 'engine.failed',
    });
  });

  it.each([
    ['a 404', () => Promise.reject(new StatusFailure(404, 'no such path'))],
    ['a success that says something', () => Promise.resolve({ error: 'made up' })],
  ])('does not take %s for a removal while the container is there', async (_name, first) => {
    let asked = 0;
    const calls = {
      remove: () => {
        asked += 1;
        return asked === 1 ? first() : Promise.resolve(undefined);
      },
      inspect: () => Promise.resolve(there),
    };
    await removeUntilGone('a', calls, undefined, { refusals: 3, deadlineMs: 60_000, pauseMs: 0 });
    expect(asked).toBe(2);
  });

  it('takes a 404 for what it says when the container is gone', async () => {
    const calls = {
      remove: () => Promise.reject(new StatusFailure(404, 'no such container')),
      inspect: () => Promise.resolve(null),
    };
    await expect(removeUntilGone('a', calls, undefined)).resolves.toBeUndefined();
  });

  it('passes a lost connection on', async () => {
    const lost = Object.assign(new Error('x'), { code: 'ECONNRESET' });
    const calls = { remove: () => Promise.reject(lost), inspect: () => Promise.resolve(there) };
    await expect(removeUntilGone('a', calls, undefined)).rejects.toBe(lost);
  });
});

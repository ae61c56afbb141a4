/** Whatever an operator's check of an image comes to, but a clear yes, is a no that says why. */
import { ImageError } from 'berthkit';
import { describe, expect, it, vi } from 'vitest';
import { type ImageToVerify, type ImageVerifier, verifyImage } from '../../src/execute/verify-image.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

const IMAGE = {
  reference: 'acme/x:1',
  digest: `sha256:${'d'.repeat(64)}`,
  imageId: `sha256:${'1'.repeat(64)}`,
};

/** What comes of a check that answers so; null: it is a yes. */
async function answered(answer: () => unknown, image = { ...IMAGE, digest: IMAGE.digest as string | null }) {
  const verifier = (async () => Promise.resolve(answer())) as unknown as ImageVerifier;
  return verifyImage(verifier, image, new AbortController().signal).then(
    () => null,
    (error: unknown) => error,
  );
}

describe('the check of an image', () => {
  it('hears of the image and of nothing else, and can change none of it', async () => {
    let asked: ImageToVerify | null = null;
    await verifyImage(
      async (image) => {
        asked = image;
        return Promise.resolve({ ok: true });
      },
      IMAGE,
      new AbortController().signal,
    );
    expect(asked).toEqual({ ...IMAGE, signal: expect.any(AbortSignal) as unknown });
    expect(Object.isFrozen(asked)).toBe(true);
  });

  it('that says no keeps the run from it, with its reason or without', async () => {
    expect(await answered(() => ({ ok: false, reason: 'not signed' }))).toMatchObject({
      code: 'image.rejected',
      message: `the image acme/x:1 (${IMAGE.digest}) was rejected: not signed`,
      hint: 'use another image, or ask the operator why this one is not accepted',
    });
    const unnamed = { ...IMAGE, digest: null };
    expect(await answered(() => ({ ok: false, reason: 5 }), unnamed)).toMatchObject({
      code: 'image.rejected',
      message: `the image acme/x:1 (${IMAGE.imageId}) was rejected: no reason given`,
    });
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a mere true', true],
    ['a word', 'ok'],
    ['something truthy', { ok: 1 }],
  ])('that says %s gave no verdict', async (_, answer) => {
    expect(await answered(() => answer)).toMatchObject({
      code: 'image.verification_failed',
      message: `verifyImage gave no verdict on acme/x:1 (${IMAGE.digest}); { ok: true } or { ok: false, reason } is allowed`,
    });
  });

  it.each<[string, unknown, string]>([
    ['an error', new Error('no route'), 'no route'],
    ['an error of an image', new ImageError('image.pull_failed', 'no route'), 'no route'],
    ['anything', 'no route', 'no route'],
  ])('that throws %s has failed, for that cause', async (_, cause, words) => {
    const error = await answered(() => {
      throw cause;
    });
    expect(error).toMatchObject({
      code: 'image.verification_failed',
      message: `verifyImage failed on acme/x:1: ${words}`,
    });
    expect(error instanceof Error && error.cause).toBe(cause);
  });

  it('that never answers is given up after a minute, by its signal too', async () => {
    let signal: AbortSignal | null = null;
    const told = vi.fn();
    void verifyImage(
      async (image) => {
        ({ signal } = image);
        return new Promise(() => undefined);
      },
      IMAGE,
      new AbortController().signal,
    ).catch(told);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(told).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(told.mock.lastCall).toMatchObject([
      {
        code: 'image.verification_failed',
        message: 'verifyImage gave no verdict on acme/x:1 within 60000 ms',
      },
    ]);
    expect(signal).toMatchObject({ aborted: true });
  });

  it('ends with the run, for the reason of that', async () => {
    const run = new AbortController();
    const reason = new Error('enough');
    const asking = verifyImage(
      async ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('left'));
          });
        }),
      IMAGE,
      run.signal,
    );
    const ended = expect(asking).rejects.toBe(reason);
    run.abort(reason);
    await ended;
  });
});

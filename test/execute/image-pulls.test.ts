import { EngineError, ImageError } from 'berthkit';
import type { ContainerEngine, PulledImage, PullProgress } from 'berthkit/engine';
import { fakeEngine } from 'berthkit/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createImagePulls, type ImagePulls, type PullRequest } from '../../src/execute/image-pulls.js';

interface PendingPull {
  readonly reference: string;
  readonly signal: AbortSignal;
  readonly asked: unknown;
  progress(step: Partial<PullProgress>): void;
  resolve(pulled: PulledImage): void;
  reject(error: unknown): void;
}

/** An engine whose pulls end when the test says so. */
function pendingEngine() {
  const pulls: PendingPull[] = [];
  const engine = fakeEngine();
  const pull: ContainerEngine['images']['pull'] = async (reference, options) =>
    new Promise((resolve, reject) => {
      pulls.push({
        reference,
        signal: options?.signal ?? AbortSignal.abort(),
        asked: { platform: options?.platform, credentials: options?.credentials },
        progress: (step) =>
          options?.onProgress?.({ layer: null, status: 's', currentBytes: null, totalBytes: null, ...step }),
        resolve,
        reject,
      });
    });
  return { engine: { ...engine, images: { ...engine.images, pull } }, pulls };
}

const make = (idleMs = 60_000, random = 0) => {
  const delays: number[] = [];
  const pulls = createImagePulls({
    idleMs: () => idleMs,
    pause: async (milliseconds) => {
      delays.push(milliseconds);
      return Promise.resolve();
    },
    random: () => random,
  });
  return { pulls, delays };
};

const asking = (engine: ContainerEngine, more: Partial<PullRequest> = {}): PullRequest => ({
  engine,
  reference: 'x:1',
  platform: null,
  credentials: null,
  timeoutMs: 60_000,
  leftMs: 60_000,
  signal: new AbortController().signal,
  onProgress: () => undefined,
  ...more,
});

const DIGEST = { digest: `sha256:${'a'.repeat(64)}` };
const failureOf = async (pulling: Promise<unknown>): Promise<unknown> =>
  pulling.then(
    () => null,
    (error: unknown) => error,
  );
const until = async (what: () => boolean): Promise<void> =>
  vi.waitFor(
    () => {
      expect(what()).toBe(true);
    },
    { timeout: 60_000 },
  );

afterEach(() => {
  vi.useRealTimers();
});

describe('one pull for many', () => {
  it('is joined by whoever wants the same image, with its progress', async () => {
    const { engine, pulls } = pendingEngine();
    const { pulls: shared } = make();
    const heard: string[] = [];
    const first = shared.pull(asking(engine, { onProgress: ({ status }) => heard.push(`1 ${status}`) }));
    const second = shared.pull(asking(engine, { onProgress: ({ status }) => heard.push(`2 ${status}`) }));
    pulls[0]?.progress({ status: 'Downloading' });
    // Nothing that is worth telling twice.
    pulls[0]?.progress({ status: 'Downloading' });
    pulls[0]?.resolve(DIGEST);
    expect(await Promise.all([first, second])).toEqual([DIGEST, DIGEST]);
    expect(pulls).toHaveLength(1);
    expect(heard).toEqual(['1 Downloading', '2 Downloading']);
  });

  it('is another one for another image, another platform, other credentials, and for whoever comes after its end', async () => {
    const { engine, pulls } = pendingEngine();
    const { pulls: shared } = make();
    const all = [
      shared.pull(asking(engine)),
      shared.pull(asking(engine, { reference: 'x:2' })),
      shared.pull(asking(engine, { platform: 'linux/arm64' })),
      shared.pull(asking(engine, { credentials: { identityToken: 'mine' } })),
      shared.pull(asking(engine, { credentials: { identityToken: 'another’s' } })),
    ];
    for (const each of pulls) each.resolve(DIGEST);
    await Promise.all(all);
    const later = shared.pull(asking(engine));
    pulls[5]?.resolve(DIGEST);
    await later;
    const nothing = { platform: undefined, credentials: undefined };
    expect(pulls.map(({ reference, asked }) => [reference, asked])).toEqual([
      ['x:1', nothing],
      ['x:2', nothing],
      ['x:1', { ...nothing, platform: 'linux/arm64' }],
      ['x:1', { ...nothing, credentials: { identityToken: 'mine' } }],
      ['x:1', { ...nothing, credentials: { identityToken: 'another’s' } }],
      ['x:1', nothing],
    ]);
  });

  it('has its witness once, who hears of its first caller and of its end', async () => {
    const { engine, pulls } = pendingEngine();
    const seen: unknown[] = [];
    const shared = createImagePulls({
      idleMs: () => 60_000,
      pause: async () => Promise.resolve(),
      random: () => 0,
      witness: async ({ reference }, signal, pull) => {
        seen.push(reference);
        const pulled = await pull();
        seen.push(signal.aborted);
        return pulled;
      },
    });
    const both = [shared.pull(asking(engine)), shared.pull(asking(engine))];
    pulls[0]?.resolve(DIGEST);
    expect(await Promise.all(both)).toEqual([DIGEST, DIGEST]);
    expect(seen).toEqual(['x:1', false]);
  });

  it('goes on while anybody waits, and is ended when the last has left', async () => {
    const { engine, pulls } = pendingEngine();
    const { pulls: shared } = make();
    const [mine, other] = [new AbortController(), new AbortController()];
    const first = failureOf(shared.pull(asking(engine, { signal: mine.signal })));
    const second = failureOf(shared.pull(asking(engine, { signal: other.signal })));
    mine.abort('mine');
    expect(await first).toBe('mine');
    expect(pulls[0]?.signal.aborted).toBe(false);
    other.abort('other');
    expect(await second).toBe('other');
    expect(pulls[0]?.signal.aborted).toBe(true);
    // The one that was ended, but has not settled, is nobody's to join.
    const later = shared.pull(asking(engine));
    pulls[1]?.resolve(DIGEST);
    expect(await later).toEqual(DIGEST);
  });

  it.each([ImageError, EngineError])('fails for each with an error of its own: %o', async (Failure) => {
    const { engine, pulls } = pendingEngine();
    const { pulls: shared } = make();
    const both = [failureOf(shared.pull(asking(engine))), failureOf(shared.pull(asking(engine)))];
    const known = { details: { reason: 'unknown_host' }, hint: 'h', cause: new Error('ENOTFOUND') };
    const failure =
      Failure === ImageError
        ? new ImageError('image.pull_failed', 'no such host', known)
        : new EngineError('engine.failed', 'no such host', known);
    pulls[0]?.reject(failure);
    const [first, second] = await Promise.all(both);
    for (const error of [first, second]) {
      expect(error).toBeInstanceOf(Failure);
      expect(error).toMatchObject({ code: failure.code, message: 'no such host', ...known });
    }
    expect(first).not.toBe(second);
  });
});

describe('the time of a pull', () => {
  it('is each caller’s own', async () => {
    const { engine, pulls } = pendingEngine();
    const { pulls: shared } = make();
    const patient = shared.pull(asking(engine));
    const hasty = await failureOf(shared.pull(asking(engine, { timeoutMs: 1_000, leftMs: 1 })));
    expect(hasty).toMatchObject({
      code: 'image.pull_timed_out',
      message: 'pulling x:1 took longer than 1000 ms',
      hint: 'raise timeouts.default.pullMs, or pull the image beforehand',
    });
    pulls[0]?.resolve(DIGEST);
    expect(await patient).toEqual(DIGEST);
  });

  it('may be long as long as something moves', async () => {
    vi.useFakeTimers();
    const { engine, pulls } = pendingEngine();
    const { pulls: shared } = make(1_000);
    const pulling = failureOf(shared.pull(asking(engine, { timeoutMs: 600_000, leftMs: 600_000 })));
    for (let step = 0; step < 20; step += 1) {
      await vi.advanceTimersByTimeAsync(900);
      pulls[0]?.progress({ status: String(step) });
    }
    expect(pulls[0]?.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await pulling).toMatchObject({
      code: 'image.pull_timed_out',
      message: 'pulling x:1 made no progress for 1000 ms',
      hint: 'is the registry reachable from the engine? raise images.pullIdleMs for a slow one',
    });
    expect(pulls[0]?.signal.aborted).toBe(true);
  });
});

describe('a registry that asks for fewer pulls', () => {
  const limited = () =>
    new ImageError('image.pull_failed', 'toomanyrequests', { details: { reason: 'too_many_requests' } });

  async function failing(shared: ImagePulls, engine: ContainerEngine, pulls: PendingPull[], times: number) {
    const told: string[] = [];
    const pulling = shared.pull(asking(engine, { onProgress: ({ status }) => told.push(status) }));
    const outcome = pulling.catch((error: unknown) => error);
    for (let attempt = 0; attempt < times; attempt += 1) {
      await until(() => pulls.length > attempt);
      pulls[attempt]?.reject(limited());
    }
    return { outcome, told };
  }

  it.each([
    ['half of it at least', 0, [1_000, 2_000]],
    ['more of it by chance', 0.5, [1_500, 3_000]],
  ])('is asked again, later each time, after %s, and whoever waits is told', async (_, chance, waited) => {
    const { engine, pulls } = pendingEngine();
    const { pulls: shared, delays } = make(60_000, chance);
    const { outcome, told } = await failing(shared, engine, pulls, 2);
    await until(() => pulls.length === 3);
    pulls[2]?.resolve(DIGEST);
    expect(await outcome).toEqual(DIGEST);
    expect(delays).toEqual(waited);
    expect(told).toEqual(
      waited.map((delayMs) => `The registry limits pulls; trying again in ${String(delayMs)} ms`),
    );
  });

  it('is not asked for ever', async () => {
    const { engine, pulls } = pendingEngine();
    const { pulls: shared, delays } = make();
    const { outcome } = await failing(shared, engine, pulls, 5);
    expect(await outcome).toMatchObject({ code: 'image.pull_failed', retryable: true });
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000]);
  });

  it('is the only one that is asked again', async () => {
    const { engine, pulls } = pendingEngine();
    const { pulls: shared } = make();
    const outcome = failureOf(shared.pull(asking(engine)));
    pulls[0]?.reject(
      new ImageError('image.pull_failed', 'refused', { details: { reason: 'connection_refused' } }),
    );
    expect(await outcome).toMatchObject({ code: 'image.pull_failed' });
    expect(pulls).toHaveLength(1);
  });
});

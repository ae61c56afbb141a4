/** An image comes by the first policy that brings it, is asked for by its digest where there is one, and is the one that was asked for. */
import { EngineError, ImageError, type RegistryCredentials } from 'berthkit';
import type { PullProgress } from 'berthkit/engine';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import type { ContainerEngine } from '../../src/engine/types.js';
import { ensureImage, type EnsureImageOptions } from '../../src/execute/ensure-image.js';
import { createImagePulls, type PullRequest } from '../../src/execute/image-pulls.js';
import type { FoundCredentials } from '../../src/execute/registry-auth.js';

const DIGEST = `sha256:${'d'.repeat(64)}`;
const OTHER = `sha256:${'e'.repeat(64)}`;
const NAME = 'docker.io/library/busybox';

type Image = EnsureImageOptions['image'];

interface Asking extends Partial<Pick<Image, 'reference' | 'platform' | 'pullPolicies'>> {
  readonly script?: FakeEngineScript;
  readonly change?: (engine: ContainerEngine) => ContainerEngine;
  /** What the registry is logged in to with, at first and anew. */
  readonly credentials?: readonly (FoundCredentials | null)[];
  /** How far the clock is at each look at it. */
  readonly clock?: readonly number[];
}

async function ensuring({ script = {}, change = (own) => own, clock = [], ...asking }: Asking) {
  const fake = fakeEngine({ images: {}, ...script });
  const told: string[] = [];
  const warnings: string[] = [];
  const renewals: boolean[] = [];
  const requests: PullRequest[] = [];
  const times = [...clock];
  const pulls = createImagePulls({
    idleMs: () => 60_000,
    pause: async () => Promise.resolve(),
    random: () => 0,
    witness: async (request, _signal, pull) => {
      requests.push(request);
      return pull();
    },
  });
  const ended = await ensureImage({
    engine: change(fake),
    pulls,
    image: {
      reference: asking.reference ?? 'busybox:1',
      platform: asking.platform ?? null,
      pullPolicies: asking.pullPolicies ?? ['ifNotPresent'],
    },
    pullMs: 60_000,
    signal: new AbortController().signal,
    credentials: async (renew) => {
      renewals.push(renew);
      return Promise.resolve(asking.credentials?.[renewals.length - 1] ?? null);
    },
    monotonic: () => times.shift() ?? 0,
    onPullStart: () => void told.push('pull'),
    onProgress: ({ status }) => void told.push(status),
    onFallback: (message) => void warnings.push(message),
  }).then(
    (image) => ({ image, error: null }),
    (error: unknown) => ({ image: null, error }),
  );
  const calls = fake.calls.map(({ call, target }) => `${call} ${target ?? ''}`);
  return { ...ended, calls, told, warnings, renewals, requests };
}

describe('an image that is here', () => {
  it('is taken as it is, without a pull', async () => {
    const made = await ensuring({ script: { images: { 'busybox:1': { digest: DIGEST } } } });
    expect(made.image).toMatchObject({ digest: DIGEST, pulled: false });
    expect(made.calls).toEqual(['images.inspect busybox:1']);
    expect([made.told, made.renewals]).toEqual([[], []]);
  });

  it('has no digest where it came from no registry, and the one of its own repository otherwise', async () => {
    const local = await ensuring({ script: { images: { 'busybox:1': {} } } });
    expect(local.image).toMatchObject({ digest: null });
    const elsewhere = [
      `ghcr.io/library/busybox@${OTHER}`,
      `docker.io/acme/busybox@${OTHER}`,
      'no reference@',
    ];
    const known = await ensuring({
      script: { images: { 'busybox:1': { digest: DIGEST } } },
      change: knownAs((own) => [...elsewhere, ...own]),
    });
    expect(known.image).toMatchObject({ digest: DIGEST });
    const unknown = await ensuring({
      script: { images: { 'busybox:1': {} } },
      change: knownAs(() => elsewhere),
    });
    expect(unknown.image).toMatchObject({ digest: null });
  });

  it('and has to be, is told of when it is not', async () => {
    const { error, told } = await ensuring({ pullPolicies: ['never'] });
    expect(error).toMatchObject({
      code: 'image.not_found',
      message: 'the image busybox:1 is not here, and pull policy "never" pulls none',
      hint: 'pull it beforehand, or use another pull policy',
    });
    expect(told).toEqual([]);
  });

  it('for another platform is told of with both', async () => {
    const { error } = await ensuring({
      script: { images: { 'busybox:1': {} } },
      ...{ platform: 'linux/arm64', pullPolicies: ['never'] },
    });
    expect(error).toMatchObject({
      code: 'image.platform_mismatch',
      message: 'the image busybox:1 is for linux/amd64, and linux/arm64 was asked for',
      hint: 'publish it for this platform, or ask for another one',
    });
  });
});

/** An engine that knows every image by other digests than its own. */
function knownAs(digests: (own: readonly string[]) => readonly string[]) {
  return (engine: ContainerEngine): ContainerEngine => ({
    ...engine,
    images: {
      ...engine.images,
      inspect: async (...given) => {
        const info = await engine.images.inspect(...given);
        return info === null ? null : { ...info, repoDigests: digests(info.repoDigests) };
      },
    },
  });
}

describe('an image that is pulled', () => {
  const PROGRESS: PullProgress = { layer: 'a', status: 'Downloading', currentBytes: 1, totalBytes: 2 };

  it('is told of from its start on, and looked at by the digest that was pulled', async () => {
    const made = await ensuring({
      script: { pullable: { 'busybox:1': { digest: DIGEST } }, pullProgress: [PROGRESS] },
    });
    expect(made.image).toMatchObject({ digest: DIGEST, pulled: true });
    expect(made.told).toEqual(['pull', 'Downloading']);
    expect(made.calls).toEqual([
      'images.inspect busybox:1',
      'images.pull busybox:1',
      `images.inspect ${NAME}@${DIGEST}`,
    ]);
  });

  it('is pulled where the one that is here is for another platform', async () => {
    const made = await ensuring({
      script: {
        images: { 'busybox:1': {} },
        pullable: { 'busybox:1': { digest: DIGEST, architecture: 'arm64' } },
      },
      platform: 'linux/arm64',
    });
    expect(made.image).toMatchObject({ pulled: true, info: { architecture: 'arm64' } });
  });

  it('is looked at by its name where the pull told no digest', async () => {
    const made = await ensuring({ script: { pullable: { 'busybox:1': {} } }, pullPolicies: ['always'] });
    expect(made.image).toMatchObject({ digest: null, pulled: true });
    expect(made.calls).toEqual(['images.pull busybox:1', 'images.inspect busybox:1']);
  });

  it('is pulled by its digest alone where it has a tag beside it', async () => {
    const reference = `busybox:1@${DIGEST}`;
    const made = await ensuring({
      reference,
      script: { pullable: { [`busybox@${DIGEST}`]: { digest: DIGEST } } },
    });
    expect(made.image).toMatchObject({ digest: DIGEST });
    const name = `${NAME}@${DIGEST}`;
    expect(made.calls).toEqual([`images.inspect ${name}`, `images.pull ${name}`, `images.inspect ${name}`]);
  });

  it('and is not here afterwards is told of', async () => {
    const { error } = await ensuring({
      script: { pullable: { 'busybox:1': { digest: DIGEST } } },
      change: (engine) => ({
        ...engine,
        images: { ...engine.images, inspect: async () => Promise.resolve(null) },
      }),
    });
    expect(error).toMatchObject({
      code: 'image.not_found',
      message: `the image ${NAME}@${DIGEST} was pulled, but the engine does not have it`,
    });
  });

  it.each<[string, readonly string[], string]>([
    ['by none', [], 'no digest'],
    [
      'by two others',
      [`${NAME}@${OTHER}`, `busybox@sha256:${'f'.repeat(64)}`],
      `${OTHER}, sha256:${'f'.repeat(64)}`,
    ],
  ])('and that the engine knows %s is not it', async (_, repoDigests, words) => {
    const { error } = await ensuring({
      script: { pullable: { 'busybox:1': { digest: DIGEST } } },
      change: knownAs(() => repoDigests),
    });
    expect(error).toMatchObject({
      code: 'image.digest_mismatch',
      message: `the image for busybox:1 should have digest ${DIGEST}; the engine knows it by ${words}`,
    });
  });

  it('by its digest is not it when the pull tells another one, whatever the engine knows it by', async () => {
    const { error } = await ensuring({
      reference: `busybox@${OTHER}`,
      script: { pullable: { [`busybox@${OTHER}`]: { digest: DIGEST } } },
      change: (engine) => ({
        ...engine,
        images: {
          ...engine.images,
          inspect: async () => {
            const info = await fakeEngine().images.inspect('busybox:1');
            return info && { ...info, repoDigests: [`${NAME}@${OTHER}`, `${NAME}@${DIGEST}`] };
          },
          pull: async () => Promise.resolve({ digest: DIGEST }),
        },
      }),
      pullPolicies: ['always'],
    });
    expect(error).toMatchObject({ code: 'image.digest_mismatch' });
  });
});

describe('policies', () => {
  const failing = new ImageError('image.pull_failed', 'no such host');
  const fail = [{ call: 'images.pull' as const, error: failing }];

  it('are gone by one after the other, each failure a warning and the first one told', async () => {
    const made = await ensuring({ script: { fail }, pullPolicies: ['always', 'ifNotPresent', 'never'] });
    expect(made.error).toMatchObject({ code: 'image.pull_failed', message: 'no such host' });
    const failed = 'image.pull_failed: no such host';
    expect(made.warnings).toEqual([
      `pull policy "always" brought no image, going on with "ifNotPresent": ${failed}`,
      `pull policy "ifNotPresent" brought no image, going on with "never": ${failed}`,
    ]);
    expect([made.told, made.requests.length]).toEqual([['pull'], 1]);
  });

  it('end with an engine that fails', async () => {
    const error = new EngineError('engine.unreachable', 'gone');
    const made = await ensuring({
      script: { fail: [{ call: 'images.inspect', error }] },
      pullPolicies: ['ifNotPresent', 'always'],
    });
    expect([made.error, made.warnings]).toEqual([error, []]);
  });

  it('that are none bring none', async () => {
    expect(await ensuring({ pullPolicies: [] })).toMatchObject({ error: { code: 'image.not_found' } });
  });
});

describe('a registry that wants a login', () => {
  const GOOD: RegistryCredentials = { username: 'acme', password: 'good' };
  const BAD: RegistryCredentials = { username: 'acme', password: 'bad' };
  const script = { pullable: { 'ghcr.io/acme/x:1': { credentials: GOOD } } };
  const asking = { reference: 'ghcr.io/acme/x:1', script };
  const found = (credentials: RegistryCredentials, isRenewable = true) => ({ credentials, isRenewable });

  it('is asked with what was found, for the platform, within the time of a pull', async () => {
    const made = await ensuring({ ...asking, platform: 'linux/amd64', credentials: [found(GOOD)] });
    expect(made.image).toMatchObject({ pulled: true });
    expect(made.renewals).toEqual([false]);
    expect(made.requests).toMatchObject([
      { credentials: GOOD, platform: 'linux/amd64', timeoutMs: 60_000, leftMs: 60_000 },
    ]);
  });

  it.each([
    ['what is left of that time', [1_000, 1_000.5, 31_000.5], [60_000, 30_000]],
    ['a moment where nothing is left of it', [0, 0, 70_000], [60_000, 1]],
  ])('is asked once more with others where it refuses, and gets %s', async (_, clock, leftMs) => {
    const made = await ensuring({ ...asking, credentials: [found(BAD), found(GOOD)], clock });
    expect(made.image).toMatchObject({ pulled: true });
    expect(made.renewals).toEqual([false, true]);
    expect(made.requests.map((request) => request.leftMs)).toEqual(leftMs);
  });

  it.each<[string, readonly (FoundCredentials | null)[], readonly boolean[]]>([
    ['has none', [null], [false]],
    ['is the caller', [found(BAD, false), found(GOOD)], [false]],
    ['has the same ones again', [found(BAD), found(BAD)], [false, true]],
    ['has none any more', [found(BAD), null], [false, true]],
  ])('is not asked again where whoever gives credentials %s', async (_, credentials, renewals) => {
    const made = await ensuring({ ...asking, credentials });
    expect(made.error).toMatchObject({ code: 'image.unauthorized' });
    expect([made.renewals, made.requests.length]).toEqual([renewals, 1]);
  });

  it('is not asked again where it fails for another reason', async () => {
    const error = new ImageError('image.pull_failed', 'no such host');
    const fail = [{ call: 'images.pull' as const, error }];
    const made = await ensuring({
      ...asking,
      script: { ...script, fail },
      credentials: [found(BAD), found(GOOD)],
    });
    expect(made.error).toMatchObject({ code: 'image.pull_failed' });
    expect(made.renewals).toEqual([false]);
  });
});

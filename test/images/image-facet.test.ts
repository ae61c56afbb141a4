/** `runtime.images` on the fake engine: policy, credentials, what an engine lacks. */
import { createRuntime, type RuntimeConfigInput, type RuntimeImages, type RuntimePorts } from 'berthkit';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';

const GOOD = { username: 'acme', password: 'correct-horse' };
const DIGEST = `sha256:${'d'.repeat(64)}`;
const ALLOW = { policy: { images: { allow: ['ghcr.io/acme/*'], deny: ['ghcr.io/acme/legacy'] } } };

function make(script: FakeEngineScript = {}, ports: RuntimePorts = {}, config: RuntimeConfigInput = ALLOW) {
  const engine = fakeEngine({ images: { 'ghcr.io/acme/a:1': {} }, ...script });
  const runtime = createRuntime(config, { engine, ...ports });
  return { images: runtime.images, engine, runtime };
}

const outcomeOf = async (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe('policy', () => {
  it.each<[string, (images: RuntimeImages, name: string) => Promise<unknown>]>([
    ['pull', async (images, name) => images.pull(name)],
    ['push', async (images, name) => images.push(name)],
    ['resolveDigest', async (images, name) => images.resolveDigest(name)],
    ['tag, for what it is given to', async (images, name) => images.tag('ghcr.io/acme/a:1', name)],
    ['tag, for what it is given from', async (images, name) => images.tag(name, 'ghcr.io/acme/b:1')],
  ])('judges the name of %s before the engine is asked', async (_, call) => {
    const { images, engine } = make();
    for (const name of ['evil:1', 'ghcr.io/acme/legacy:1', `sha256:${'0'.repeat(64)}`, ''])
      expect(await outcomeOf(call(images, name))).toMatchObject({ code: 'policy.denied' });
    expect(engine.calls).toEqual([]);
  });

  it('counts as it is now', async () => {
    const { images, runtime } = make();
    await images.tag('ghcr.io/acme/a:1', 'ghcr.io/acme/b:1');
    runtime.updatePolicy({ images: { allow: ['quay.io/*'] } });
    expect(await outcomeOf(images.tag('ghcr.io/acme/a:1', 'ghcr.io/acme/c:1'))).toMatchObject({
      code: 'policy.denied',
    });
  });
});

describe('whoever is told of progress', () => {
  it('breaks no pull, its own or one that is shared, by what it throws', async () => {
    const pullProgress = [{ layer: 'a', status: 'Downloading', currentBytes: 1, totalBytes: 2 }];
    const { images } = make({
      images: {},
      pullable: { 'ghcr.io/acme/p:1': { digest: DIGEST } },
      pullProgress,
    });
    const told: string[] = [];
    const pulls = [
      images.pull('ghcr.io/acme/p:1', {
        onProgress: () => {
          throw new Error('the screen is gone');
        },
      }),
      images.pull('ghcr.io/acme/p:1', { onProgress: ({ status }) => told.push(status) }),
    ];
    expect(await Promise.all(pulls)).toMatchObject([{ digest: DIGEST }, { digest: DIGEST }]);
    expect(told).toContain('Downloading');
  });
});

describe('a registry with users', () => {
  const script = {
    pullable: { 'ghcr.io/acme/p:1': { credentials: GOOD, digest: DIGEST } },
  };

  it('is logged in to as the caller says, or the resolver, once more where it refuses', async () => {
    const { images } = make(script);
    expect(await images.pull('ghcr.io/acme/p:1', { registryAuth: { 'ghcr.io': GOOD } })).toMatchObject({
      digest: DIGEST,
    });
    const asked: boolean[] = [];
    const renewing = make(script, {
      resolveRegistryAuth: async ({ renew }) => {
        asked.push(renew);
        return Promise.resolve(renew ? GOOD : { ...GOOD, password: 'expired' });
      },
    });
    expect(await renewing.images.pull('ghcr.io/acme/p:1')).toMatchObject({ digest: DIGEST });
    expect(asked).toEqual([false, true]);
  });

  it('is not asked where the resolver fails, and nobody is told what it said', async () => {
    const { images, engine } = make(script, {
      resolveRegistryAuth: async () => Promise.reject(new Error('correct-horse')),
    });
    const error = await outcomeOf(images.pull('ghcr.io/acme/p:1'));
    expect(error).toMatchObject({ code: 'secret.failed' });
    expect(JSON.stringify(error) + String(error)).not.toContain('correct-horse');
    expect(engine.calls).toEqual([]);
  });

  it('takes credentials out of what an engine says', async () => {
    const { images } = make({
      ...script,
      fail: [{ call: 'images.push', error: new Error(`login ${GOOD.username}:${GOOD.password} refused`) }],
    });
    const error = await outcomeOf(images.push('ghcr.io/acme/a:1', { registryAuth: { 'ghcr.io': GOOD } }));
    expect(String(error)).toContain('refused');
    expect(JSON.stringify(error) + String(error)).not.toContain(GOOD.password);
  });
});

it('shares a pull with the runs that want the same image', async () => {
  const { images, engine, runtime } = make({ images: {}, pullable: { 'ghcr.io/acme/p:1': {} } });
  const results = await Promise.all([
    images.pull('ghcr.io/acme/p:1'),
    images.pull('ghcr.io/acme/p:1'),
    runtime.images.pull('ghcr.io/acme/p:1'),
  ]);
  expect(new Set(results.map(({ id }) => id)).size).toBe(1);
  expect(engine.calls.filter(({ call }) => call === 'images.pull')).toHaveLength(1);
});

it('refuses an image for another platform than was asked for', async () => {
  const { images } = make({ pullable: { 'ghcr.io/acme/p:1': { architecture: 's390x' } } });
  const wrong = images.pull('ghcr.io/acme/p:1', { platform: 'linux/amd64' });
  expect(await outcomeOf(wrong)).toMatchObject({ code: 'image.platform_mismatch' });
});

it.each(['list', 'tag', 'remove', 'history', 'push', 'export', 'import', 'resolveDigest'] as const)(
  'says that an engine without %s cannot do it',
  async (name) => {
    const engine = fakeEngine();
    const { images: calls } = engine;
    const lacking = { ...engine, images: { inspect: calls.inspect, pull: calls.pull } };
    const { images } = createRuntime({}, { engine: lacking });
    const call = images[name] as (...words: readonly string[]) => Promise<unknown>;
    expect(await outcomeOf(call('busybox:1', 'busybox:2'))).toMatchObject({
      code: 'engine.unsupported',
      message: `engine "fake" has no images.${name}`,
    });
  },
);

it('does nothing once the runtime is closed, and nothing where it is disabled', async () => {
  const { images, runtime, engine } = make();
  await runtime.close();
  expect(await outcomeOf(images.list())).toMatchObject({ code: 'runtime.closed' });
  const off = make({}, {}, { enabled: false });
  expect(await outcomeOf(off.images.remove('x:1'))).toMatchObject({ code: 'runtime.disabled' });
  expect([...engine.calls, ...off.engine.calls].filter(({ call }) => call !== 'close')).toEqual([]);
});

it('ends when its signal does', async () => {
  const { images } = make({ fail: [{ call: 'images.list', hang: true }] });
  const controller = new AbortController();
  const listing = outcomeOf(images.list({ signal: controller.signal }));
  controller.abort('enough');
  expect(await listing).toBe('enough');
});

/** `runtime.images` on the fake engine: policy, credentials, what an engine lacks. */
import { Readable } from 'node:stream';
import {
  createRuntime,
  issuesOf,
  type RuntimeConfigInput,
  type RuntimeImages,
  type RuntimePorts,
  violationsOf,
} from 'berthkit';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';

const PATIENCE = { timeout: 60_000 };
const GOOD = { username: 'acme', password: 'correct-horse' };
const DIGEST = `sha256:${'d'.repeat(64)}`;
const ALLOW = { policy: { images: { allow: ['ghcr.io/acme/*'], deny: ['ghcr.io/acme/legacy'] } } };

function make(script: FakeEngineScript = {}, ports: RuntimePorts = {}, config: RuntimeConfigInput = ALLOW) {
  const engine = fakeEngine({ images: { 'ghcr.io/acme/a:1': {} }, ...script });
  const runtime = createRuntime(config, { engine, ...ports });
  return { images: runtime.images, engine, runtime };
}

type EngineCall = NonNullable<FakeEngineScript['fail']>[number]['call'];
const outcomeOf = async (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe('policy', () => {
  it.each<[string, string, (images: RuntimeImages, name: string) => Promise<unknown>]>([
    ['pull', 'reference', async (images, name) => images.pull(name)],
    ['push', 'reference', async (images, name) => images.push(name)],
    ['resolveDigest', 'reference', async (images, name) => images.resolveDigest(name)],
    ['tag, for what it is given to', 'target', async (images, name) => images.tag('ghcr.io/acme/a:1', name)],
    [
      'tag, for what it is given from',
      'reference',
      async (images, name) => images.tag(name, 'ghcr.io/acme/b:1'),
    ],
  ])('judges the name of %s before the engine is asked', async (_, path, call) => {
    const { images, engine } = make();
    for (const name of ['evil:1', 'ghcr.io/acme/legacy:1', `sha256:${'0'.repeat(64)}`, '']) {
      const refusal = await outcomeOf(call(images, name));
      expect(refusal).toMatchObject({ code: 'policy.denied' });
      expect(issuesOf(refusal)).toMatchObject([
        { code: 'policy.image', path, hint: 'allowed: ghcr.io/acme/*' },
      ]);
      expect(violationsOf(refusal)).toMatchObject([{ rule: 'policy.image', path }]);
    }
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

describe('when images may be pulled', () => {
  const script = { images: {}, pullable: { 'ghcr.io/acme/p:1': { digest: DIGEST } } };
  const within = (images: NonNullable<NonNullable<RuntimeConfigInput['policy']>['images']>) =>
    make(script, {}, { policy: { images: { allow: ['ghcr.io/acme/*'], ...images } } });
  const pulls = ({ engine }: ReturnType<typeof make>): number =>
    engine.calls.filter(({ call }) => call === 'images.pull').length;

  it('is judged as for jobs: never, or not without a digest', async () => {
    const never = within({ allowedPullPolicies: ['never'] });
    expect(await outcomeOf(never.images.pull('ghcr.io/acme/p:1'))).toMatchObject({
      code: 'policy.denied',
      message: expect.stringContaining('policy.images.allowedPullPolicies') as string,
      details: { issues: [{ code: 'policy.pull_policy', path: 'reference' }] },
    });
    const pinned = within({ requireDigest: true });
    expect(await outcomeOf(pinned.images.pull('ghcr.io/acme/p:1'))).toMatchObject({
      code: 'policy.denied',
      message: expect.stringContaining('requireDigest') as string,
      details: { issues: [{ code: 'policy.image_digest', path: 'reference' }] },
    });
    expect([...never.engine.calls, ...pinned.engine.calls]).toEqual([]);
  });

  it('is once, where only what is not here may be', async () => {
    const once = within({ allowedPullPolicies: ['ifNotPresent', 'never'] });
    const first = await once.images.pull('ghcr.io/acme/p:1');
    expect(await once.images.pull('ghcr.io/acme/p:1')).toMatchObject({ id: first.id });
    expect(pulls(once)).toBe(1);
  });
});

describe('options that cannot be used', () => {
  const request = { context: '/nowhere', tag: 'ghcr.io/acme/b:1' };
  it.each<[string, (images: RuntimeImages, options: object) => Promise<unknown>]>([
    ['pull', async (images, options) => images.pull('ghcr.io/acme/a:1', options)],
    ['push', async (images, options) => images.push('ghcr.io/acme/a:1', options)],
    ['build', async (images, options) => images.build(request, options)],
    ['resolveDigest', async (images, options) => images.resolveDigest('ghcr.io/acme/a:1', options)],
  ])('are named by %s before anybody is asked', async (name, call) => {
    const { images, engine } = make();
    const auth = 'options.registryAuth';
    const cases: (readonly [object, string])[] = [
      [{ registryAuth: { 'ghcr.io': { username: 'a' } } }, `${auth}.ghcr.io`],
      [{ registryAuth: { 'ghcr.io': 'correct-horse' } }, `${auth}.ghcr.io`],
      [{ registryAuth: { 'ghcr.io': null } }, `${auth}.ghcr.io`],
      [{ registryAuth: 'correct-horse' }, auth],
    ];
    if (name !== 'resolveDigest') {
      for (const timeoutMs of [0, -1, 1.5, Number.NaN, 1e12, 'abc', null])
        cases.push([{ timeoutMs }, 'options.timeoutMs']);
    }
    for (const [options, path] of cases) {
      const error = await outcomeOf(call(images, options));
      expect(error).toMatchObject({ code: 'validation.invalid_job', details: { issues: [{ path }] } });
      expect(JSON.stringify(error) + String(error)).not.toContain('correct-horse');
    }
    expect(engine.calls).toEqual([]);
  });

  it.each<[string, (images: RuntimeImages) => Promise<unknown>, string]>([
    ['no name', async (images) => images.pull(5 as never), 'reference'],
    ['null for one', async (images) => images.inspect(null as never), 'reference'],
    ['no second name', async (images) => images.tag('ghcr.io/acme/a:1', undefined as never), 'target'],
    ['no tar', async (images) => images.import(5 as never), 'tar'],
    [
      'a misspelt platform',
      async (images) => images.pull('ghcr.io/acme/a:1', { platfrom: 'linux/arm64' } as never),
      'options.platfrom',
    ],
    [
      'a platform that is none',
      async (images) => images.pull('ghcr.io/acme/a:1', { platform: 'linux' }),
      'options.platform',
    ],
    ['no signal', async (images) => images.list({ signal: 5 as never }), 'options.signal'],
    [
      'no listener',
      async (images) => images.push('ghcr.io/acme/a:1', { onProgress: true as never }),
      'options.onProgress',
    ],
    ['no options', async (images) => images.remove('ghcr.io/acme/a:1', 5 as never), 'options'],
  ])('are refused: %s', async (_, call, path) => {
    const { images, engine } = make();
    expect(await outcomeOf(call(images))).toMatchObject({
      code: 'validation.invalid_job',
      details: { issues: [{ path }] },
    });
    expect(engine.calls).toEqual([]);
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

it.each<[keyof RuntimeImages, (images: RuntimeImages) => Promise<unknown>]>([
  ['list', async (images) => images.list()],
  ['tag', async (images) => images.tag('busybox:1', 'busybox:2')],
  ['remove', async (images) => images.remove('busybox:1')],
  ['history', async (images) => images.history('busybox:1')],
  ['push', async (images) => images.push('busybox:1')],
  ['export', async (images) => images.export('busybox:1')],
  ['import', async (images) => images.import(Readable.from([]))],
  ['resolveDigest', async (images) => images.resolveDigest('busybox:1')],
])('says that an engine without %s cannot do it', async (name, call) => {
  const engine = fakeEngine();
  const { images: calls } = engine;
  const lacking = { ...engine, images: { inspect: calls.inspect, pull: calls.pull } };
  const { images } = createRuntime({}, { engine: lacking });
  expect(await outcomeOf(call(images))).toMatchObject({
    code: 'engine.unsupported',
    message: `engine "fake" has no images.${name}`,
  });
});

it('does nothing once the runtime is closed, and nothing where it is disabled', async () => {
  const { images, runtime, engine } = make();
  await runtime.close();
  expect(await outcomeOf(images.list())).toMatchObject({ code: 'runtime.closed' });
  const off = make({}, {}, { enabled: false });
  expect(await outcomeOf(off.images.remove('x:1'))).toMatchObject({ code: 'runtime.disabled' });
  expect([...engine.calls, ...off.engine.calls].filter(({ call }) => call !== 'close')).toEqual([]);
});

describe('calls under way when the runtime closes', () => {
  async function* silent(): AsyncGenerator<Uint8Array, void, undefined> {
    await new Promise(() => undefined);
    yield Buffer.alloc(0);
  }
  const hanging = (call: EngineCall): FakeEngineScript => ({
    pullable: { 'ghcr.io/acme/p:1': {} },
    pushable: ['ghcr.io/acme/a:1'],
    fail: [{ call, hang: true }],
  });

  it.each<[string, EngineCall, (images: RuntimeImages) => Promise<unknown>]>([
    ['list', 'images.list', async (images) => images.list()],
    ['inspect', 'images.inspect', async (images) => images.inspect('ghcr.io/acme/a:1')],
    ['pull', 'images.pull', async (images) => images.pull('ghcr.io/acme/p:1')],
    ['push', 'images.push', async (images) => images.push('ghcr.io/acme/a:1')],
    ['tag', 'images.tag', async (images) => images.tag('ghcr.io/acme/a:1', 'ghcr.io/acme/b:1')],
    ['history', 'images.history', async (images) => images.history('ghcr.io/acme/a:1')],
    ['export', 'images.export', async (images) => images.export('ghcr.io/acme/a:1')],
    ['remove', 'images.remove', async (images) => images.remove('ghcr.io/acme/a:1')],
    ['resolveDigest', 'images.resolveDigest', async (images) => images.resolveDigest('ghcr.io/acme/a:1')],
  ])('are ended, before it has closed: %s', async (_name, call, begin) => {
    const { images, runtime, engine } = make(hanging(call));
    const over = outcomeOf(begin(images));
    await vi.waitFor(() => {
      expect(engine.calls.map((each) => each.call)).toContain(call);
    }, PATIENCE);
    await runtime.close();
    expect(await over).toMatchObject({ code: 'runtime.closed' });
  });

  it.each<[string, (images: RuntimeImages) => Promise<unknown>]>([
    ['import', async (images) => images.import(silent())],
    ['build', async (images) => images.build({ context: silent(), tag: 'ghcr.io/acme/b:1' })],
  ])('are ended while their source says nothing: %s', async (_name, begin) => {
    const { images, runtime } = make();
    const over = outcomeOf(begin(images));
    await runtime.close();
    expect(await over).toMatchObject({ code: 'runtime.closed' });
  });

  it('have an error each', async () => {
    const { images, runtime } = make(hanging('images.list'));
    const over = [outcomeOf(images.list()), outcomeOf(images.list())];
    await runtime.close();
    const [one, other] = await Promise.all(over);
    expect(one).toMatchObject({ code: 'runtime.closed' });
    expect(one).not.toBe(other);
  });

  it('may end in the time there is', async () => {
    const { images, runtime, engine } = make({ fail: [{ call: 'images.list', hang: true, times: 1 }] });
    const controller = new AbortController();
    const listing = outcomeOf(images.list({ signal: controller.signal }));
    const closing = runtime.close({ drainMs: 60_000 });
    expect(await outcomeOf(images.list())).toMatchObject({ code: 'runtime.closed' });
    expect(engine.calls.map(({ call }) => call)).not.toContain('close');
    controller.abort('enough');
    expect(await listing).toBe('enough');
    await closing;
  });

  it('hold nothing up that was exported, however far it was read', async () => {
    const { images, runtime } = make();
    const [unread, begun] = [
      await images.export('ghcr.io/acme/a:1'),
      await images.export('ghcr.io/acme/a:1'),
    ];
    expect((await begun[Symbol.asyncIterator]().next()).done).toBe(false);
    const whole: Uint8Array[] = [];
    for await (const part of await images.export('ghcr.io/acme/a:1')) whole.push(part);
    await runtime.close();
    expect(whole).toHaveLength(1);
    expect(unread).toBeDefined();
  });
});

it('ends when its signal does', async () => {
  const { images } = make({ fail: [{ call: 'images.list', hang: true }] });
  const controller = new AbortController();
  const listing = outcomeOf(images.list({ signal: controller.signal }));
  controller.abort('enough');
  expect(await listing).toBe('enough');
});

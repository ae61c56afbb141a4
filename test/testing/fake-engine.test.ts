/** What the fake engine has beside the port: scripts, failures at any call, an engine that goes away, strictness. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Attachment, ContainerEngine } from '../../src/engine/types.js';
import { EngineError, ImageError } from '../../src/errors.js';
import { type EngineCall, fakeEngine, type FakeEngineScript } from '../../src/testing/index.js';
import { collect } from '../engine/docker/frames.js';
import { hardenedSpec } from '../engine/docker/specs.js';

describe('a script', () => {
  it('that says what is not known is refused, with the nearest name', () => {
    const script = {
      seesfiles: false,
      cpus: '4',
      images: { 'busybox:1': { entrypoint: ['sh'] } },
      fail: [{ call: 'containers.create' }, { call: 'container.start', time: 1 }],
    };
    const error: unknown = (() => {
      try {
        return fakeEngine(script as unknown as FakeEngineScript);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toMatchObject({
      code: 'config.invalid',
      details: {
        issues: [
          { path: 'script.seesfiles', message: 'is unknown; did you mean "seesFiles"?' },
          { path: 'script.images.busybox:1.entrypoint', message: 'is unknown; did you mean "entryPoint"?' },
          { path: 'script.fail.1.time', message: 'is unknown; did you mean "times"?' },
          { path: 'script.fail.1.call', message: expect.stringContaining('containers.start') as string },
          { path: 'script.cpus', message: 'must be a number, not less than 0' },
        ],
      },
    });
  });

  it.each([null, 'run', []])('may not be %j', (script) => {
    expect(() => fakeEngine(script as unknown as FakeEngineScript)).toThrow('must be an object');
  });

  it('may leave things undefined', () => {
    expect(fakeEngine({ run: undefined, fail: undefined, images: { a: { user: undefined } } }).name).toBe(
      'fake',
    );
  });
});

const spec = hardenedSpec({ name: 'job', image: 'busybox:1' });

/** Every call of the port once, on a container that was made before; in an order that is allowed. */
async function* nothing(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new Uint8Array());
}

const callsOn = (
  engine: ContainerEngine,
  id: string,
  signal?: AbortSignal,
): Readonly<Record<EngineCall, () => Promise<unknown>>> => ({
  info: () => engine.info({ signal }),
  'containers.create': () => engine.containers.create({ ...spec, name: 'other' }, { signal }),
  'containers.attach': () => engine.containers.attach(id, { stdin: false, signal }),
  'containers.start': () => engine.containers.start(id, { signal }),
  'containers.wait': () => engine.containers.wait(id, { signal }),
  'containers.kill': () => engine.containers.kill(id, 'SIGTERM', { signal }),
  'containers.remove': () => engine.containers.remove(id, { signal }),
  'containers.inspect': () => engine.containers.inspect(id, { signal }),
  'containers.list': () => engine.containers.list({}, { signal }),
  'containers.stats': async () => engine.containers.stats?.(id, { signal }),
  'containers.writtenBytes': async () => engine.containers.writtenBytes?.(id, { signal }),
  'containers.copyIn': async () => engine.containers.copyIn?.(id, '/', nothing(), { signal }),
  'containers.copyOut': async () => engine.containers.copyOut?.(id, '/', { signal }),
  'containers.lookAt': async () => engine.containers.lookAt?.(id, '/', { signal }),
  'volumes.create': async () => engine.volumes?.create({ name: 'v', labels: {} }, { signal }),
  'volumes.remove': async () => engine.volumes?.remove('v', { signal }),
  'volumes.list': async () => engine.volumes?.list({}, { signal }),
  'volumes.usedBytes': async () => engine.volumes?.usedBytes?.({ signal }),
  'networks.list': async () => engine.networks?.list({ signal }),
  events: async () => engine.events?.({ containerId: id }, { signal })[Symbol.asyncIterator]().next(),
  'images.pull': () => engine.images.pull('busybox:1', { signal }),
  'images.inspect': () => engine.images.inspect('busybox:1', { signal }),
  'images.list': async () => engine.images.list?.({ signal }),
  'images.remove': async () => engine.images.remove?.('busybox:1', { signal }),
  'images.tag': async () => engine.images.tag?.('busybox:1', 'other:1', { signal }),
  'images.history': async () => engine.images.history?.('busybox:1', { signal }),
  'images.push': async () => engine.images.push?.('busybox:1', { signal }),
  'images.export': async () => engine.images.export?.('busybox:1', { signal }),
  'images.import': async () => engine.images.import?.(nothing(), { signal }),
  'images.build': async () =>
    engine.images.build?.(nothing(), {
      ...{ tag: 'x:1', dockerfile: 'Dockerfile', buildArgs: {}, labels: {}, target: null, platform: null },
      ...{ noCache: false, pull: false, networkMode: 'none', credentials: {}, signal },
      resources: { cpus: 1, memoryBytes: 1, shmBytes: 1, ulimits: [] },
    }),
  'images.resolveDigest': async () => engine.images.resolveDigest?.('busybox:1', { signal }),
});

const CALLS = Object.keys(callsOn(fakeEngine(), '')) as readonly EngineCall[];

describe('a failure in the script', () => {
  it.each(CALLS)('makes %s reject as often as it says, with the error it says', async (call) => {
    const error = new EngineError('engine.unreachable', 'as told');
    const { id } = await fakeEngine().containers.create(spec);
    const engine = fakeEngine({ fail: [{ call, error, times: 2 }] });
    const attempt = callsOn(engine, id)[call];
    await expect(attempt()).rejects.toBe(error);
    await expect(attempt()).rejects.toBe(error);
    // From then on it is the call's own affair what it comes to.
    await attempt().catch((later: unknown) => expect(later).not.toBe(error));
  });

  it.each(CALLS)('makes %s hang until its signal is aborted', async (call) => {
    const engine = fakeEngine({ fail: [{ call, hang: true }] });
    const reason = new Error('enough');
    const controller = new AbortController();
    const work = callsOn(engine, 'id', controller.signal)[call]();
    const settled = await Promise.race([
      work.then(() => true),
      new Promise((go) => setTimeout(go, 20, false)),
    ]);
    expect(settled).toBe(false);
    controller.abort(reason);
    await expect(work).rejects.toBe(reason);
  });

  it('before: nothing was done; after: it was, only the answer is lost', async () => {
    for (const [when, left] of [
      ['before', []],
      ['after', ['job']],
    ] as const) {
      const engine = fakeEngine({ fail: [{ call: 'containers.create', when, times: 1 }] });
      await expect(engine.containers.create(spec)).rejects.toMatchObject({ code: 'engine.failed' });
      expect(engine.leftovers()).toEqual(left);
    }
  });
});

describe('the order of calls', () => {
  const wrong: readonly [string, (engine: ContainerEngine, id: string) => Promise<unknown>][] = [
    ['start before attach', (engine, id) => engine.containers.start(id)],
    [
      'attach with standard input after start',
      async (engine, id) => {
        await engine.containers.attach(id, { stdin: true });
        await engine.containers.start(id);
        return engine.containers.attach(id, { stdin: true });
      },
    ],
    [
      'attach twice before start',
      async (engine, id) => {
        await engine.containers.attach(id, { stdin: false });
        return engine.containers.attach(id, { stdin: false });
      },
    ],
    [
      'start twice',
      async (engine, id) => {
        await engine.containers.attach(id, { stdin: false });
        await engine.containers.start(id);
        return engine.containers.start(id);
      },
    ],
  ];
  it.each(wrong)('%s is refused and remembered', async (_, use) => {
    const engine = fakeEngine();
    const { id } = await engine.containers.create(spec);
    await expect(use(engine, id)).rejects.toMatchObject({ code: 'engine.failed' });
    expect(engine.protocolErrors).toHaveLength(1);
  });

  it('lets others listen to a container that runs: each hears what is written from then on', async () => {
    let go = (): void => undefined;
    let begin = (): void => undefined;
    const attachedAgain = new Promise<void>((resolve) => (go = resolve));
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const engine = fakeEngine({
      run: async (job) => {
        await job.stdout('early ');
        begin();
        await attachedAgain;
        await job.stdout('later');
        return { exitCode: 0 };
      },
    });
    const { id } = await engine.containers.create(spec);
    const hear = async ({ output }: Attachment): Promise<string> => {
      const heard: Uint8Array[] = [];
      for await (const { bytes } of output) heard.push(bytes);
      return Buffer.concat(heard).toString();
    };
    const first = hear(await engine.containers.attach(id, { stdin: false }));
    await engine.containers.start(id);
    await begun;
    const second = await engine.containers.attach(id, { stdin: false });
    const closed = await engine.containers.attach(id, { stdin: false });
    const [heard, nothing] = [hear(second), hear(closed)];
    closed.close();
    go();
    expect([await first, await heard, await nothing]).toEqual(['early later', 'later', '']);
    expect(engine.protocolErrors).toEqual([]);
  });

  it('is remembered as it was', async () => {
    const engine = fakeEngine();
    const { id } = await engine.containers.create(spec);
    await engine.containers.remove(id);
    expect(engine.calls).toEqual([
      { call: 'containers.create', target: 'job' },
      { call: 'containers.remove', target: id },
    ]);
  });
});

describe('an engine that goes away', () => {
  it.each(CALLS)('makes %s unreachable, until it is back', async (call) => {
    const engine = fakeEngine();
    const { id } = await engine.containers.create(spec);
    engine.goAway();
    await expect(callsOn(engine, id)[call]()).rejects.toMatchObject({ code: 'engine.unreachable' });
    engine.comeBack();
    expect(await engine.containers.inspect(id)).toMatchObject({ id });
  });

  it('ends streams and lets waits hang, while its containers go on', async () => {
    let finish: () => void = () => undefined;
    const engine = fakeEngine({
      run: async (job) => {
        await job.stdout('before\n');
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return { exitCode: 4 };
      },
    });
    const { id } = await engine.containers.create(spec);
    const { output } = await engine.containers.attach(id, { stdin: false });
    await engine.containers.start(id);
    const controller = new AbortController();
    const waiting = engine.containers.wait(id, { signal: controller.signal });
    const first = await output[Symbol.asyncIterator]().next();
    expect(first).toMatchObject({ done: false });
    engine.goAway();
    expect((await collect(output)).stdout.length).toBe(0);
    finish();
    const settled = await Promise.race([
      waiting.then(() => true),
      new Promise((go) => setTimeout(go, 20, false)),
    ]);
    expect(settled).toBe(false);
    controller.abort();
    await expect(waiting).rejects.toThrow();
    engine.comeBack();
    expect(await engine.containers.inspect(id)).toMatchObject({ status: 'exited', exitCode: 4 });
  });
});

describe('strangers', () => {
  const running = async () => {
    const engine = fakeEngine({ run: (job) => job.sleepUntilKilled() });
    const { id } = await engine.containers.create(spec);
    const { output } = await engine.containers.attach(id, { stdin: false });
    await engine.containers.start(id);
    return { engine, id, output, waiting: engine.containers.wait(id) };
  };

  it('may remove a container: it is gone, and whoever waits or reads is woken', async () => {
    const { engine, id, output, waiting } = await running();
    engine.disappear('job');
    await waiting;
    expect((await collect(output)).stdout.length).toBe(0);
    expect(await engine.containers.inspect(id)).toBeNull();
    expect(engine.leftovers()).toEqual([]);
  });

  it('may kill a container', async () => {
    const { engine, id, waiting } = await running();
    engine.killExternally(id);
    await waiting;
    expect(await engine.containers.inspect(id)).toMatchObject({ status: 'exited', exitCode: 137 });
    expect(engine.leftovers()).toEqual(['job']);
  });
});

describe('a scripted job', () => {
  it('reads and writes through mounts as a container does', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berthkit-fake-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await mkdir(join(folder, 'workspace'));
    await writeFile(join(folder, 'input'), 'staged');
    const refused: unknown[] = [];
    const engine = fakeEngine({
      run: async (job) => {
        for (const path of ['/workspace/in/a', '/etc/passwd', '/workspace/in/a/../../../etc/x']) {
          await job.writeFile(path, 'x').catch((error: unknown) => refused.push(error));
        }
        await job.writeFile('out/deep.txt', await job.readFile('in/a'));
        await job.writeFile('/tmp/scratch', 'x');
        await job.stdout(await job.readFile('/tmp/scratch'));
        return { exitCode: 0 };
      },
    });
    const { id } = await engine.containers.create({
      ...spec,
      workingDirectory: '/workspace',
      mounts: [
        { type: 'bind', source: join(folder, 'workspace'), target: '/workspace', readOnly: false },
        { type: 'bind', source: join(folder, 'input'), target: '/workspace/in/a', readOnly: true },
      ],
      tmpfs: [{ target: '/tmp', sizeBytes: 1000, inodes: 10, uid: 0, gid: 0, mode: '1777', exec: false }],
    });
    const { output } = await engine.containers.attach(id, { stdin: false });
    await engine.containers.start(id);
    await engine.containers.wait(id);
    expect(await engine.containers.inspect(id)).toMatchObject({ exitCode: 0 });
    expect((await collect(output)).stdout.toString()).toBe('x');
    expect(refused).toMatchObject([{ code: 'EROFS' }, { code: 'EROFS' }, { code: 'EROFS' }]);
    expect(await readFile(join(folder, 'workspace/out/deep.txt'), 'utf8')).toBe('staged');
    expect(await readFile(join(folder, 'input'), 'utf8')).toBe('staged');
  });

  it('that floods and is killed ends, also when nobody reads any more', async () => {
    const engine = fakeEngine({
      run: async (job) => {
        for (;;) await job.stdout('x'.repeat(1000));
      },
    });
    const { id } = await engine.containers.create(spec);
    const attachment = await engine.containers.attach(id, { stdin: false });
    await engine.containers.start(id);
    attachment.close();
    await engine.containers.kill(id, 'SIGKILL');
    await engine.containers.wait(id);
    expect(await engine.containers.inspect(id)).toMatchObject({ status: 'exited', exitCode: 137 });
  });
});

it('says whether it sees the files of this host, and mounts none where it does not', async () => {
  const mount = { source: '/tmp', target: '/x', readOnly: true, subpath: null } as const;
  const withFolder = { ...spec, mounts: [{ ...mount, type: 'bind' as const }] };
  const here = fakeEngine();
  expect(here.capabilities).toMatchObject({ bindMounts: true, seesFiles: true });
  await here.containers.create(withFolder);
  const there = fakeEngine({ seesFiles: false });
  expect(there.capabilities).toMatchObject({ bindMounts: false, seesFiles: false });
  await expect(there.containers.create(withFolder)).rejects.toMatchObject({ code: 'engine.failed' });
  await there.containers.create(spec);
});

describe('images', () => {
  it('that are listed are there, by every spelling and by id', async () => {
    const engine = fakeEngine({ images: { 'busybox:1': { volumes: ['/data'] } } });
    const info = await engine.images.inspect('docker.io/library/busybox:1');
    expect(info).toMatchObject({ volumes: ['/data'], operatingSystem: 'linux' });
    expect(await engine.images.inspect(info?.id ?? '')).toMatchObject({ volumes: ['/data'] });
    expect(await engine.images.inspect('alpine:3')).toBeNull();
  });

  it('that can be pulled are there after it, with progress; no others are', async () => {
    const progress = { layer: 'a', status: 'Downloading', currentBytes: 1, totalBytes: 2 };
    const engine = fakeEngine({ images: {}, pullable: { 'alpine:3': {} }, pullProgress: [progress] });
    const seen: unknown[] = [];
    await engine.images.pull('alpine:3', { onProgress: (step) => seen.push(step) });
    expect(seen).toEqual([progress]);
    expect(await engine.images.inspect('alpine:3')).not.toBeNull();
    const missing = engine.images.pull('debian:12');
    await expect(missing).rejects.toBeInstanceOf(ImageError);
    await expect(missing).rejects.toMatchObject({ code: 'image.not_found' });
  });
});

/** `runtime.images` on the engine of this machine, with a registry that knows its users: each by what the engine or the registry has afterwards. */
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { dockerEngine, type RuntimeImages } from 'berthkit';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { startRealRegistry, type RealRegistry, USER } from '../registry/real-registry.js';
import { registryImage } from '../registry/registry-image.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { connectToEngine } from './test-engine.js';

let registry: RealRegistry;
let busybox = '';
let count = 0;
beforeAll(async () => {
  registry = await startRealRegistry({ tls: false });
  busybox = await ensureImage('busybox');
});
afterAll(async () => {
  await registry.close();
});

const newName = (): string => {
  count += 1;
  return `${registry.host}/facet/image-${String(count)}:1`;
};
const login = () => ({ registryAuth: { [registry.host]: USER } });

async function imagesOf(allow: readonly string[] = [`${registry.host}/*`, busybox]): Promise<RuntimeImages> {
  const runtime = await testRuntime({ policy: { images: { allow } } });
  return runtime.images;
}

it('pushes what it tagged, says under which digest, and pulls exactly that again', async () => {
  const images = await imagesOf();
  const name = newName();
  await images.tag(busybox, name);
  const layers = new Set<string | null>();
  const { digest } = await images.push(name, { ...login(), onProgress: ({ layer }) => layers.add(layer) });
  expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(layers.size).toBeGreaterThan(1);
  expect(await images.resolveDigest(name, login())).toBe(digest);
  const before = await images.inspect(name);
  await images.remove(name);
  expect(await images.inspect(name)).toBeNull();
  const pulled = await images.pull(name, login());
  expect(pulled).toMatchObject({ id: before?.id, digest });
  await images.remove(name);
});

it.each(['push', 'pull', 'resolveDigest'] as const)(
  'without credentials %s is image.unauthorized, and with wrong ones, which nobody is told',
  async (call) => {
    const images = await imagesOf();
    const name = newName();
    await registry.put(name.slice(registry.host.length + 1, -2), '1', await registryImage({ bare: true }));
    await images.tag(busybox, name);
    await expect(images[call](name)).rejects.toMatchObject({ code: 'image.unauthorized' });
    const wrong = { username: USER.username, password: 'wrong-password-of-alice' };
    const error: unknown = await images[call](name, { registryAuth: { [registry.host]: wrong } }).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'image.unauthorized' });
    expect(JSON.stringify(error) + String(error)).not.toContain(wrong.password);
    await images.remove(name);
  },
);

it('does nothing for an image that policy does not allow, under either name', async () => {
  const images = await imagesOf([`${registry.host}/facet/*`]);
  const name = newName();
  const refused = [
    images.pull('evil.example/x:1'),
    images.push('evil.example/x:1'),
    images.resolveDigest('evil.example/x:1'),
    images.tag(busybox, name),
    images.tag(name, 'evil.example/x:1'),
  ];
  for (const each of await Promise.allSettled(refused))
    expect(each).toMatchObject({ status: 'rejected', reason: { code: 'policy.denied' } });
  expect(await images.inspect(name)).toBeNull();
});

it('sends an image out and takes it in again, and lists and removes it by its name', async () => {
  const images = await imagesOf();
  const name = newName();
  await images.tag(busybox, name);
  const tar: Uint8Array[] = [];
  for await (const part of await images.export(name)) tar.push(part);
  await images.remove(name);
  async function* parts() {
    for (const part of tar) yield await Promise.resolve(part);
  }
  expect(await images.import(parts())).toEqual([name]);
  const listed = (await images.list()).find(({ repoTags }) => repoTags.includes(name));
  expect(listed).toMatchObject({ id: (await images.inspect(busybox))?.id });
  expect(listed?.sizeBytes).toBeGreaterThan(500_000);
  const added = (await images.history(name)).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  expect(added).toBeGreaterThan(500_000);
  await images.remove(name);
  expect((await images.list()).some(({ repoTags }) => repoTags.includes(name))).toBe(false);
});

it('leaves an export that is broken off', async () => {
  const images = await imagesOf();
  let parts = 0;
  for await (const part of await images.export(busybox)) {
    expect(part.length).toBeGreaterThan(0);
    parts += 1;
    break;
  }
  expect(parts).toBe(1);
});

it('leaves an export, begun or not, when its runtime closes, the engine being its caller’s', async () => {
  const path = join(await temporaryFolder(), 'e.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined));
    const engine = connectToEngine().on('error', () => undefined);
    socket.pipe(engine).pipe(socket);
    socket.on('close', () => engine.destroy());
  }).listen(path);
  onTestFinished(() => {
    server.close();
  });
  const engine = dockerEngine({ host: `unix://${path}` });
  onTestFinished(() => engine.close());
  const { images, close } = await testRuntime({}, { engine });
  const reading = (await images.export(busybox))[Symbol.asyncIterator]();
  await reading.next();
  await images.export(busybox);
  expect(sockets.size).toBe(2);
  await close();
  await expect.poll(() => sockets.size, { timeout: 60_000 }).toBe(0);
  await expect(reading.next()).rejects.toMatchObject({ code: 'runtime.closed' });
});

it('does nothing once its runtime is closed', async () => {
  const runtime = await testRuntime();
  await runtime.close();
  await expect(runtime.images.list()).rejects.toMatchObject({ code: 'runtime.closed' });
});

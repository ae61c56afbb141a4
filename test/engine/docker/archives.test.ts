/** Volumes and copied files: the calls that are made for them, and what the answers mean. */
import { describe, expect, it } from 'vitest';
import type { ContainerEngine } from '../../../src/engine/types.js';
import { scriptedEngine } from './scripted-engine.js';

const id = 'a'.repeat(64);
const signs = 2 ** 31;

async function* bytes(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(Buffer.from(part));
}

const textOf = async (tar: AsyncIterable<Uint8Array> | undefined): Promise<string> => {
  let text = '';
  for await (const part of tar ?? bytes()) text += Buffer.from(part).toString();
  return text;
};

const statOf = (mode: number): string => Buffer.from(JSON.stringify({ name: 'x', mode })).toString('base64');

describe('copyIn', () => {
  it('sends the tar as it is, and nothing but the path with it', async () => {
    let seen = '';
    let type: string | undefined;
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ body, request, response }) => {
        seen = body;
        type = request.headers['content-type'];
        response.end();
      },
    });
    await engine.containers.copyIn?.(id, '/a b', bytes('one', 'two'));
    expect(lines).toEqual([`PUT /containers/${id}/archive?path=%2Fa%20b`]);
    expect([seen, type]).toEqual(['onetwo', 'application/tar']);
  });

  it.each([
    [404, 'engine.not_found'],
    [400, 'engine.failed'],
    [403, 'engine.failed'],
    [500, 'engine.failed'],
  ])('status %i: %s', async (status, code) => {
    const { engine } = await scriptedEngine({ onRequest: ({ json }) => json(status, { message: 'why' }) });
    await expect(engine.containers.copyIn?.(id, '/', bytes('x'))).rejects.toMatchObject({
      code,
      message: expect.stringContaining('why') as string,
    });
  });
});

describe('copyOut', () => {
  it('gives the bytes of the answer', async () => {
    const { engine, lines } = await scriptedEngine({ onRequest: ({ response }) => response.end('a tar') });
    expect(await textOf(await engine.containers.copyOut?.(id, '/out'))).toBe('a tar');
    expect(lines).toEqual([`GET /containers/${id}/archive?path=%2Fout`]);
  });

  it('fails when the connection breaks in the middle', async () => {
    const { engine } = await scriptedEngine({
      onRequest: ({ response }) => {
        response.writeHead(200, { 'Content-Length': '100' });
        response.write('half', () => response.destroy());
      },
    });
    const tar = await engine.containers.copyOut?.(id, '/out');
    await expect(textOf(tar)).rejects.toMatchObject({ code: 'engine.unreachable' });
  });

  it('lets go of the connection when its reader breaks off', async () => {
    let closed: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const { engine } = await scriptedEngine({
      onRequest: ({ response }) => {
        response.on('close', () => closed?.());
        response.write('first');
      },
    });
    for await (const part of (await engine.containers.copyOut?.(id, '/out')) ?? bytes()) {
      expect(Buffer.from(part).toString()).toBe('first');
      break;
    }
    await gone;
  });
});

describe('lookAt', () => {
  it.each([
    [signs + 0o755, 'directory'],
    [0o644, 'file'],
    [2 ** 27 + 0o777, 'symlink'],
    [2 ** 25, 'other'],
    [2 ** 26 + 2 ** 21, 'other'],
    [2 ** 24, 'other'],
    [2 ** 23 + 0o755, 'file'],
  ])('mode %i is a %s', async (mode, type) => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ response }) => {
        response.setHeader('X-Docker-Container-Path-Stat', statOf(mode));
        response.end();
      },
    });
    expect(await engine.containers.lookAt?.(id, '/x')).toBe(type);
    expect(lines).toEqual([`HEAD /containers/${id}/archive?path=%2Fx`]);
  });

  it.each(['', 'no base64 of JSON', statOf(NaN)])('an answer with %j is none', async (header) => {
    const { engine } = await scriptedEngine({
      onRequest: ({ response }) => {
        response.setHeader('X-Docker-Container-Path-Stat', header);
        response.end();
      },
    });
    await expect(engine.containers.lookAt?.(id, '/x')).rejects.toMatchObject({ code: 'engine.failed' });
  });

  it.each([
    ['evalSymlinksInScope: too many links in /x', 'symlink'],
    ['lstat /x: too many levels of symbolic links', 'symlink'],
    ['the disk is on fire', 'engine.failed'],
  ])('a failure is asked about: %s', async (message, outcome) => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ line, response, json }) =>
        line.startsWith('HEAD') ? response.writeHead(500).end() : json(500, { message }),
    });
    const looking = engine.containers.lookAt?.(id, '/x');
    if (outcome === 'symlink') expect(await looking).toBe(outcome);
    else
      await expect(looking).rejects.toMatchObject({
        code: outcome,
        message: expect.stringContaining(message) as string,
      });
    expect(lines).toEqual([
      `HEAD /containers/${id}/archive?path=%2Fx`,
      `GET /containers/${id}/archive?path=%2Fx`,
    ]);
  });

  it('404 is nothing, any other status a failure', async () => {
    let status = 404;
    const { engine } = await scriptedEngine({
      onRequest: ({ response }) => response.writeHead(status).end(),
    });
    expect(await engine.containers.lookAt?.(id, '/x')).toBeNull();
    status = 500;
    await expect(engine.containers.lookAt?.(id, '/x')).rejects.toMatchObject({ code: 'engine.failed' });
  });
});

describe('volumes', () => {
  const spec = { name: 'v-1', labels: { a: 'b' } };

  it('are made by the driver of the engine itself, with labels and no options', async () => {
    let body = '';
    const { engine, lines } = await scriptedEngine({
      onRequest: (exchange) => {
        body = exchange.body;
        exchange.json(201, { Name: 'v-1', Labels: { a: 'b' }, Mountpoint: '/x' });
      },
    });
    await engine.volumes?.create(spec);
    expect(lines).toEqual(['POST /volumes/create?']);
    expect(JSON.parse(body)).toEqual({ Name: 'v-1', Driver: 'local', Labels: { a: 'b' } });
  });

  it.each([
    ['of another', 201, { Name: 'v-1', Labels: { a: 'c' } }, 'engine.conflict'],
    ['without labels', 201, { Name: 'v-1', Labels: null }, 'engine.conflict'],
    ['of another driver', 409, { message: 'driver mismatch' }, 'engine.conflict'],
    ['that cannot be made', 500, { message: 'no space' }, 'engine.failed'],
  ])('a name %s is refused', async (_, status, body, code) => {
    const { engine } = await scriptedEngine({ onRequest: ({ json }) => json(status, body) });
    await expect(engine.volumes?.create(spec)).rejects.toMatchObject({ code });
  });

  it('are listed by their labels, none being null', async () => {
    let body: unknown = {
      Volumes: [
        { Name: 'v-1', Labels: { a: 'b' } },
        { Name: 'v-2', Labels: null },
      ],
    };
    const { engine, lines } = await scriptedEngine({ onRequest: ({ json }) => json(200, body) });
    expect(await engine.volumes?.list({ a: 'b' })).toEqual([spec, { name: 'v-2', labels: {} }]);
    expect(decodeURIComponent(lines[0] ?? '')).toBe('GET /volumes?filters={"label":["a=b"]}');
    body = { Volumes: null };
    expect(await engine.volumes?.list({})).toEqual([]);
  });

  it.each([
    [204, null],
    [404, null],
    [409, 'engine.conflict'],
    [500, 'engine.failed'],
  ])('removal, status %i: %s', async (status, code) => {
    const { engine } = await scriptedEngine({
      onRequest: ({ json, response }) =>
        status === 204 ? response.writeHead(204).end() : json(status, { message: 'x' }),
    });
    const outcome: unknown = await engine.volumes?.remove('v-1').catch((error: unknown) => error);
    if (code === null) expect(outcome).toBeUndefined();
    else expect(outcome).toMatchObject({ code });
  });
});

describe('what becomes part of a URL', () => {
  const evil = 'a/kill?signal=KILL&';
  const calls: readonly [string, (engine: ContainerEngine) => Promise<unknown> | undefined][] = [
    ['copyIn', ({ containers }) => containers.copyIn?.(evil, '/', bytes('x'))],
    ['copyOut', ({ containers }) => containers.copyOut?.(evil, '/')],
    ['lookAt', ({ containers }) => containers.lookAt?.(evil, '/')],
    ['volumes.create', ({ volumes }) => volumes?.create({ name: evil, labels: {} })],
    ['volumes.remove', ({ volumes }) => volumes?.remove(evil)],
  ];
  it.each(calls)('is checked by %s', async (_, call) => {
    const { engine, lines } = await scriptedEngine({ onRequest: ({ json }) => json(200, {}) });
    await expect(call(engine)).rejects.toMatchObject({ code: 'engine.failed' });
    expect(lines).toEqual([]);
  });
});

describe('what volumes hold', () => {
  it('is asked of volumes alone, and is null where the engine could not go through all of one', async () => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ json }) =>
        json(200, {
          Volumes: [
            { Name: 'a', UsageData: { RefCount: 1, Size: 5 } },
            { Name: 'b', UsageData: { RefCount: 1, Size: 0 } },
            { Name: 'deep', UsageData: { RefCount: 1, Size: -1 } },
            { Name: 'untold' },
          ],
        }),
    });
    expect(await engine.volumes?.usedBytes?.()).toEqual(
      new Map([
        ['a', 5],
        ['b', 0],
        ['deep', null],
        ['untold', null],
      ]),
    );
    expect(lines).toEqual(['GET /system/df?type=volume']);
  });

  it.each([{ Volumes: null }, {}])('is nothing where there is none: %j', async (body) => {
    const { engine } = await scriptedEngine({ onRequest: ({ json }) => json(200, body) });
    expect(await engine.volumes?.usedBytes?.()).toEqual(new Map());
  });

  it('is not told while the engine looks for somebody else', async () => {
    const message = 'a disk usage operation is already running';
    const { engine } = await scriptedEngine({ onRequest: ({ json }) => json(500, { message }) });
    await expect(engine.volumes?.usedBytes?.()).rejects.toMatchObject({
      code: 'engine.failed',
      message: expect.stringContaining(message) as string,
    });
  });
});

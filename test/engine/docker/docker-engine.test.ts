import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { oneLine } from '../../../src/base/one-line.js';
import { parseConfig } from '../../../src/config/parse.js';
import { createEngineSource } from '../../../src/engine-source.js';
import { dockerEngine } from '../../../src/engine/docker/docker-engine.js';
import type { EngineError } from '../../../src/errors.js';
import { hardenedSpec } from './specs.js';
import { scriptedEngine, type Exchange } from './scripted-engine.js';

const id = 'a'.repeat(64);
const inspection = (Status: string, more: object = {}) => ({
  Id: id,
  Name: '/n',
  State: { Status, StartedAt: '2026-01-01T00:00:00Z', ExitCode: 0, ...more },
});
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('options', () => {
  it.each([
    [{ hots: 'unix:///run/other.sock' }, 'options.hots is unknown; did you mean "host"?'],
    [{ TLSOptions: {} }, 'options.TLSOptions is unknown; known are host, tls, ssh, from, name'],
  ])('%j are refused: they would mean the default engine', (options, message) => {
    expect(() => dockerEngine(options as object)).toThrow(
      expect.objectContaining({
        code: 'config.invalid',
        message: expect.stringContaining(message) as unknown,
      }) as Error,
    );
  });
});

describe('create', () => {
  it('puts nothing but name and platform into the URL', async () => {
    let seen: Exchange | undefined;
    const { engine, lines } = await scriptedEngine({
      onRequest: (exchange) => {
        seen = exchange;
        exchange.json(201, { Id: id, Warnings: ['w'] });
      },
    });
    const spec = hardenedSpec({
      platform: 'linux/amd64',
      environment: [{ name: 'TOKEN', value: 'hunter2' }],
    });
    expect(await engine.containers.create(spec)).toEqual({ id, warnings: ['w'] });
    expect(lines).toEqual(['POST /containers/create?name=berthkit-test&platform=linux%2Famd64']);
    expect(JSON.parse(seen?.body ?? '')).toMatchObject({ Env: ['TOKEN=hunter2'], Image: spec.image });
    expect(JSON.stringify(seen?.request.headers)).not.toContain('hunter2');
  });

  it.each([
    [404, 'engine.image_not_found'],
    [409, 'engine.conflict'],
    [400, 'engine.failed'],
    [431, 'engine.failed'],
    [500, 'engine.failed'],
  ])('status %i: %s', async (status, code) => {
    const { engine } = await scriptedEngine({
      onRequest: ({ json }) => json(status, { message: 'the reason' }),
    });
    await expect(engine.containers.create(hardenedSpec())).rejects.toMatchObject({
      code,
      message: expect.stringContaining('the reason') as string,
    });
  });
});

describe('resolveDigest', () => {
  it('says what it was doing when a registry refuses', async () => {
    const { engine } = await scriptedEngine({
      onRequest: ({ json }) => json(404, { message: 'manifest unknown' }),
    });
    await expect(engine.images.resolveDigest?.('r.example/x:1')).rejects.toMatchObject({
      code: 'image.not_found',
      message: 'Resolving the digest of r.example/x:1 failed: manifest unknown.',
    });
  });

  it('is refused for Podman, which says of every image that there is no such path', async () => {
    const { engine, lines } = await scriptedEngine({
      onPing: (response) => void response.setHeader('Libpod-API-Version', '4.3.1'),
      onRequest: ({ json }) => json(404, { message: 'Path /distribution/x/json is not supported' }),
    });
    await expect(engine.images.resolveDigest?.('r.example/x:1')).rejects.toMatchObject({
      code: 'engine.unsupported',
      hint: expect.stringContaining('pull it') as string,
    });
    expect(lines).toEqual([]);
  });
});

describe('create, of a folder that the engine does not have', () => {
  it.each([
    [400, 'invalid mount config for type "bind": bind source path does not exist: /a b/c', '/a b/c'],
    [500, 'bind source path does not exist: /a/b', undefined],
    [400, 'invalid mount config for type "bind": something else', undefined],
  ])('status %i, %s', async (status, message, missingSource) => {
    const { engine } = await scriptedEngine({ onRequest: ({ json }) => json(status, { message }) });
    const error = await engine.containers.create(hardenedSpec()).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'engine.failed',
      message: expect.stringContaining(message) as string,
    });
    expect((error as EngineError).details['missingSource']).toBe(missingSource);
  });
});

describe('identifiers never reach a URL unchecked', () => {
  const evil = 'a/kill?signal=KILL&';
  it('refuses them in every call', async () => {
    const { engine, lines } = await scriptedEngine({ onRequest: ({ json }) => json(200, {}) });
    const calls = [
      engine.containers.create(hardenedSpec({ name: evil })),
      engine.containers.attach(evil, { stdin: false }),
      engine.containers.start(evil),
      engine.containers.wait(evil),
      engine.containers.kill(evil, 'SIGKILL'),
      engine.containers.kill(id, 'KILL&x=1'),
      engine.containers.remove(evil),
      engine.containers.inspect('../images/json?x='),
      engine.containers.stats?.(evil),
      engine.images.inspect('../containers/json'),
      engine.images.pull('x?fromSrc=y'),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'engine.failed' });
    expect(lines).toEqual([]);
  });
});

describe('stats', () => {
  const read = '2026-01-01T00:00:00.1Z';
  it.each([
    [
      'cgroup v1',
      {
        read,
        cpu_stats: { cpu_usage: { total_usage: 1_500_400_000 } },
        memory_stats: { usage: 7, max_usage: 9 },
      },
      { cpuTimeMs: 1500, memoryBytes: 7, peakMemoryBytes: 9 },
    ],
    [
      'cgroup v2',
      { read, cpu_stats: { cpu_usage: { total_usage: 2e6 } }, memory_stats: { usage: 7 } },
      { cpuTimeMs: 2, memoryBytes: 7, peakMemoryBytes: null },
    ],
    ['little', { read }, { cpuTimeMs: null, memoryBytes: null, peakMemoryBytes: null }],
    ['nothing, of a container that does not run', { read: '0001-01-01T00:00:00Z', cpu_stats: {} }, null],
  ])('are read once, without waiting: %s', async (_name, body, expected) => {
    const { engine, lines } = await scriptedEngine({ onRequest: ({ json }) => json(200, body) });
    expect(await engine.containers.stats?.(id)).toEqual(expected);
    expect(lines).toEqual([`GET /containers/${id}/stats?stream=false&one-shot=true`]);
  });

  it.each([
    [404, null],
    [500, 'engine.failed'],
  ])('status %i: %s', async (status, code) => {
    const { engine } = await scriptedEngine({ onRequest: ({ json }) => json(status, { message: 'x' }) });
    const outcome = engine.containers.stats?.(id).catch((error: unknown) => error);
    const answer: unknown = await outcome;
    if (code === null) expect(answer).toBeNull();
    else expect(answer).toMatchObject({ code });
  });
});

describe('start', () => {
  it.each([
    [{ ExitCode: 127 }, 'no such file', 127],
    [{ ExitCode: 126 }, 'x', 126],
    [{ ExitCode: 0 }, 'exec: "nope": executable file not found in $PATH', 127],
    [{ ExitCode: 0 }, 'exec: "/etc": permission denied', 126],
  ])('says with which code a bad entry point failed: %j %s', async (state, message, exitCode) => {
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json }) =>
        line.startsWith('POST') ? json(400, { message }) : json(200, inspection('created', state)),
    });
    await expect(engine.containers.start(id)).rejects.toMatchObject({
      code: 'engine.failed',
      details: { exitCode },
    });
  });

  it.each(['no such\u001b[2J\nfile', 'could not select device driver\u001b[2J\n""'])(
    'keeps what the engine repeats of a job to one line that steers no terminal: %j',
    async (message) => {
      const { engine } = await scriptedEngine({
        onRequest: ({ line, json }) =>
          line.startsWith('POST') ? json(500, { message }) : json(200, inspection('created')),
      });
      await expect(engine.containers.start(id)).rejects.toMatchObject({
        message: `Container ${id} could not start: ${oneLine(message)}.`,
      });
    },
  );

  it('tells a missing container from something else missing by inspection', async () => {
    let exists = true;
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json }) =>
        line.startsWith('GET') && exists
          ? json(200, inspection('created'))
          : json(404, { message: 'network x' }),
    });
    const failure = await engine.containers.start(id).catch((cause: unknown) => cause);
    expect(failure).toMatchObject({ code: 'engine.failed' });
    expect(failure).not.toHaveProperty('details.exitCode');
    exists = false;
    await expect(engine.containers.start(id)).rejects.toMatchObject({ code: 'engine.not_found' });
  });

  it('knows a missing GPU driver, and takes "already started" for success', async () => {
    let status = 500;
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json, response }) => {
        if (line.startsWith('GET')) json(200, inspection('created'));
        else if (status === 304) response.writeHead(304).end();
        else json(status, { message: 'could not select device driver "" with capabilities: [[gpu]]' });
      },
    });
    await expect(engine.containers.start(id)).rejects.toMatchObject({ code: 'engine.gpu_unavailable' });
    status = 304;
    await expect(engine.containers.start(id)).resolves.toBeUndefined();
  });
});

describe('kill', () => {
  it.each([
    [204, 'running', true],
    [404, 'running', true],
    [409, 'exited', true],
    [500, 'exited', true],
    [409, 'running', false],
    [500, 'running', false],
    [400, 'exited', false],
  ])('status %i with the container %s: succeeds %s', async (status, state, succeeds) => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ line, json }) =>
        line.startsWith('GET')
          ? json(200, inspection(state))
          : json(status, status === 204 ? '' : { message: 'm' }),
    });
    const call = engine.containers.kill(id, 'SIGTERM');
    if (succeeds) await expect(call).resolves.toBeUndefined();
    else await expect(call).rejects.toMatchObject({ code: 'engine.failed' });
    expect(lines[0]).toBe(`POST /containers/${id}/kill?signal=SIGTERM`);
  });
});

describe('wait', () => {
  it('asks for the next exit of a created container, and for the end of a running one', async () => {
    let state = 'created';
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ line, json }) =>
        line.startsWith('GET') ? json(200, inspection(state)) : json(200, { StatusCode: 0 }),
    });
    await engine.containers.wait(id);
    expect(lines[1]).toBe(`POST /containers/${id}/wait?condition=next-exit`);
    state = 'running';
    await engine.containers.wait(id);
    expect(lines.at(-1)).toBe(`POST /containers/${id}/wait?condition=not-running`);
    const before = lines.length;
    state = 'exited';
    await engine.containers.wait(id);
    expect(lines.length).toBe(before + 1);
  });

  it('asks at once for the end of a container that was started here, until it was told that end', async () => {
    let isThere = true;
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ line, json, response }) => {
        if (line.endsWith('/start')) response.writeHead(204).end();
        else if (!isThere) json(404, { message: 'gone' });
        else if (line.startsWith('GET')) json(200, inspection('exited'));
        else json(200, { StatusCode: 0 });
      },
    });
    const waiting = `POST /containers/${id}/wait?condition=not-running`;
    await engine.containers.start(id);
    await engine.containers.wait(id);
    expect(lines.slice(1)).toEqual([waiting]);
    await engine.containers.wait(id);
    expect(lines.slice(2)).toEqual([`GET /containers/${id}/json`]);
    await engine.containers.start(id);
    isThere = false;
    await expect(engine.containers.wait(id)).rejects.toMatchObject({ code: 'engine.not_found' });
    expect(lines.at(-1)).toBe(waiting);
  });

  it('looks at a container that was started by its name, which may be another one by now', async () => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ line, json, response }) => {
        if (line.endsWith('/start')) response.writeHead(204).end();
        else json(200, inspection('exited'));
      },
    });
    await engine.containers.start('name');
    await engine.containers.wait('name');
    expect(lines.slice(1)).toEqual(['GET /containers/name/json']);
  });

  it('notices a container that ended before the engine listened', async () => {
    let looks = 0;
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json, response }) => {
        if (line.startsWith('GET')) json(200, inspection((looks += 1) === 1 ? 'created' : 'exited'));
        else response.writeHead(200).flushHeaders();
      },
    });
    await engine.containers.wait(id);
    expect(looks).toBe(2);
  });

  it.each([
    ['cut', (exchange: Exchange) => exchange.response.socket?.destroy()],
    ['ended', (exchange: Exchange) => exchange.response.socket?.end()],
  ])('rejects when the connection is %s after the headers', async (_how, cut) => {
    const { engine } = await scriptedEngine({
      onRequest: async (exchange) => {
        if (exchange.line.startsWith('GET')) {
          exchange.json(200, inspection('running'));
          return;
        }
        exchange.response.writeHead(200).flushHeaders();
        await settle();
        cut(exchange);
      },
    });
    await expect(engine.containers.wait(id)).rejects.toMatchObject({ code: 'engine.unreachable' });
  });

  it('distinguishes a container that was never there from one that goes', async () => {
    let there = false;
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json }) =>
        line.startsWith('GET') && there ? json(200, inspection('running')) : json(404, { message: 'gone' }),
    });
    await expect(engine.containers.wait(id)).rejects.toMatchObject({ code: 'engine.not_found' });
    there = true;
    await expect(engine.containers.wait(id)).resolves.toBeUndefined();
  });

  it('rejects with the reason of its signal and lets the connection go', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const controller = new AbortController();
    const reason = new Error('enough');
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json, response }) => {
        if (line.startsWith('GET')) json(200, inspection('running'));
        else {
          closed = once(response, 'close');
          response.writeHead(200).flushHeaders();
          setTimeout(() => {
            controller.abort(reason);
          }, 10);
        }
      },
    });
    await expect(engine.containers.wait(id, { signal: controller.signal })).rejects.toBe(reason);
    await closed;
  });
});

describe('remove', () => {
  it('status 204 is success at once', async () => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ response }) => response.writeHead(204).end(),
    });
    await engine.containers.remove(id);
    expect(lines).toEqual([`DELETE /containers/${id}?force=true&v=true`]);
  });

  it('status 404 is success once the container is looked for and not there', async () => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ response }) => response.writeHead(404).end(),
    });
    await engine.containers.remove(id);
    expect(lines).toEqual([`DELETE /containers/${id}?force=true&v=true`, `GET /containers/${id}/json`]);
  });

  it('waits for a removal somebody else has under way', async () => {
    let looks = 0;
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json }) => {
        if (line.startsWith('DELETE'))
          json(409, { message: `removal of container ${id} is already in progress` });
        else if ((looks += 1) < 3) json(200, inspection('removing'));
        else json(404, { message: 'no such container' });
      },
    });
    await engine.containers.remove(id);
    expect(looks).toBe(3);
  });

  it('asks again when the engine refuses because files are in use', async () => {
    let asked = 0;
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json, response }) => {
        if (line.startsWith('GET')) json(200, inspection('dead'));
        else if ((asked += 1) < 3) json(500, { message: 'device or resource busy' });
        else response.writeHead(204).end();
      },
    });
    await engine.containers.remove(id);
    expect(asked).toBe(3);
  });

  it('stops waiting when its signal aborts', async () => {
    const controller = new AbortController();
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json }) => {
        if (line.startsWith('DELETE')) json(409, { message: 'in progress' });
        else {
          json(200, inspection('removing'));
          controller.abort('stop');
        }
      },
    });
    await expect(engine.containers.remove(id, { signal: controller.signal })).rejects.toBe('stop');
  });

  it('does not repeat what the engine says is wrong', async () => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ json }) => json(400, { message: 'bad' }),
    });
    await expect(engine.containers.remove(id)).rejects.toMatchObject({ code: 'engine.failed' });
    expect(lines).toHaveLength(1);
  });
});

describe('inspect, list, info', () => {
  it('inspects, or says null', async () => {
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json }) =>
        line.includes('/there/') ? json(200, inspection('running')) : json(404, {}),
    });
    expect(await engine.containers.inspect('there')).toMatchObject({ id, status: 'running' });
    expect(await engine.containers.inspect('gone')).toBeNull();
    expect(await engine.images.inspect('gone:1')).toBeNull();
  });

  it('lists by labels', async () => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ json }) => json(200, [{ Id: id, Names: ['/n'], ImageID: `sha256:${id}` }]),
    });
    expect(await engine.containers.list({ a: 'b=c', d: 'e' })).toEqual([
      { id, name: 'n', imageId: `sha256:${id}`, labels: {} },
    ]);
    const query = new URL(`http://x${(lines[0] ?? '').slice(4)}`).searchParams;
    expect(query.get('all')).toBe('true');
    expect(JSON.parse(query.get('filters') ?? '')).toEqual({ label: ['a=b=c', 'd=e'] });
    await engine.containers.list({});
    expect(lines[1]).toBe('GET /containers/json?all=true');
  });

  it('asks for version and system', async () => {
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json }) =>
        line === 'GET /version' ? json(200, { Version: '1' }) : json(200, { NCPU: 3, MemTotal: 5 }),
    });
    expect(await engine.info()).toMatchObject({ version: '1', cpus: 3 });
  });
});

describe('connections', () => {
  it('rejects when the engine goes away in the middle of an answer', async () => {
    const { engine } = await scriptedEngine({
      onRequest: async ({ response }) => {
        response.writeHead(200, { 'Content-Length': '100' }).write('{');
        await settle();
        response.socket?.destroy();
      },
    });
    await expect(engine.containers.inspect(id)).rejects.toMatchObject({ code: 'engine.unreachable' });
  });

  it('reads a long answer whole although the connection ends with it', async () => {
    const label = 'x'.repeat(3_000_000);
    const { engine } = await scriptedEngine({
      onRequest: ({ response }) => {
        response.end(JSON.stringify({ ...inspection('running'), Config: { Labels: { label } } }));
      },
    });
    expect((await engine.containers.inspect(id))?.labels).toEqual({ label });
  });

  it('follows no redirect', async () => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ response }) =>
        response.writeHead(301, { Location: 'http://images.invalid/json' }).end('moved'),
    });
    await expect(engine.containers.inspect(id)).rejects.toMatchObject({
      code: 'engine.failed',
      details: { statusCode: 301 },
    });
    expect(lines).toHaveLength(1);
  });

  it('says what was tried when nothing is there', async () => {
    const engine = dockerEngine({ host: 'unix:///nonexistent/e.sock' });
    await expect(engine.info()).rejects.toMatchObject({
      code: 'engine.unreachable',
      message: expect.stringContaining('unix:///nonexistent/e.sock') as string,
      hint: expect.stringContaining('start the engine') as string,
    });
    await expect(engine.containers.attach(id, { stdin: true })).rejects.toMatchObject({
      code: 'engine.unreachable',
    });
    await expect(engine.images.pull('x:1')).rejects.toMatchObject({ code: 'engine.unreachable' });
  });

  it.each([
    [
      'inspect',
      (engine: ReturnType<typeof dockerEngine>, signal: AbortSignal) =>
        engine.containers.inspect(id, { signal }),
    ],
    [
      'image',
      (engine: ReturnType<typeof dockerEngine>, signal: AbortSignal) =>
        engine.images.inspect('x', { signal }),
    ],
    [
      'pull',
      (engine: ReturnType<typeof dockerEngine>, signal: AbortSignal) => engine.images.pull('x', { signal }),
    ],
    ['info', (engine: ReturnType<typeof dockerEngine>, signal: AbortSignal) => engine.info({ signal })],
    [
      'start',
      (engine: ReturnType<typeof dockerEngine>, signal: AbortSignal) =>
        engine.containers.start(id, { signal }),
    ],
    [
      'attach',
      (engine: ReturnType<typeof dockerEngine>, signal: AbortSignal) =>
        engine.containers.attach(id, { stdin: true, signal }),
    ],
  ])('an aborted call rejects with the reason, before and during: %s', async (_name, call) => {
    const reason = { why: 'mine' };
    const before = await scriptedEngine({});
    await expect(call(before.engine, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(before.lines).toEqual([]);
    const controller = new AbortController();
    const abort = () => {
      controller.abort(reason);
    };
    const during = await scriptedEngine({ onRequest: abort, onUpgrade: abort });
    await expect(call(during.engine, controller.signal)).rejects.toBe(reason);
  });

  it('an aborted call lets its connection go', async () => {
    const controller = new AbortController();
    let gone: Promise<unknown> = Promise.resolve();
    const { engine } = await scriptedEngine({
      onRequest: ({ response }) => {
        gone = once(response, 'close');
        controller.abort();
      },
    });
    await expect(engine.containers.inspect(id, { signal: controller.signal })).rejects.toThrow(/aborted/);
    await gone;
  });

  it('close cuts what is under way, refuses what comes after, and may be repeated', async () => {
    let arrive: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const { engine } = await scriptedEngine({
      onRequest: () => {
        arrive();
      },
    });
    const call = engine.containers.inspect(id);
    const expected = expect(call).rejects.toMatchObject({ code: 'engine.unreachable' });
    await arrived;
    await engine.close();
    await engine.close();
    await expected;
    await expect(engine.info()).rejects.toMatchObject({ code: 'engine.unreachable' });
  });

  it('talks to a TCP endpoint, and to no other that the environment names', async () => {
    const server = createServer(({ url }, response) =>
      response.end(url === '/_ping' ? 'OK' : JSON.stringify(inspection('running'))),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const before = process.env['DOCKER_HOST'];
    process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:1';
    onTestFinished(() => {
      if (before === undefined) delete process.env['DOCKER_HOST'];
      else process.env['DOCKER_HOST'] = before;
      server.close();
    });
    expect(await dockerEngine({ host: `tcp://127.0.0.1:${port}` }).containers.inspect(id)).toMatchObject({
      id,
    });
    const { engine } = await scriptedEngine({ onRequest: ({ json }) => json(200, inspection('running')) });
    expect(await engine.containers.inspect(id)).toMatchObject({ id });
  });
});

describe('the environment', () => {
  const names = [
    ...['DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_TLS_VERIFY'],
    ...['DOCKER_PATH_PREFIX', 'DOCKER_CLIENT_TIMEOUT'],
  ];

  // The library behind it reads them, and fails on what is not valid.
  it.each([
    ['certificates that are not there', { DOCKER_HOST: 'tcp://h:2376', DOCKER_CERT_PATH: '/nowhere' }],
    ['a host that is none', { DOCKER_HOST: 'tcp://a:b:c' }],
    [
      'a prefix and a time limit',
      { DOCKER_HOST: 'tcp://h:1', DOCKER_PATH_PREFIX: 'z', DOCKER_CLIENT_TIMEOUT: '1' },
    ],
    ['ssh', { DOCKER_HOST: 'ssh://me@h' }],
  ])('with %s changes nothing for an engine whose host is given', async (_what, env) => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ json }) => json(200, inspection('running')),
    });
    for (const name of names) vi.stubEnv(name, undefined);
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    expect(await engine.containers.inspect(id)).toMatchObject({ id });
    expect(lines).toEqual([`GET /containers/${id}/json`]);
  });

  it.each([
    ['certificates are configured', { serverName: 'engine' }, {}],
    ['DOCKER_TLS_VERIFY asks for it', {}, { DOCKER_TLS_VERIFY: '1', DOCKER_CONFIG: '/nowhere' }],
  ])('names a host that is spoken to by TLS alone where %s', async (_what, tls, env) => {
    const heard: Buffer[] = [];
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (bytes) => {
        heard.push(bytes);
        socket.destroy();
      });
    }).listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.close();
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (const name of names) vi.stubEnv(name, undefined);
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    vi.stubEnv('DOCKER_HOST', `tcp://127.0.0.1:${String(port)}`);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const source = createEngineSource(undefined, parseConfig({ engine: { tls } }));
    onTestFinished(async () => source.close());
    await expect((await source.get()).info()).rejects.toMatchObject({ code: 'engine.unreachable' });
    const TLS_HANDSHAKE = 0x16;
    expect(heard.map((bytes) => bytes[0])).toEqual([TLS_HANDSHAKE]);
  });
});

describe('pull', () => {
  const image = { Id: 'sha256:1' };
  const stream =
    (events: readonly unknown[], after?: (exchange: Exchange) => void) => (exchange: Exchange) => {
      if (exchange.line.startsWith('GET')) {
        exchange.json(200, image);
        return;
      }
      exchange.response.writeHead(200, { 'Content-Type': 'application/json' });
      for (const event of events) exchange.response.write(`${JSON.stringify(event)}\n`);
      if (after) after(exchange);
      else exchange.response.end();
    };

  it('names one tag, reports progress, and looks whether the image is there', async () => {
    const seen: string[] = [];
    const { engine, lines } = await scriptedEngine({ onRequest: stream([{ status: 'a' }, { status: 'b' }]) });
    await engine.images.pull('h:5000/x', {
      platform: 'linux/arm64',
      onProgress: ({ status }) => seen.push(status),
    });
    expect(seen).toEqual(['a', 'b']);
    expect(lines).toEqual([
      'POST /images/create?fromImage=h%3A5000%2Fx&tag=latest&platform=linux%2Farm64',
      'GET /images/h:5000/x/json',
    ]);
  });

  it('finds the failure inside a stream that began with success', async () => {
    const event = { errorDetail: { message: 'unknown blob' }, error: 'unknown blob' };
    const { engine } = await scriptedEngine({ onRequest: stream([{ status: 'a' }, event]) });
    await expect(engine.images.pull('x:1')).rejects.toMatchObject({ code: 'image.pull_failed' });
  });

  it('takes a cut stream for a failure', async () => {
    const cut = ({ response }: Exchange) => {
      setTimeout(() => response.socket?.destroy(), 10);
    };
    const { engine } = await scriptedEngine({ onRequest: stream([{ status: 'a' }], cut) });
    await expect(engine.images.pull('x:1')).rejects.toMatchObject({ code: 'image.pull_failed' });
  });

  it('does not believe a clean end without an image', async () => {
    const { engine } = await scriptedEngine({
      onRequest: ({ line, json, response }) => (line.startsWith('GET') ? json(404, {}) : response.end()),
    });
    await expect(engine.images.pull('x:1')).rejects.toMatchObject({ code: 'image.pull_failed' });
  });

  it.each([
    [404, 'manifest unknown', 'image.not_found'],
    [500, 'unauthorized: authentication required', 'image.unauthorized'],
    [500, 'connection refused', 'image.pull_failed'],
  ])('classifies a refusal before the stream: %i %s', async (status, message, code) => {
    const { engine } = await scriptedEngine({ onRequest: ({ json }) => json(status, { message }) });
    await expect(engine.images.pull('x:1')).rejects.toMatchObject({
      code,
      message: `Pulling x:1 failed: ${message}.`,
    });
  });

  it('does not lose progress to a slow reader when the connection ends first', async () => {
    const events = Array.from({ length: 5000 }, (_, index) => ({ status: `s${index}` }));
    const { engine } = await scriptedEngine({ onRequest: stream(events) });
    let count = 0;
    await engine.images.pull('x:1', { onProgress: () => (count += 1) });
    expect(count).toBe(5000);
  });
});

describe('the library behind it', () => {
  it('is loaded on the first call only, and by one file', () => {
    const source = readFileSync(new URL('../../../src/engine/docker/client.ts', import.meta.url), 'utf8');
    for (const name of ['dockerode', 'docker-modem']) expect(source).toContain(`import('${name}')`);
    expect(source).not.toMatch(/^import .*(dockerode|docker-modem)/m);
  });

  it('says what it can do', () => {
    expect(dockerEngine().capabilities).toEqual({
      bindMounts: true,
      verifiableSpec: true,
      stdin: true,
      separateStreams: true,
      gpu: true,
      stats: true,
      writtenBytes: true,
      events: true,
      copy: true,
      volumes: true,
      volumeBytes: true,
    });
    expect(dockerEngine({ host: 'tcp://10.0.0.1:1' }).capabilities.bindMounts).toBe(false);
    expect(dockerEngine({ host: 'ssh://localhost' }).capabilities.bindMounts).toBe(false);
    expect(() => dockerEngine({ host: 'fd://h' })).toThrow(
      expect.objectContaining({ code: 'engine.unsupported' }),
    );
  });
});

/** `runtime.images.build` on the fake engine: what is asked, judged and sent; what the builder says is in the tests with a real engine. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  type BuildRequest,
  createRuntime,
  ImageError,
  issuesOf,
  type RuntimeConfigInput,
  violationsOf,
} from 'berthkit';
import type { BuildOptions } from 'berthkit/engine';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { extract, type Header, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berthkit-build-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const TAG = 'ghcr.io/acme/a:1';

interface Sent {
  readonly entries: Record<string, { readonly header: Header; readonly text: string }>;
  options: BuildOptions | null;
}

function setUp(config: RuntimeConfigInput = {}, script: FakeEngineScript = {}) {
  const engine = fakeEngine({ images: {}, ...script });
  const sent: Sent = { entries: {}, options: null };
  const build: NonNullable<typeof engine.images.build> = async (context, options) => {
    const reader = extract({});
    const parts: Uint8Array[] = [];
    for await (const part of context) parts.push(part);
    reader.end(Buffer.concat(parts));
    for await (const entry of reader) {
      const texts: Uint8Array[] = [];
      for await (const part of entry) texts.push(part as Uint8Array);
      sent.entries[entry.header.name] = { header: entry.header, text: Buffer.concat(texts).toString('utf8') };
    }
    sent.options = options;
    return (
      engine.images.build?.(once(Buffer.concat(parts)), options) ?? Promise.reject(new Error('no build'))
    );
  };
  const runtime = createRuntime(
    { instanceId: 'ours', ...config },
    { engine: { ...engine, images: { ...engine.images, build } } },
  );
  return { images: runtime.images, sent, engine };
}

async function* once(bytes: Uint8Array) {
  yield await Promise.resolve(bytes);
}

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries({ Dockerfile: 'FROM busybox:1', ...files })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

type Item = Partial<Header> & Pick<Header, 'name'> & { readonly text?: string };
const tarOf = (...entries: readonly Item[]): AsyncIterable<Uint8Array> => {
  const tar = pack();
  for (const { text, ...header } of entries) tar.entry(header, text ?? '');
  tar.finalize();
  return tar as AsyncIterable<Uint8Array>;
};
const outcomeOf = async (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe('a folder', () => {
  it('is sent without what is ignored, of root, with its links', async () => {
    const { images, sent } = setUp();
    const context = await folderOf({
      'a/b': 'one',
      'x.log': 'no',
      '.dockerignore': '*.log\nDockerfile\n.dockerignore',
    });
    await symlink('/etc/shadow', join(root, 'link'));
    const built = await images.build({ context, tag: TAG });
    expect(Object.keys(sent.entries).sort()).toEqual(['.dockerignore', 'Dockerfile', 'a', 'a/b', 'link']);
    expect(sent.entries['a/b']).toMatchObject({ text: 'one', header: { uid: 0, gid: 0, type: 'file' } });
    expect(sent.entries['link']).toMatchObject({
      header: { type: 'symlink', linkname: '/etc/shadow' },
      text: '',
    });
    expect(built).toMatchObject({ tag: TAG, digest: null, id: expect.stringMatching(/^sha256:/) as string });
  });

  it('goes with what was asked and what policy gives', async () => {
    const limits = { default: { cpus: 0.5, memoryBytes: '128MiB' } };
    const { images, sent } = setUp({ policy: { limits } });
    const context = await folderOf({ 'sub/Dockerfile': 'FROM scratch' });
    const request = {
      buildArgs: { A: '1' },
      labels: { team: 'x' },
      target: 't',
      platform: 'linux/amd64',
      noCache: true,
    };
    await images.build({ context, tag: TAG, dockerfile: './sub/Dockerfile', pull: true, ...request });
    expect(sent.options).toMatchObject({
      ...request,
      dockerfile: 'sub/Dockerfile',
      pull: true,
      labels: { team: 'x', 'berthkit.built-by': 'ours' },
      networkMode: 'none',
      resources: { cpus: 0.5, memoryBytes: 128 * 1024 ** 2 },
    });
  });

  it('is refused with what is neither file, folder nor link, unless that is ignored', async () => {
    const { images } = setUp();
    const context = await folderOf({});
    await promisify(execFile)('mkfifo', [join(root, 'pipe')]);
    const server = createServer().listen(join(root, 'socket'));
    expect(await outcomeOf(images.build({ context, tag: TAG }))).toMatchObject({
      code: 'image.context_rejected',
      message: expect.stringContaining('"pipe" is a fifo') as string,
    });
    await writeFile(join(root, '.dockerignore'), 'pipe\nsock*');
    expect(await outcomeOf(images.build({ context, tag: TAG }))).toMatchObject({ tag: TAG });
    await new Promise((resolve) => server.close(resolve));
  });

  it.each<[string, RuntimeConfigInput['images'], string]>([
    ['bytes', { build: { maxContextBytes: 1_000 } }, '1000 bytes'],
    ['entries', { build: { maxContextEntries: 3 } }, '3 files and folders'],
  ])(
    'is refused beyond its bound of %s, which what is ignored does not count for',
    async (_, bounds, said) => {
      const { images } = setUp({ images: bounds });
      const context = await folderOf({ 'd/a': 'x'.repeat(600), 'd/b': 'x'.repeat(600) });
      expect(await outcomeOf(images.build({ context, tag: TAG }))).toMatchObject({
        code: 'image.context_too_large',
        message: expect.stringContaining(said) as string,
      });
      await writeFile(join(root, '.dockerignore'), 'd');
      expect(await outcomeOf(images.build({ context, tag: TAG }))).toMatchObject({ tag: TAG });
    },
  );

  it('needs a Dockerfile of its own, behind no link', async () => {
    const { images } = setUp();
    const context = await folderOf({ 'real/Dockerfile': 'FROM busybox:1' });
    await symlink('real', join(root, 'linked'));
    await symlink('/etc/hostname', join(root, 'Outside'));
    for (const dockerfile of ['Missing', 'linked/Dockerfile', 'Outside', 'real'])
      expect(await outcomeOf(images.build({ context, tag: TAG, dockerfile }))).toMatchObject({
        code: 'image.context_rejected',
        message: expect.stringContaining(dockerfile) as string,
      });
    expect(await outcomeOf(images.build({ context: join(root, 'none'), tag: TAG }))).toMatchObject({
      code: 'image.context_rejected',
    });
  });
});

describe('a tar', () => {
  const dockerfile = { name: 'Dockerfile', text: 'FROM busybox:1' };

  it('is sent as it is', async () => {
    const { images, sent } = setUp();
    const big = 'x'.repeat(300_000);
    const context = tarOf(
      { name: './Dockerfile', text: 'FROM busybox:1' },
      { name: 'd', type: 'directory' },
      { name: 'd/link', type: 'symlink', linkname: '../Dockerfile' },
      { name: 'd/big', text: big, mode: 0o755 },
    );
    await images.build({ context, tag: TAG });
    expect(Object.values(sent.entries).map(({ header }) => header.type)).toEqual([
      'file',
      'directory',
      'symlink',
      'file',
    ]);
    expect(sent.entries['d/big']).toMatchObject({ text: big, header: { mode: 0o755 } });
  });

  it.each<[string, readonly Item[]]>([
    ['a device', [dockerfile, { name: 'x', type: 'character-device' }]],
    ['a fifo', [dockerfile, { name: 'x', type: 'fifo' }]],
    ['a name that leads out', [dockerfile, { name: '../x', text: 'x' }]],
    ['a name from the root', [dockerfile, { name: '/etc/x', text: 'x' }]],
    ['a hard link that leads out', [dockerfile, { name: 'x', type: 'link', linkname: '../x' }]],
    [
      'a name behind a link',
      [
        { name: 'a', type: 'symlink', linkname: '.' },
        { name: 'a/Dockerfile', text: 'FROM x' },
      ],
    ],
    [
      'a Dockerfile that is a link',
      [
        { name: 'x', text: 'FROM x' },
        { name: 'Dockerfile', type: 'link', linkname: 'x' },
      ],
    ],
    ['no Dockerfile', [{ name: 'x', text: 'x' }]],
  ])('is refused with %s', async (_, entries) => {
    const { images, sent } = setUp();
    expect(await outcomeOf(images.build({ context: tarOf(...entries), tag: TAG }))).toMatchObject({
      code: 'image.context_rejected',
    });
    expect(sent.options).toBeNull();
  });

  it('that ends in the middle of a file is refused, and what its source throws there is thrown', async () => {
    const { images } = setUp();
    const whole: Uint8Array[] = [];
    for await (const part of tarOf(dockerfile, { name: 'x', text: 'x'.repeat(100_000) })) whole.push(part);
    const half = Buffer.concat(whole).subarray(0, 50_000);
    expect(await outcomeOf(images.build({ context: once(half), tag: TAG }))).toMatchObject({
      code: 'image.context_rejected',
    });
    const broken = (async function* () {
      yield await Promise.resolve(half);
      throw new Error('the disk is gone');
    })();
    expect(String(await outcomeOf(images.build({ context: broken, tag: TAG })))).toContain(
      'the disk is gone',
    );
  });

  it('is left in the middle of a file when its caller wants it no more', async () => {
    const { images } = setUp();
    const whole: Uint8Array[] = [];
    for await (const part of tarOf(dockerfile, { name: 'x', text: 'x'.repeat(100_000) })) whole.push(part);
    const caller = new AbortController();
    const slow = (async function* () {
      yield await Promise.resolve(Buffer.concat(whole).subarray(0, 50_000));
      caller.abort(new Error('enough'));
      await new Promise(() => undefined);
    })();
    const built = images.build({ context: slow, tag: TAG }, { signal: caller.signal });
    expect(String(await outcomeOf(built))).toContain('enough');
  });

  it('is refused where it is none, breaks off or is too large, and what its source throws is thrown', async () => {
    const { images } = setUp({ images: { build: { maxContextBytes: 100 } } });
    const whole: Uint8Array[] = [];
    for await (const part of tarOf(dockerfile)) whole.push(part);
    const cases: readonly [AsyncIterable<Uint8Array>, string][] = [
      [once(Buffer.from('no tar'.repeat(500))), 'image.context_rejected'],
      [once(Buffer.concat(whole).subarray(0, 515)), 'image.context_rejected'],
      [tarOf(dockerfile, { name: 'x', text: 'x'.repeat(200) }), 'image.context_too_large'],
    ];
    for (const [context, code] of cases)
      expect(await outcomeOf(images.build({ context, tag: TAG }))).toMatchObject({ code });
    const broken = (async function* () {
      yield await Promise.resolve(Buffer.concat(whole).subarray(0, 512));
      throw new Error('the disk is gone');
    })();
    expect(String(await outcomeOf(images.build({ context: broken, tag: TAG })))).toContain(
      'the disk is gone',
    );
  });
});

describe('policy', () => {
  const CLOSED = { policy: { images: { allow: ['ghcr.io/acme/*', 'busybox:1'] } } };
  const TAKEN = 'build.dockerfile';
  it.each<[string, RuntimeConfigInput, string, Partial<BuildRequest>, string, string]>([
    ['the tag', CLOSED, 'FROM busybox:1', { tag: 'evil:1' }, 'policy.image', 'build.tag'],
    ['a base image', CLOSED, 'FROM evil:1', {}, 'policy.image', TAKEN],
    ['what is copied from', CLOSED, 'FROM busybox:1\nCOPY --from=evil:1 / /', {}, 'policy.image', TAKEN],
    [
      'a base that an argument gives',
      CLOSED,
      'ARG B=busybox:1\nFROM $B',
      { buildArgs: { B: 'evil:1' } },
      'policy.image',
      TAKEN,
    ],
    ['a base that cannot be told', CLOSED, 'FROM ${B#x}', {}, 'policy.image', TAKEN],
    [
      'a base without digest',
      { policy: { images: { requireDigest: true } } },
      'FROM busybox:1',
      {},
      'policy.image_digest',
      TAKEN,
    ],
    ['a network', {}, 'FROM busybox:1', { networkMode: 'bridge' }, 'policy.network', 'build.networkMode'],
    [
      'an address without network',
      {},
      'FROM busybox:1\nADD https://x.example/y /y',
      {},
      'policy.network',
      TAKEN,
    ],
    [
      'another pull',
      { policy: { images: { allowedPullPolicies: ['ifNotPresent'] } } },
      'FROM busybox:1',
      { pull: true },
      'policy.pull_policy',
      'build.pull',
    ],
  ])('judges %s before a step is done', async (_, config, text, request, rule, path) => {
    const { images, sent } = setUp(config);
    const context = await folderOf({ Dockerfile: text });
    const refusal = await outcomeOf(images.build({ context, tag: TAG, ...request }));
    expect(refusal).toMatchObject({ code: 'policy.denied' });
    expect(issuesOf(refusal)).toMatchObject([{ code: rule, path, hint: expect.any(String) as string }]);
    expect(violationsOf(refusal)).toMatchObject([{ rule, path, severity: 'error' }]);
    expect(sent.options).toBeNull();
  });

  it('builds on what is here where nothing may be pulled', async () => {
    const config = { policy: { images: { allowedPullPolicies: ['never'] as const } } };
    const context = await folderOf({});
    expect(await outcomeOf(setUp(config).images.build({ context, tag: TAG }))).toMatchObject({
      code: 'image.not_found',
    });
    const { images } = setUp(config, { images: { 'busybox:1': {} } });
    expect(await outcomeOf(images.build({ context, tag: TAG }))).toMatchObject({ tag: TAG });
  });
});

it.each<[string, Readonly<Record<string, unknown>>]>([
  ['build.context', { context: 'relative' }],
  ['build.context', { context: null }],
  ['build.tag', { tag: '' }],
  ['build.tag', { tag: `a@sha256:${'0'.repeat(64)}` }],
  ['build.dockerfile', { dockerfile: '../x' }],
  ['build.dockerfile', { dockerfile: '/etc/x' }],
  ['build.dockerfile', { dockerfile: 'Dockerfile.in' }],
  ['build.buildArgs.A-B', { buildArgs: { 'A-B': 'x' } }],
  ['build.buildArgs.A', { buildArgs: { A: 1 } }],
  ['build.labels.berthkit.x', { labels: { 'berthkit.x': 'y' } }],
  ['build.target', { target: '--x' }],
  ['build.platform', { platform: 'linux' }],
  ['build.tag', { tag: undefined }],
  ['build.tag', { tag: 7 }],
  ['build.tags', { tags: TAG }],
  ['build.dockerfile', { dockerfile: 7 }],
  ['build.buildArgs', { buildArgs: null }],
  ['build.labels', { labels: ['x'] }],
  ['build.target', { target: 7 }],
  ['build.noCache', { noCache: 'yes' }],
  ['build.pull', { pull: 1 }],
  ['build.networkMode', { networkMode: 7 }],
])('names %s where it cannot be understood', async (path, request) => {
  const { images, engine } = setUp();
  const whole = { context: '/x', tag: TAG, ...request } as BuildRequest;
  expect(await outcomeOf(images.build(whole))).toMatchObject({
    code: 'validation.invalid_job',
    details: { issues: [{ path }] },
  });
  expect(engine.calls).toEqual([]);
});

it.each([undefined, null, 'ghcr.io/acme/x:1', []])('takes no %j for what is to be built', async (request) => {
  const { images, engine } = setUp();
  expect(await outcomeOf(images.build(request as unknown as BuildRequest))).toMatchObject({
    code: 'validation.invalid_job',
    details: { issues: [{ path: 'build' }] },
  });
  expect(engine.calls).toEqual([]);
});

it('tells what the builder wrote, without credentials, also of a build that failed', async () => {
  const secret = 'correct-horse';
  const script = { buildOutput: [`login acme:${secret}\n`] };
  const registryAuth = { 'ghcr.io': { username: 'acme', password: secret } };
  const context = await folderOf({});
  const told: string[] = [];
  const { logTail } = await setUp({}, script).images.build(
    { context, tag: TAG },
    { registryAuth, onProgress: ({ text }) => told.push(text) },
  );
  expect([logTail, ...told]).toEqual(['login acme:***\n', 'login acme:***\n']);
  const error = new ImageError('image.build_failed', `step with ${secret}`, {
    details: { step: 'RUN x', exitCode: 3 },
  });
  const failing = setUp({}, { ...script, fail: [{ call: 'images.build', error, when: 'after' }] });
  const failed = await outcomeOf(failing.images.build({ context, tag: TAG }, { registryAuth }));
  expect(failed).toMatchObject({
    code: 'image.build_failed',
    details: { step: 'RUN x', exitCode: 3, logTail: 'login acme:***\n' },
  });
  expect(JSON.stringify(failed) + String(failed)).not.toContain(secret);
});

it('gives up a build of which nothing is heard, or that takes too long', async () => {
  const context = await folderOf({});
  const hanging = { fail: [{ call: 'images.build' as const, hang: true }] };
  const idle = setUp({ images: { build: { idleMs: 50 } } }, hanging);
  expect(await outcomeOf(idle.images.build({ context, tag: TAG }))).toMatchObject({
    code: 'image.build_timed_out',
    message: expect.stringContaining('said nothing for 50 ms') as string,
  });
  const slow = setUp({}, hanging);
  expect(await outcomeOf(slow.images.build({ context, tag: TAG }, { timeoutMs: 50 }))).toMatchObject({
    code: 'image.build_timed_out',
    message: expect.stringContaining('took longer than 50 ms') as string,
  });
});

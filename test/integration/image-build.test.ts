/** `runtime.images.build` on the engine of this machine: judged by what is in the image, and what is left when there is none. */
import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Runtime } from 'berthkit';
import { pack } from 'tar-stream';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { testEngine } from './test-engine.js';

const run = promisify(execFile);
let busybox = '';
let count = 0;
beforeAll(async () => {
  busybox = await ensureImage('busybox');
});

const newTag = (): string => {
  count += 1;
  return `built.example/image-${String(process.pid)}:${String(count)}`;
};
const open = async (): Promise<Runtime> =>
  testRuntime({ policy: { images: { allow: [busybox, 'built.example/*'] } } });

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

const containers = async (): Promise<string> => (await run('docker', ['ps', '--no-trunc'])).stdout;

/** What a command says in a container of the image. */
async function saidBy(runtime: Runtime, image: string, script: string): Promise<string> {
  const docker = { image, command: ['sh', '-c', script], imagePullPolicy: 'never' as const };
  const { status, stdout } = await runtime.runJob({ docker });
  expect(status).toBe('succeeded');
  return (stdout.text ?? '').trim();
}

it('builds from a folder: arguments, labels, links as links, and its own mark', async () => {
  const runtime = await open();
  const folder = await folderOf({
    'build/Dockerfile': `ARG BASE\nFROM $BASE AS first\nARG WORD\nRUN echo "$WORD" > /word\nCOPY data /data\nFROM first\nRUN false`,
    'data/file': 'content',
  });
  await symlink('/etc/passwd', join(folder, 'data/link'));
  const tag = newTag();
  const texts: string[] = [];
  const built = await runtime.images.build(
    {
      context: folder,
      tag,
      dockerfile: 'build/Dockerfile',
      buildArgs: { BASE: busybox, WORD: 'given' },
      labels: { team: 'a' },
      target: 'first',
    },
    { onProgress: ({ text }) => texts.push(text) },
  );
  expect(built).toMatchObject({ tag, digest: null });
  expect((await runtime.images.inspect(tag))?.id).toBe(built.id);
  expect(built.sizeBytes).toBeGreaterThan(500_000);
  expect(texts.join('')).toContain('FROM');
  expect(built.logTail).toContain('FROM');
  expect(await saidBy(runtime, tag, 'cat /word /data/file; echo; readlink /data/link')).toBe(
    'given\ncontent\n/etc/passwd',
  );
  const { stdout } = await run('docker', ['image', 'inspect', '--format', '{{json .Config.Labels}}', tag]);
  expect(JSON.parse(stdout)).toEqual({ team: 'a', 'berthkit.built-by': runtime.config.instanceId });
  await runtime.images.remove(tag);
});

it('builds from a tar', async () => {
  const runtime = await open();
  const tar = pack();
  tar.entry({ name: './Dockerfile' }, `FROM ${busybox}\nCOPY a /a`);
  tar.entry({ name: 'a/b' }, 'from a tar');
  tar.finalize();
  const tag = newTag();
  await runtime.images.build({ context: tar as AsyncIterable<Uint8Array>, tag });
  expect(await saidBy(runtime, tag, 'cat /a/b')).toBe('from a tar');
  await runtime.images.remove(tag);
});

it('gives its steps no network, and the limits of policy', async () => {
  const runtime = await open();
  const Dockerfile = `FROM ${busybox}\nRUN ls /sys/class/net > /net && cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max > /memory 2>/dev/null || true`;
  const tag = newTag();
  await runtime.images.build({ context: await folderOf({ Dockerfile }), tag });
  expect(await saidBy(runtime, tag, 'cat /net')).toBe('lo');
  expect(await saidBy(runtime, tag, 'cat /memory')).toBe(
    String(runtime.config.policy.limits.default.memoryBytes),
  );
  await runtime.images.remove(tag);
});

describe('a build that fails', () => {
  it('says at which step, with which exit code, and what was written last', async () => {
    const runtime = await open();
    const Dockerfile = `FROM ${busybox}\nRUN echo on the way; echo broken >&2; exit 3`;
    const tag = newTag();
    const building = runtime.images.build({ context: await folderOf({ Dockerfile }), tag });
    await expect(building).rejects.toMatchObject({
      code: 'image.build_failed',
      details: {
        exitCode: 3,
        step: expect.stringContaining('RUN echo on the way') as string,
        logTail: expect.stringMatching(/on the way[^]*broken/) as string,
      },
    });
    expect(await runtime.images.inspect(tag)).toBeNull();
  });

  it('is over when its time is or it says nothing, and leaves no container', async () => {
    const runtime = await testRuntime({
      policy: { images: { allow: [busybox, 'built.example/*'] } },
      images: { build: { idleMs: 3_000 } },
    });
    const mark = `sleep 86${String(process.pid)}`;
    const context = await folderOf({ Dockerfile: `FROM ${busybox}\nRUN ${mark}` });
    await expect(runtime.images.build({ context, tag: newTag() })).rejects.toMatchObject({
      code: 'image.build_timed_out',
      message: expect.stringContaining('said nothing for 3000 ms') as string,
    });
    const controller = new AbortController();
    const building = runtime.images.build(
      { context, tag: newTag() },
      {
        signal: controller.signal,
        onProgress: ({ text }) => {
          if (text.includes('Running in')) controller.abort(new Error('enough'));
        },
      },
    );
    await expect(building).rejects.toThrow('enough');
    await expect.poll(containers, { timeout: 60_000 }).not.toContain(mark);
  });

  it('is over when its runtime closes, the engine being its caller’s, and leaves neither container nor image', async () => {
    const engine = testEngine();
    onTestFinished(() => engine.close());
    const runtime = await testRuntime(
      { policy: { images: { allow: [busybox, 'built.example/*'] } } },
      { engine },
    );
    const mark = `sleep 85${String(process.pid)}`;
    const context = await folderOf({ Dockerfile: `FROM ${busybox}\nRUN ${mark}` });
    const tag = newTag();
    const building = expect(runtime.images.build({ context, tag })).rejects.toMatchObject({
      code: 'runtime.closed',
    });
    await expect.poll(containers, { timeout: 60_000 }).toContain(mark);
    await runtime.close();
    await building;
    await expect.poll(containers, { timeout: 60_000 }).not.toContain(mark);
    expect(await engine.images.inspect(tag)).toBeNull();
  });

  it('does no step where policy does not allow what it takes', async () => {
    const runtime = await open();
    const texts: string[] = [];
    const Dockerfile = `FROM ${busybox}\nRUN echo ran\nCOPY --from=evil.example/x:1 / /`;
    const context = await folderOf({ Dockerfile });
    const building = runtime.images.build(
      { context, tag: newTag() },
      { onProgress: ({ text }) => texts.push(text) },
    );
    await expect(building).rejects.toMatchObject({
      code: 'policy.denied',
      message: expect.stringContaining('evil.example/x:1') as string,
    });
    expect(texts).toEqual([]);
  });
});

describe('.dockerignore', () => {
  const files = {
    'a.log': '1',
    'keep.log': '1',
    'd/a.log': '1',
    'd/keep/x': '1',
    'd/e/f.txt': '1',
    'node_modules/m/index.js': '1',
    'src/node_modules/n.js': '1',
    'src/[x].ts': '1',
    'README.md': '1',
    'docs/README.md': '1',
  };
  it.each([
    ['*.log\n!keep.log'],
    ['**/*.log\n**/node_modules'],
    ['*\n!src\n!d/keep'],
    ['d\n!d/keep/x\n!**/f.txt'],
    ['**\n!docs/*.md'],
    ['# comment\n/d/\n./docs/../README.md\nsrc/[[]x].ts'],
    ['d/**\n?.log'],
    ['Dockerfile\n.dockerignore\nd/*/f.txt'],
  ])('sends what Docker’s own client sends: %j', async (ignore) => {
    const runtime = await open();
    const Dockerfile = `FROM ${busybox}\nCOPY . /context\n`;
    const context = await folderOf({ ...files, Dockerfile, '.dockerignore': ignore });
    const [ours, theirs] = [newTag(), newTag()];
    await runtime.images.build({ context, tag: ours });
    await run('docker', ['build', '-q', '-t', theirs, context], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
    });
    const list = 'cd /context && find . -type f | sort';
    expect(await saidBy(runtime, ours, list)).toBe(await saidBy(runtime, theirs, list));
    await runtime.images.remove(ours);
    await runtime.images.remove(theirs);
  });
});

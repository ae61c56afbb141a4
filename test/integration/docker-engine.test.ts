import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { buildVariant } from '../../scripts/image-kit/image-kit.js';
import type { ContainerEngine, ContainerInfo } from '../../src/engine/types.js';
import type { ContainerSpec } from '../../src/plan/container-spec.js';
import { collect } from '../engine/docker/frames.js';
import { hardenedSpec } from '../engine/docker/specs.js';
import { needsSharedFiles, testEngine } from './test-engine.js';

const label = `berthkit.test.${randomBytes(6).toString('hex')}`;
let engine: ContainerEngine;
let image = '';
/** Nobody else makes or names this image: its id stays. */
let reference = '';
let count = 0;

const make = async (overrides: Partial<ContainerSpec> = {}): Promise<string> => {
  count += 1;
  const spec = hardenedSpec({ name: `${label}-${count}`, image, labels: { [label]: 'yes' }, ...overrides });
  const { id } = await engine.containers.create(spec);
  onTestFinished(() => engine.containers.remove(id));
  return id;
};

const sh = (script: string): Partial<ContainerSpec> => ({ command: ['/bin/sh', '-c', script] });

/** The order of calls of a run, with the output read from the start. */
const run = async (
  overrides: Partial<ContainerSpec>,
  input?: Uint8Array,
): Promise<{ info: ContainerInfo | null; stdout: Buffer; stderr: Buffer }> => {
  const id = await make({ stdin: input !== undefined, ...overrides });
  const attachment = await engine.containers.attach(id, { stdin: input !== undefined });
  const output = collect(attachment.output);
  const ended = engine.containers.wait(id);
  await engine.containers.start(id);
  if (input !== undefined) {
    // A job that does not read its input is not a failure.
    await attachment.stdin?.write(input).catch(() => undefined);
    await attachment.stdin?.end().catch(() => undefined);
  }
  await ended;
  const info = await engine.containers.inspect(id);
  return { info, ...(await output) };
};

// Without an engine there is nothing to test here: `scripts/with-engine` provides one.
describe('dockerEngine on a real engine', { timeout: 240_000 }, () => {
  beforeAll(async () => {
    reference = await buildVariant({ files: { '/etc/mark': 'an image of these tests alone' } });
    engine = testEngine();
    image = (await engine.images.inspect(reference))?.id ?? '';
  });

  afterAll(async () => {
    expect(await engine.containers.list({ [label]: 'yes' })).toEqual([]);
    await engine.close();
  });

  it('says what it is', async () => {
    const info = await engine.info();
    expect(info).toMatchObject({
      name: 'docker',
      operatingSystem: 'linux',
      architecture: expect.any(String) as string,
    });
    expect(info.version).toMatch(/^\d+\./);
    expect(info.apiVersion).toMatch(/^1\.\d+$/);
    expect(info.runtimes).toContain('runc');
    expect(info.cpus).toBeGreaterThan(0);
    expect(info.memoryBytes).toBeGreaterThan(0);
  });

  it('goes create, attach, wait, start, inspect, remove', async () => {
    const id = await make(sh('echo out; echo err >&2; exit 7'));
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await engine.containers.inspect(id)).toMatchObject({
      id,
      name: `${label}-${count}`,
      imageId: image,
      status: 'created',
      startedAt: null,
      finishedAt: null,
      exitCode: null,
      error: '',
      labels: { [label]: 'yes' },
    });
    const attachment = await engine.containers.attach(id, { stdin: false });
    const output = collect(attachment.output);
    const ended = engine.containers.wait(id);
    await engine.containers.start(id);
    await ended;
    const info = await engine.containers.inspect(id);
    expect(info).toMatchObject({ status: 'exited', exitCode: 7, oomKilled: false });
    // Not compared with each other: an engine may note the end of a container before its start.
    for (const time of [info?.startedAt, info?.finishedAt]) expect(Date.parse(time ?? '')).not.toBeNaN();
    expect(await output).toEqual({ stdout: Buffer.from('out\n'), stderr: Buffer.from('err\n') });
    expect(await engine.containers.list({ [label]: 'yes' })).toEqual([
      {
        id,
        name: `${label}-${count}`,
        imageId: info?.imageId,
        labels: expect.objectContaining({ [label]: 'yes' }) as object,
      },
    ]);
    expect(await engine.containers.list({ [label]: 'no' })).toEqual([]);
    // All three may be called on a container that ended.
    await engine.containers.wait(id);
    await engine.containers.kill(id, 'SIGTERM');
    await engine.containers.remove(id);
    expect(await engine.containers.inspect(id)).toBeNull();
    await engine.containers.remove(id);
    await engine.containers.kill(id, 'SIGTERM');
    await expect(engine.containers.wait(id)).rejects.toMatchObject({ code: 'engine.not_found' });
    await expect(engine.containers.start(id)).rejects.toMatchObject({ code: 'engine.not_found' });
    await expect(engine.containers.attach(id, { stdin: false })).rejects.toMatchObject({
      code: 'engine.not_found',
    });
  });

  it('delivers bytes exactly', async () => {
    const { stdout } = await run(sh(String.raw`printf '\377\376\200\101\000\102\303\050\015\012'`));
    expect(stdout.toString('hex')).toBe('fffe80410042c3280d0a');
  });

  it('loses nothing of thirty short runs', async () => {
    const lines = Array.from({ length: 200 }, (_, index) => `${index + 1}\n`).join('');
    for (let round = 0; round < 30; round += 1) {
      const { info, stdout, stderr } = await run(sh('seq 1 200; echo end >&2'));
      expect([info?.exitCode, stdout.toString(), stderr.toString()]).toEqual([0, lines, 'end\n']);
    }
  });

  it('half-closes standard input: 1 MiB arrives, and output after it', async () => {
    const input = randomBytes(1024 * 1024);
    const { stdout, info } = await run({ command: ['md5sum'] }, input);
    expect(info?.exitCode).toBe(0);
    expect(stdout.toString()).toBe(`${createHash('md5').update(input).digest('hex')}  -\n`);
  });

  it('writes nothing of its own to standard input', async () => {
    const { stdout } = await run({ command: ['cat'] }, Buffer.from('x'));
    expect(stdout.toString()).toBe('x');
    expect((await run({ command: ['cat'] }, Buffer.alloc(0))).stdout.toString()).toBe('');
  });

  it('loses no output of a job that does not read its input', async () => {
    const lines = Array.from({ length: 50_000 }, (_, index) => `${index + 1}\n`).join('');
    for (let round = 0; round < 5; round += 1) {
      const { stdout, info } = await run(sh('seq 1 50000'), Buffer.alloc(4 * 1024 * 1024));
      expect(info?.exitCode).toBe(0);
      expect(stdout.toString() === lines).toBe(true);
    }
  });

  it('loses nothing while nobody reads, and holds the container back', async () => {
    const id = await make(sh('seq 1 2000000'));
    const attachment = await engine.containers.attach(id, { stdin: false });
    await engine.containers.start(id);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await engine.containers.inspect(id)).toMatchObject({ status: 'running' });
    const hash = createHash('md5');
    for await (const { bytes } of attachment.output) hash.update(bytes);
    const expected = createHash('md5');
    for (let line = 1; line <= 2_000_000; line += 1) expected.update(`${line}\n`);
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
  });

  it.each([
    [['/nonexistent'], 127],
    [['nonexistent'], 127],
    [['/etc/passwd'], 126],
    [['/etc'], 126],
  ])('bad entry point %j: %i', async (entryPoint, exitCode) => {
    const id = await make({ entryPoint, command: null, init: false });
    const attachment = await engine.containers.attach(id, { stdin: false });
    const controller = new AbortController();
    const wait = expect(engine.containers.wait(id, { signal: controller.signal })).rejects.toBe(
      'start failed',
    );
    await expect(engine.containers.start(id)).rejects.toMatchObject({
      code: 'engine.failed',
      details: { exitCode },
    });
    controller.abort('start failed');
    await wait;
    expect((await collect(attachment.output)).stdout.length).toBe(0);
    const info = await engine.containers.inspect(id);
    expect(info).toMatchObject({ startedAt: null, exitCode: null });
    expect(info?.error).not.toBe('');
  });

  it('a bad entry point under an init process is a start that succeeds, and an exit with the same code', async () => {
    for (const [program, exitCode] of [
      ['/nonexistent', 127],
      ['/etc/passwd', 126],
    ] as const) {
      const { info, stderr } = await run({ entryPoint: [program], command: null, init: true });
      expect(info).toMatchObject({ status: 'exited', exitCode });
      expect(stderr.toString()).toContain(program);
    }
  });

  it('kills, and tells of it', async () => {
    const id = await make(sh('trap "echo got it; exit 3" TERM; echo ready; while :; do sleep 0.05; done'));
    const attachment = await engine.containers.attach(id, { stdin: false });
    const ended = engine.containers.wait(id);
    await engine.containers.start(id);
    const parts: string[] = [];
    for await (const { bytes } of attachment.output) {
      if (parts.length === 0) await engine.containers.kill(id, 'SIGTERM');
      parts.push(Buffer.from(bytes).toString());
    }
    await ended;
    expect(parts.join('')).toBe('ready\ngot it\n');
    expect((await engine.containers.inspect(id))?.exitCode).toBe(3);
  });

  it('removes a running container while output and wait are open', async () => {
    const id = await make(sh('echo ready; sleep 60'));
    const attachment = await engine.containers.attach(id, { stdin: false });
    const ended = engine.containers.wait(id);
    const output = collect(attachment.output);
    await engine.containers.start(id);
    await engine.containers.remove(id);
    await ended;
    await output;
    expect(await engine.containers.inspect(id)).toBeNull();
  });

  it('removes once however many ask', async () => {
    const id = await make(sh('sleep 60'));
    await engine.containers.start(id);
    const removals = Array.from({ length: 10 }, async () => {
      await engine.containers.remove(id);
      return engine.containers.inspect(id);
    });
    expect(await Promise.all(removals)).toEqual(Array.from({ length: 10 }, () => null));
  });

  it('waits for a container that is started later, and wakes when one goes without ever running', async () => {
    const id = await make();
    const ended = engine.containers.wait(id);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await engine.containers.remove(id);
    await ended;
  });

  it('lets go of an attached container without touching it', async () => {
    const id = await make(sh('sleep 60'));
    const attachment = await engine.containers.attach(id, { stdin: false });
    await engine.containers.start(id);
    attachment.close();
    expect((await collect(attachment.output)).stdout.length).toBe(0);
    expect(await engine.containers.inspect(id)).toMatchObject({ status: 'running' });
  });

  it('says what is wrong with a request to create', async () => {
    await make({ name: `${label}-taken` });
    await expect(
      engine.containers.create(hardenedSpec({ name: `${label}-taken`, image })),
    ).rejects.toMatchObject({
      code: 'engine.conflict',
    });
    await expect(engine.containers.create(hardenedSpec({ name: `${label}-x` }))).rejects.toMatchObject({
      code: 'engine.image_not_found',
    });
    const missing = { type: 'bind' as const, source: '/nonexistent/berthkit', target: '/x', readOnly: true };
    await expect(
      engine.containers.create(hardenedSpec({ name: `${label}-x`, image, mounts: [missing] })),
    ).rejects.toMatchObject({ code: 'engine.failed', details: { statusCode: 400 } });
  });

  it('hardens by effect', async () => {
    needsSharedFiles('a folder of this host is mounted');
    const folder = await mkdtemp(path.join(tmpdir(), 'berthkit:odd,name-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o777);
    await writeFile(path.join(folder, 'input'), 'unchanged');
    await chmod(path.join(folder, 'input'), 0o666);
    const checks = [
      'id -u; id -g',
      'grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status',
      'ls /sys/class/net',
      'touch /etc/x 2>&1; touch /in/x 2>&1; (echo y > /in/input) 2>&1; cat /in/input; echo',
      'echo "echo from tmp" > /tmp/x; sh /tmp/x; ls -ld /tmp',
      'grep " /tmp " /proc/mounts',
      'echo $VALUE',
    ];
    const { stdout, stderr, info } = await run({
      ...sh(checks.join('\n')),
      environment: [{ name: 'VALUE', value: 'a=b c' }],
      mounts: [{ type: 'bind', source: folder, target: '/in', readOnly: true }],
      tmpfs: [
        { target: '/tmp', sizeBytes: 65_536, inodes: 100, uid: 1000, gid: 1000, mode: '0700', exec: false },
      ],
    });
    const said = stdout.toString() + stderr.toString();
    expect(info?.exitCode).toBe(0);
    expect(said).toMatch(/^1000\n1000\n/);
    expect(said).toMatch(/CapBnd:\t0+\n/);
    expect(said).toMatch(/CapEff:\t0+\n/);
    expect(said).toMatch(/NoNewPrivs:\t1\n/);
    expect(said).toMatch(/Seccomp:\t2\n/);
    expect(said).toMatch(/\nlo\n/);
    expect(said).not.toMatch(/eth/);
    expect(said.match(/Read-only file system/g)).toHaveLength(3);
    expect(said).toMatch(/\nunchanged\n/);
    expect(said).toMatch(/from tmp\ndrwx.* 1000 +1000 /);
    expect(said).toMatch(/tmpfs rw,nosuid,nodev,noexec,.*size=64k,nr_inodes=100,mode=700,uid=1000,gid=1000/);
    expect(said).toMatch(/\na=b c\n/);
  });

  it('inspects images by id and name, and fails a pull it cannot make', async () => {
    expect(await engine.images.inspect(image)).toMatchObject({
      id: image,
      repoTags: [reference],
      command: ['sh'],
      entryPoint: [],
      volumes: [],
      operatingSystem: 'linux',
    });
    expect((await engine.images.inspect(reference))?.id).toBe(image);
    expect(await engine.images.inspect('berthkit-kit/none:1')).toBeNull();
    await expect(engine.images.pull('127.0.0.1:1/x:1')).rejects.toMatchObject({ code: 'image.pull_failed' });
  });

  it('rejects with the reason of a signal', async () => {
    const id = await make(sh('sleep 60'));
    await engine.containers.start(id);
    const controller = new AbortController();
    const reason = new Error('enough');
    const waiting = expect(engine.containers.wait(id, { signal: controller.signal })).rejects.toBe(reason);
    setTimeout(() => {
      controller.abort(reason);
    }, 100);
    await waiting;
    await expect(engine.containers.inspect(id, { signal: controller.signal })).rejects.toBe(reason);
    expect(await engine.containers.inspect(id)).toMatchObject({ status: 'running' });
  });
});

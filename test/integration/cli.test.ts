/** The command line as a process of its own, on a real engine: streams, exit codes, signals, and nothing left behind. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { end, jobContainers, type Ended, folder, instance, start, useInstance } from './cli-process.js';
import { testEngine } from './test-engine.js';

const job = (script: string, more: object = {}): string =>
  JSON.stringify({ slug: 'cli', docker: { image: 'busybox:1', command: ['sh', '-c', script] }, ...more });
const run = async (script: string, ...args: readonly string[]): Promise<Ended> =>
  end(start(['run', '-', ...args]), job(script));

useInstance();

describe('run', () => {
  it('takes a file in and hands an output out', async () => {
    await writeFile(join(folder, 'local.txt'), 'one two three');
    await writeFile(
      join(folder, 'job.yaml'),
      `
slug: count
docker:
  image: busybox:1
  command: [sh, -c, 'wc -w < texts/in.txt > out.txt; echo counted; echo quietly >&2']
  workingDirectory: /workspace
  outputs:
    - { workspacePath: out.txt, upload: caller }
`,
    );
    const args = ['run', 'job.yaml', '--file', 'texts/in.txt=local.txt', '--output', 'results'];
    expect(await end(start(args))).toEqual({ code: 0, stdout: 'counted\n', stderr: 'quietly\n' });
    expect((await readFile(join(folder, 'results', 'out.txt'), 'utf8')).trim()).toBe('3');
  });

  it('exits as the job did, and says why', async () => {
    const { code, stderr } = await run('exit 3');
    expect(code).toBe(3);
    expect(stderr).toContain('berthkit: Docker job exited with code 3');
  });

  it('exits 124 after a timeout', async () => {
    const text = job('trap "" TERM; while :; do sleep 1; done', { timeoutMs: 1000 });
    const env = { CATALOG_DOCKER_KILL_GRACE_MS: '1000' };
    expect((await end(start(['run', '-'], env), text)).code).toBe(124);
  });

  it('exits 127 when there is no such program', async () => {
    const text = JSON.stringify({ docker: { image: 'busybox:1', command: ['no-such-program'] } });
    expect((await end(start(['run', '-']), text)).code).toBe(127);
  });

  it('exits 137 when a signal ended the job', async () => {
    expect((await run('kill -9 $$; sleep 30')).code).toBe(137);
  });

  it('exits 125 when the engine cannot be reached', async () => {
    const env = { DOCKER_HOST: `unix://${join(folder, 'no.sock')}` };
    const { code, stdout, stderr } = await end(start(['run', '-'], env), job('true'));
    expect(code).toBe(125);
    expect(stdout).toBe('');
    expect(stderr).toContain('no.sock');
  });

  it('with --json gives one document, also when the job writes', async () => {
    const { code, stdout, stderr } = await run('echo mine; exit 4', '--json');
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      status: 'failed',
      exitCode: 4,
      stdout: { text: 'mine\n' },
    });
    expect(stderr).toBe('');
  });

  it('passes on megabytes complete and in order', async () => {
    const { code, stdout } = await run('seq 1 400000');
    expect(code).toBe(0);
    expect(stdout).toBe(Array.from({ length: 400_000 }, (_, index) => `${String(index + 1)}\n`).join(''));
  });

  it('is quiet when the reader of its output goes away, and exits as the job did', async () => {
    const child = start(['run', '-']);
    child.stdout?.once('data', () => child.stdout?.destroy());
    const { code, stderr } = await end(child, job('seq 1 400000; exit 5'));
    expect(code).toBe(5);
    const said = stderr.replace(/^.*the workspace is in a volume of the engine.*\n/m, '');
    expect(said).toMatch(/^berthkit: Docker job exited with code 5 [^\n]*\n$/);
  });
});

describe('a profile', () => {
  it('is what the run is judged by, seen from inside the container', async () => {
    await writeFile(
      join(folder, 'config.yaml'),
      'policy: { profiles: { net: { network: { enforceIsolation: false, defaultMode: bridge } } } }',
    );
    const seen = async (...args: readonly string[]): Promise<readonly string[]> =>
      (await run('ls /sys/class/net', '--config', 'config.yaml', ...args)).stdout.trim().split('\n');
    expect(await seen()).toEqual(['lo']);
    expect(await seen('--profile', 'net')).toEqual(['eth0', 'lo']);
    expect((await run('true', '--config', 'config.yaml', '--profile', 'nte')).code).toBe(2);
  });
});

describe('policy', () => {
  it('test and diff exit as found, without an engine', async () => {
    const env = { DOCKER_HOST: `unix://${join(folder, 'no.sock')}` };
    await writeFile(join(folder, 'new.json'), '{"images":{"allow":["other:*"]}}');
    await writeFile(join(folder, 'old.json'), '{}');
    await writeFile(join(folder, 'job.json'), job('true'));
    const differing = await end(start(['policy', 'diff', 'old.json', 'new.json', 'job.json'], env));
    expect(differing).toMatchObject({ code: 1, stderr: '' });
    expect(differing.stdout).toContain('job.json (cli): newly denied\n');
    expect((await end(start(['policy', 'diff', 'old.json', 'old.json', 'job.json'], env))).code).toBe(0);
    const cases = (allowed: boolean): string => JSON.stringify([{ definition: 'job.json', allowed }]);
    expect((await end(start(['policy', 'test', '-'], env), cases(true))).code).toBe(0);
    expect((await end(start(['policy', 'test', '-'], env), cases(false))).code).toBe(1);
    expect((await end(start(['policy', 'test', '-'], env), '[{}]')).code).toBe(2);
  });
});

describe('bad input', () => {
  it('in YAML is named with line and column', async () => {
    await writeFile(join(folder, 'job.yaml'), 'docker:\n  image: [busybox:1\n  command: [true]\n');
    const ended = await end(start(['run', 'job.yaml']));
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(/^berthkit: job\.yaml:3:3: is not valid YAML: .*\n$/);
  });

  it('of every kind exits 2', async () => {
    expect((await end(start(['run', 'gone.yaml']))).code).toBe(2);
    expect((await end(start(['run', '-', '--flga']))).code).toBe(2);
    expect((await end(start(['run', '-']), '{"docker":{}}')).code).toBe(2);
  });
});

describe('signals', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s cancels the run, and leaves nothing', async (signal, code) => {
    const child = start(['run', '-']);
    child.stdout?.once('data', () => child.kill(signal));
    const ended = await end(child, job('echo ready; sleep 300'));
    expect(ended.code).toBe(code);
    expect(ended.stdout).toBe('ready\n');
    expect(ended.stderr).toContain(`the command got ${signal}`);
    // What is left is looked for after each test.
  });

  it('a second one ends it at once', async () => {
    const child = start(['run', '-'], { CATALOG_DOCKER_KILL_GRACE_MS: '600000' });
    child.stdout?.once('data', () => child.kill('SIGINT'));
    child.stderr?.once('data', () => child.kill('SIGINT'));
    const ended = await end(child, job('trap "" TERM; echo ready; while :; do sleep 1; done'));
    expect(ended.code).toBe(130);
    expect(await jobContainers()).toHaveLength(1);
    await removeContainers();
  });
});

/** What the impatient leave behind. */
async function removeContainers(): Promise<void> {
  const engine = testEngine();
  try {
    for (const { id } of await engine.containers.list({ 'berthkit.instance': instance })) {
      await engine.containers.remove(id);
    }
    for (const { name } of (await engine.volumes?.list({ 'berthkit.instance': instance })) ?? []) {
      await engine.volumes?.remove(name);
    }
  } finally {
    await engine.close();
  }
  for (const name of await readdir(join(folder, 'root')))
    await rm(join(folder, 'root', name), { recursive: true });
}

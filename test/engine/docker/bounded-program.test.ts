/** Real programs, shells that do what a test writes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runBounded } from '../../../src/engine/docker/bounded-program.js';

const env = { PATH: '/usr/bin:/bin' };

interface Bounds {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const run = (script: string, { input = '', timeoutMs = 60_000, signal }: Bounds = {}) =>
  runBounded('sh', ['-c', script], {
    env,
    input,
    timeoutMs,
    maxBytes: 1_000,
    signal: signal ?? new AbortController().signal,
  });

/** A script that starts a child of its own, tells both by their ids, and waits; and a look at whether either is left. */
async function family(): Promise<{ script: string; begun(): Promise<void>; left(): Promise<number> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'berthkit-program-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'ids');
  const ids = async () => (await readFile(file, 'utf8').catch(() => '')).split(/\s+/).filter(Boolean);
  // What is dead and not yet collected by its parent is not left.
  const isLeft = async (id: string) => {
    const status = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => '');
    return status !== '' && !status.includes(') Z ');
  };
  return {
    script: `sleep 600 & echo $$ $! > '${file}'; wait`,
    begun: () => expect.poll(ids).toHaveLength(2),
    left: async () => (await Promise.all((await ids()).map(isLeft))).filter(Boolean).length,
  };
}

describe('runBounded', () => {
  it('gives what a program says, and how it ends', async () => {
    expect(await run('cat; exit 3', { input: 'é' })).toEqual({ by: 'exit', code: 3, output: 'é' });
    expect(await run('kill -TERM $$')).toEqual({ by: 'exit', code: 'SIGTERM', output: '' });
    expect(await run('exec <&-; echo ok', { input: 'x'.repeat(200_000) })).toMatchObject({ output: 'ok\n' });
  });

  it('tells that there is no such program', async () => {
    const bounds = { env, input: '', timeoutMs: 60_000, maxBytes: 1, signal: new AbortController().signal };
    expect(await runBounded('no-such-program', [], bounds)).toEqual({ by: 'error', code: 'ENOENT' });
    expect(await runBounded('sh', ['\0'], bounds)).toEqual({ by: 'error', code: 'ERR_INVALID_ARG_VALUE' });
  });

  it('reads no more than it is allowed', async () => {
    expect(await run('while :; do echo x; done')).toEqual({ by: 'size' });
  });

  it('leaves no process of one that is cut off', async () => {
    const controller = new AbortController();
    const { script, begun, left } = await family();
    const ended = run(script, { signal: controller.signal });
    await begun();
    controller.abort();
    expect(await ended).toEqual({ by: 'abort' });
    await expect.poll(left).toBe(0);
  });

  it('leaves no process of one that takes too long', async () => {
    const { script, left } = await family();
    expect(await run(script, { timeoutMs: 1_000 })).toEqual({ by: 'time' });
    await expect.poll(left).toBe(0);
  });

  it('leaves nothing of what holds its output open after its end', async () => {
    const { script, left } = await family();
    expect(await run(script.replace('wait', 'exit 0'), { timeoutMs: 1_000 })).toEqual({ by: 'time' });
    await expect.poll(left).toBe(0);
  });

  it('starts none when it is over already', async () => {
    expect(await run('echo x', { signal: AbortSignal.abort() })).toEqual({ by: 'abort' });
  });
});

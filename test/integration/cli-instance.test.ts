/** `ps`, `cancel` and `reconcile` as processes of their own beside the process that runs the jobs, on a real engine. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileRunStore, type OpenRun, type RunResult } from 'berthkit';
import { describe, expect, it } from 'vitest';
import {
  containers,
  end,
  type Ended,
  folder,
  instance,
  jobContainers,
  start as startCli,
  useInstance,
} from './cli-process.js';
import { isRemote } from './test-engine.js';

const start = (...args: readonly string[]): ChildProcess =>
  startCli(args, { CATALOG_DOCKER_STATE_DIR: join(folder, 'state') });
const cli = async (...args: readonly string[]): Promise<Ended> => end(start(...args));

/** Another process with a job that runs until it is ended. */
async function startRun(...args: readonly string[]): Promise<ChildProcess> {
  const child = start('run', '-', ...args);
  const docker = { image: 'busybox:1', command: ['sh', '-c', 'echo ready; exec sleep 1000'] };
  child.stdin?.end(JSON.stringify({ slug: 'left', docker }));
  await expect.poll(async () => (await openRuns())[0]?.step, { timeout: 60_000 }).toBe('started');
  return child;
}
const openRuns = async (): Promise<readonly OpenRun[]> =>
  (JSON.parse((await cli('ps', '--json')).stdout) as { readonly runs: readonly OpenRun[] }).runs;

useInstance();

describe('a run of another process', { timeout: 240_000 }, () => {
  it('is listed, cancelled by its id, and gone when the command returns', async () => {
    const child = await startRun('--json');
    const ended = end(child);
    const [run] = await openRuns();
    expect(run).toMatchObject({
      ...{ jobSlug: 'left', image: 'busybox:1', state: 'running', attempt: 1, ownerState: 'alive', instance },
      container: { status: 'running' },
    });
    expect(run?.owner.split('.')[2]).toBe(String(child.pid));
    expect(run?.proof).toContain(`process ${String(child.pid)} is there`);
    const cancelled = await cli('cancel', run?.runId ?? '', '--reason', 'wrong month');
    expect(cancelled).toMatchObject({ code: 0, stdout: `${run?.runId ?? ''}: cancelled\n`, stderr: '' });
    expect(await containers()).toEqual([]);
    const { code, stdout } = await ended;
    expect(code).toBe(125);
    const { status, evidence } = JSON.parse(stdout) as RunResult;
    expect(status).toBe('cancelled');
    expect(evidence[0]?.by).toBe('caller');
    expect(evidence[0]?.what).toMatch(/^asked for by \S+@\S+ \(process \d+\): wrong month$/);
    expect(await openRuns()).toEqual([]);
  });

  it('that was killed is told of, cannot be cancelled, and is accounted for by reconcile', async () => {
    const child = await startRun();
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    const [run] = await openRuns();
    const runId = run?.runId ?? '';
    expect(run).toMatchObject({ ownerState: 'dead', step: 'started', container: { status: 'running' } });
    const refused = await cli('cancel', runId);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(
      /^\S+: nobody runs it any more: process \d+ is gone; .*berthkit reconcile\n$/,
    );
    const dry = await cli('reconcile', '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(/^would be removed container berthkit-left-.*: process \d+ is gone$/m);
    expect(await jobContainers()).toHaveLength(1);
    const done = await cli('reconcile', '--json');
    expect(done.code).toBe(0);
    const actions = [
      { action: 'removed', what: 'container' },
      { action: 'removed', what: 'workspace' },
      { action: 'finished', what: 'run' },
    ].map((each) => expect.objectContaining({ ...each, runId, problem: null }) as unknown);
    expect(JSON.parse(done.stdout)).toMatchObject({
      dryRun: false,
      actions: isRemote ? (expect.arrayContaining(actions) as unknown) : actions,
    });
    const stored = await fileRunStore(join(folder, 'state', 'runs')).get(runId);
    expect(stored?.end).toMatchObject({ outcome: 'result', result: { reason: 'orphaned' } });
    expect(await openRuns()).toEqual([]);
  });

  it('that is not known exits 2', async () => {
    const { code, stderr } = await cli('cancel', 'nobody');
    expect(code).toBe(2);
    expect(stderr).toContain('knows no run "nobody"');
  });
});

describe('an examination', { timeout: 240_000 }, () => {
  it('tells a person what the engine enforces, and exits 0', async () => {
    const { code, stdout, stderr } = await cli('doctor', '--image', 'busybox:1');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ok +endpoint +\w+:\/\/\S+ \(named by: DOCKER_HOST\)$/m);
    expect(stdout).toMatch(isRemote ? /^ok +transport +bind: .*; volume: /m : /^ok +transport +bind: /m);
    expect(stdout.match(/^enforced {2}/gm)).toHaveLength(10);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('healthy');
  });

  it('whose process was killed is no run, and what it left is removed by reconcile', async () => {
    const child = start('doctor', '--image', 'busybox:1');
    const exited = once(child, 'exit');
    await expect.poll(async () => (await containers()).length, { timeout: 60_000, interval: 20 }).toBe(1);
    child.kill('SIGKILL');
    await exited;
    expect(await openRuns()).toEqual([]);
    const [name] = await containers();
    const done = await cli('reconcile', '--json');
    expect(done.code).toBe(0);
    // A moment later its process would have removed it itself, or made the next.
    if (name !== undefined) {
      expect(JSON.parse(done.stdout)).toMatchObject({
        actions: expect.arrayContaining([
          expect.objectContaining({ action: 'removed', what: 'container', name, problem: null }),
        ]) as unknown,
      });
    }
    expect(await containers()).toEqual([]);
  });
});

/** `ps`, `cancel` and `reconcile` as processes of their own beside the process that runs the jobs, on a real engine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { dockerEngine, fileRunStore, type OpenRun, type RunResult } from 'berthkit';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder } from '../cli/fixture.js';

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const host = process.env['DOCKER_HOST'] ?? '';

beforeAll(async () => {
  await ensureImage('busybox');
});

let folder = '';
let instance = '';
beforeEach(async () => {
  folder = await temporaryFolder();
  instance = `cli-${randomUUID().slice(0, 8)}`;
});
afterEach(async () => {
  expect(await containers()).toEqual([]);
  expect(await readdir(join(folder, 'root')).catch(() => [])).toEqual([]);
});

async function containers(): Promise<readonly string[]> {
  const engine = dockerEngine({ host });
  try {
    return (await engine.containers.list({ 'berthkit.instance': instance })).map(({ name }) => name);
  } finally {
    await engine.close();
  }
}

function start(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--import', loader, program, ...args], {
    cwd: folder,
    stdio: 'pipe',
    env: {
      PATH: process.env['PATH'],
      DOCKER_HOST: host,
      CATALOG_DOCKER_WORKSPACE_ROOT: join(folder, 'root'),
      CATALOG_DOCKER_STATE_DIR: join(folder, 'state'),
      CATALOG_DOCKER_INSTANCE_ID: instance,
    },
  });
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function end(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
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
    expect(await containers()).toHaveLength(1);
    const done = await cli('reconcile', '--json');
    expect(done.code).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({
      dryRun: false,
      actions: [
        { action: 'removed', what: 'container', runId, problem: null },
        { action: 'removed', what: 'workspace', runId, problem: null },
        { action: 'finished', what: 'run', runId, problem: null },
      ],
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

/** What a run comes to when its engine is killed or asked to end, and started again: on an engine of its own, beside the one of other tests. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, dockerEngine, type RunResult } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { privateEngineProblem } from '../../scripts/engine/packages.mjs';
import { type PrivateEngine, startPrivateEngine } from '../../scripts/engine/private-engine.mjs';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { isRemote } from './test-engine.js';

/** Runs a script, does something to the engine once it says `ready`, starts the engine again, and proves that nothing is left. */
async function runThrough(
  script: string,
  end: 'crash' | 'shutDown',
  configuration: Readonly<Record<string, unknown>>,
): Promise<RunResult> {
  const engine: PrivateEngine = await startPrivateEngine({ beside: true, configuration });
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-test-'));
  const runtime = createRuntime({
    workspaceRoot: join(folder, 'root'),
    engine: { host: engine.host },
    // This engine sees the folder; where the one of the other tests does not, files go the same way as theirs.
    workspace: { transport: isRemote ? 'volume' : 'bind' },
  });
  try {
    const image = await ensureImage('busybox', engine.host);
    const handle = runtime.startJob({ docker: { image, command: ['sh', '-c', `echo ready; ${script}`] } });
    // The job may speak before the call that starts it is answered; an engine that goes in between never had it running.
    const awaited = new Set(['container_started', 'output']);
    for await (const { type } of handle.events) {
      awaited.delete(type);
      if (awaited.size === 0) break;
    }
    await engine[end]();
    await engine.restart();
    const result = await handle.result;
    const client = dockerEngine({ host: engine.host });
    expect(await client.containers.list({})).toEqual([]);
    expect(await client.volumes?.list({})).toEqual([]);
    await client.close();
    expect(await readdir(join(folder, 'root'))).toEqual([]);
    return result;
  } finally {
    await runtime.close();
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const SLEEPS = 'exec sleep 300';
const ANSWERS = 'trap "exit 0" TERM; while :; do sleep 0.1; done';
const ENDS_LATER = 'i=0; while [ $i -lt 150 ]; do sleep 0.1; i=$((i+1)); done; exit 4';

// Killing and starting an engine takes root on Linux; elsewhere the same verdicts are tested on the fake engine.
describe.skipIf(privateEngineProblem() !== null)('an engine that is restarted', { timeout: 240_000 }, () => {
  it.each([
    ['killed', SLEEPS, 'crash', 143],
    ['killed, and the job answers its SIGTERM with exit 0', ANSWERS, 'crash', 0],
    ['asked to end', SLEEPS, 'shutDown', 143],
    ['asked to end, and the job answers its SIGTERM with exit 0', ANSWERS, 'shutDown', 0],
  ] as const)('interrupts the run: %s', async (_name, script, end, exitCode) => {
    const result = await runThrough(script, end, {});
    expect(result).toMatchObject({
      status: 'failed',
      reason: 'interrupted',
      category: 'infrastructure',
      retryable: true,
      exitCode,
      logsComplete: false,
    });
    const told = result.evidence.map(({ by, what }) => `${by}: ${what}`);
    expect(told[0]).toBe(`engine: exit code ${String(exitCode)} when the engine was restarted`);
    expect(told).toEqual(
      expect.arrayContaining([
        'engine: the engine could not be reached',
        'engine: the engine answered again',
        'engine: the engine was restarted, which ends what runs on it',
      ]),
    );
  });

  it.each(['crash', 'shutDown'] as const)('with live-restore leaves the run its own end: %s', async (end) => {
    const result = await runThrough(ENDS_LATER, end, { 'live-restore': true });
    expect(result).toMatchObject({ reason: 'non_zero_exit', exitCode: 4, logsComplete: false });
    expect(result.evidence.map(({ by, what }) => `${by}: ${what}`)).toEqual([
      'job: exit code 4',
      'engine: the engine could not be reached',
      'engine: the engine answered again',
      'engine: the engine was restarted, and what runs on it goes on',
    ]);
  });
});

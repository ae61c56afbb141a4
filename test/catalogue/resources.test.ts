/** Resources of the host that run out, as catalogued: a typed error that is worth another try, and nothing half-made. On the fake engine. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createRuntime, JobRuntimeError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bundleProgram } from '../../scripts/bundle-program.js';
import { isRoot, scratch } from '../host/scratch.js';
import { job, many } from '../many-fixture.js';

const JOB = { docker: { image: 'busybox:1', command: ['true'] } };

describe('a host that runs out', () => {
  it('of open files (EMFILE) fails a run, not the process, and takes the next', async () => {
    const program = await bundleProgram(new URL('./scarce-files-program.ts', import.meta.url));
    const script = 'ulimit -n 512; exec "$0" "$1"';
    const { stdout } = await promisify(execFile)('sh', ['-c', script, process.execPath, program]);
    expect(JSON.parse(stdout)).toEqual({
      before: { reason: 'completed' },
      meanwhile: { code: 'workspace.failed', retryable: true },
      after: { reason: 'completed' },
      left: [],
    });
  });

  it.skipIf(!isRoot)('of places to write to (EROFS) fails a run before it has a container', async () => {
    const root = join(await scratch(), 'read-only');
    await mkdir(root);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,mode=0700', 'berthkit-test', root]);
    onTestFinished(() => {
      execFileSync('umount', ['-l', root]);
    });
    const engine = fakeEngine();
    const config = { workspaceRoot: root, workspace: { minFreeBytes: 0, minFreeInodes: 0 } };
    const runtime = createRuntime(config, { engine });
    await expect(runtime.runJob(JOB)).rejects.toMatchObject({ code: 'workspace.failed', retryable: true });
    await runtime.close();
    expect(engine.calls.map(({ call }) => call)).not.toContain('containers.create');
    expect(await readdir(root)).toEqual([]);
  });
});

describe('a thousand runs submitted at once', () => {
  it('run as many at a time as may, wait as many as may, and are refused as busy', async () => {
    const { runtime, gate, created } = await many({ maxConcurrentRuns: 4, maxQueuedRuns: 100 });
    const runs = Array.from({ length: 1_000 }, (_, index) => runtime.startJob(job(`j${String(index)}`)));
    await gate.reached(4);
    gate.openAll();
    const ends = await Promise.allSettled(runs.map(async ({ result }) => result));
    const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
    expect(refused).toHaveLength(1_000 - 104);
    for (const error of refused) {
      expect(JobRuntimeError.isInstance(error) && [error.code, error.retryable]).toEqual([
        'runtime.queue_full',
        true,
      ]);
    }
    expect(created()).toHaveLength(104);
    expect(gate.most).toBe(4);
  });
});

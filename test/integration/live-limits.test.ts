/** Limits that end a job while it runs, on a real engine: by what they do to the job, never by what was asked for. */
import { memoryStorage, type RunOptions, type RunResult, type RuntimeConfigInput } from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { testRuntime } from './setup.js';
import { needsSharedFiles } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

const MIB = 1024 ** 2;

async function run(script: string, config: RuntimeConfigInput, options: RunOptions = {}): Promise<RunResult> {
  const runtime = await testRuntime(config);
  const docker = { image, command: ['sh', '-c', script], workingDirectory: '/workspace' };
  return runtime.runJob({ docker }, options);
}

describe('the workspace', () => {
  it('that dd fills beyond its limit is the end of the job, whatever it traps', async () => {
    const script = "trap 'echo trapped' TERM; dd if=/dev/zero of=big bs=1M count=1000000; sleep 600";
    const result = await run(script, { workspace: { maxBytes: 64 * MIB } });
    expect(result).toMatchObject({
      status: 'failed',
      reason: 'disk_limit_exceeded',
      exitCode: 137,
      evidence: [{ by: 'watcher' }, { by: 'watcher', what: 'SIGKILL was sent' }, { by: 'watcher' }],
    });
    expect(result.stdout.text).toBe('');
  });

  it('that is filled with empty files, in folders of folders, is as well', async () => {
    needsSharedFiles('files in a volume are not counted while a job runs');
    const script = 'while :; do mkdir d; cd d; i=0; while [ $i -lt 50 ]; do : > f$i; i=$((i+1)); done; done';
    const result = await run(script, { workspace: { maxEntries: 1_000 } });
    expect(result).toMatchObject({ reason: 'disk_limit_exceeded' });
    expect(result.message).toContain('more than 1000 files and folders');
  });

  it('that is full when the job has ended already is no success', async () => {
    const script = 'dd if=/dev/zero of=big bs=1M count=32 2>/dev/null';
    expect(await run(script, { workspace: { maxBytes: 16 * MIB } })).toMatchObject({
      status: 'failed',
      reason: 'disk_limit_exceeded',
    });
  });

  it('counts what is on the disk: a hole is nothing', async () => {
    needsSharedFiles('files in a volume count with their holes');
    const script = 'dd if=/dev/zero of=hole bs=1 count=1 seek=1000000000000 2>/dev/null; echo done';
    const result = await run(script, { workspace: { maxBytes: 16 * MIB } });
    expect(result).toMatchObject({ status: 'succeeded', stdout: { text: 'done\n' } });
  });
});

describe('a root file system that may be written to', () => {
  const relaxed = (rootBytes: number): RuntimeConfigInput => ({
    policy: { security: { readOnlyRootFilesystem: false, allowRoot: true, user: '0:0', rootBytes } },
  });

  it('is no way round the bounds: dd into it is the end of the job, whatever it traps', async () => {
    const script = "trap 'echo trapped' TERM; dd if=/dev/zero of=/big bs=1M count=1000000; sleep 600";
    const result = await run(script, relaxed(64 * MIB));
    expect(result).toMatchObject({ status: 'failed', reason: 'disk_limit_exceeded', exitCode: 137 });
    expect(result.evidence[0]?.what).toContain('wrote more than 67108864 bytes to its root file system');
    expect(result.stdout.text).toBe('');
  });

  it('takes what it may hold', async () => {
    const script = 'dd if=/dev/zero of=/some bs=1M count=8 2>/dev/null; wc -c < /some';
    expect(await run(script, relaxed(16 * MIB))).toMatchObject({
      status: 'succeeded',
      stdout: { text: '8388608\n' },
      warnings: [],
    });
  });
});

describe('an output', () => {
  needsSharedFiles('outputs in a volume are not looked at while a job runs');

  it.each([
    ['dd fills', 'dd if=/dev/zero of=out bs=1M count=1000000'],
    ['is a hole of a tebibyte', 'dd if=/dev/zero of=out bs=1 count=1 seek=1000000000000'],
    [
      'is a folder of too many files',
      'mkdir out; i=0; while [ $i -lt 200 ]; do : > out/$i; i=$((i+1)); done',
    ],
  ])('that %s is the end of the job', async (_, program) => {
    const runtime = await testRuntime({ outputs: { maxBytes: 64 * MIB, maxEntries: 100 } });
    const script = `trap 'echo trapped' TERM; ${program}; sleep 600`;
    const result = await runtime.runJob(
      {
        docker: {
          image,
          command: ['sh', '-c', script],
          workingDirectory: '/workspace',
          outputs: [{ workspacePath: 'out', upload: 'caller' }],
        },
      },
      { outputTo: memoryStorage() },
    );
    expect(result).toMatchObject({
      status: 'failed',
      reason: 'output_limit_exceeded',
      exitCode: 137,
      evidence: [{ by: 'watcher' }, { by: 'watcher', what: 'SIGKILL was sent' }, { by: 'watcher' }],
      outputs: [{ state: 'rejected' }],
    });
    expect(result.stdout.text).toBe('');
  });
});

describe('output', () => {
  it('that does not come for too long is the end of the job', async () => {
    const result = await run('echo begun; exec sleep 600', {}, { timeouts: { idleOutputMs: 1_500 } });
    expect(result).toMatchObject({
      status: 'timed_out',
      reason: 'idle_timed_out',
      stdout: { text: 'begun\n' },
      evidence: [{ by: 'deadline', what: 'wrote no output for 1500 ms' }, {}, {}],
    });
  });

  it('that drips extends no other deadline', async () => {
    const script = 'while :; do echo .; sleep 0.2; done';
    const timeouts = { idleOutputMs: 60_000, runMs: 3_000, stopMs: 1_000 };
    expect(await run(script, {}, { timeouts })).toMatchObject({ reason: 'timed_out' });
  });
});

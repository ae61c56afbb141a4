/** Jobs that take what they can get, as catalogued, on a real engine: by what becomes of them and of the container. */
import { type RunOptions, type RunResult, type RuntimeConfigInput } from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { testRuntime } from './setup.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

async function run(
  script: string,
  docker: object = {},
  options: RunOptions = {},
  config: RuntimeConfigInput = {},
): Promise<RunResult> {
  const runtime = await testRuntime(config);
  return runtime.runJob({ docker: { image, command: ['sh', '-c', script], ...docker } }, options);
}

describe('a job that', () => {
  it('spins is ended by its deadline', async () => {
    const options = { timeouts: { runMs: 1_500, stopMs: 1_000 } };
    expect(await run('while :; do :; done', {}, options)).toMatchObject({ reason: 'timed_out' });
  });

  it('ignores SIGTERM is killed after its grace', async () => {
    const options = { timeouts: { runMs: 1_500, stopMs: 1_000 } };
    expect(await run("trap '' TERM; while :; do sleep 1; done", {}, options)).toMatchObject({
      reason: 'timed_out',
      exitCode: 137,
    });
  });

  it('leaves orphans behind has them reaped: none stays a zombie', async () => {
    const script =
      'i=0; while [ $i -lt 30 ]; do (sleep 0 &); i=$((i+1)); done; sleep 1; grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l';
    expect((await run(script)).stdout.text?.trim()).toBe('0');
  });

  it('writes a file larger than its ulimit is cut off there', async () => {
    const script = 'dd if=/dev/zero of=f bs=1M count=5 2>/dev/null; echo "$?"; stat -c %s f';
    const ulimits = [{ name: 'fsize', soft: 1_048_576, hard: 1_048_576 }];
    const { stdout } = await run(script, { workingDirectory: '/workspace', resources: { ulimits } });
    const [code, size] = (stdout.text ?? '').trim().split('\n');
    expect(Number(code)).not.toBe(0);
    expect(size).toBe('1048576');
  });

  it('floods its log is read to the end, and head and tail are kept', async () => {
    const script = 'echo first; yes | head -c 2000000; echo last';
    const { status, stdout } = await run(script);
    expect(status).toBe('succeeded');
    expect(stdout.totalBytes).toBe(2_000_011);
    expect(stdout.droppedChars).toBeGreaterThan(1_900_000);
    expect(stdout.text).toMatch(/^first\n/);
    expect(stdout.text).toMatch(/last\n$/);
  });

  it('floods a sink that throws, or never takes anything, ends all the same', async () => {
    const stdout = new WritableStream<Uint8Array>({
      write() {
        throw new Error('full');
      },
    });
    const stuck = new WritableStream<Uint8Array>({ write: async () => new Promise(() => undefined) });
    const broken = await run('yes | head -c 1000000', {}, { stdout });
    expect(broken).toMatchObject({ status: 'succeeded', stdout: { totalBytes: 1_000_000 } });
    expect(broken.warnings.join()).toContain('the sink for stdout failed');
    const options = { stdout: stuck, timeouts: { runMs: 2_000, stopMs: 1_000 } };
    expect(await run('yes | head -c 1000000; sleep 600', {}, options)).toMatchObject({ reason: 'timed_out' });
  });
});

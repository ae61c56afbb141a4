/** The limit on the bytes of a workspace in a volume, while its job runs on a real engine, and what is left of it where the engine does not tell them. */
import type { RunOptions, RunResult } from 'berthkit';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import type { EngineCall } from '../proxy/engine-call.js';
import { startEngineProxy } from '../proxy/engine-proxy.js';
import type { Fault } from '../proxy/faults.js';
import { testRuntime } from './setup.js';
import { connectToEngine } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

const MIB = 1024 ** 2;
const isLook = ({ path }: EngineCall): boolean => path.startsWith('/system/df');
const NOT_WATCHED = expect.stringContaining('was not watched while the job ran') as string;

/** A runtime whose looks at volumes may be spoilt, and how many there were. */
async function watching(spoilt: Fault | null = null) {
  const proxy = await startEngineProxy({
    engine: connectToEngine,
    spoil: (call) => (isLook(call) ? spoilt : null),
  });
  onTestFinished(() => proxy.close());
  const runtime = await testRuntime({
    engine: { host: proxy.host },
    workspace: { transport: 'volume', maxBytes: 64 * MIB, maxEntries: null },
  });
  const run = async (script: string, options: RunOptions = {}): Promise<RunResult> => {
    const docker = { image, command: ['sh', '-c', script], workingDirectory: '/workspace' };
    return runtime.runJob({ docker }, options);
  };
  const looks = (): number => proxy.calls.filter(isLook).length;
  /** Standard input that ends when so many looks were begun. */
  async function* untilLooks(least: number): AsyncGenerator<Uint8Array> {
    await vi.waitFor(
      () => {
        expect(looks()).toBeGreaterThanOrEqual(least);
      },
      { timeout: 60_000 },
    );
    yield Buffer.from('enough\n');
  }
  return { run, looks, untilLooks };
}

describe('a workspace in a volume', () => {
  it('that dd fills beyond its limit is the end of the job, whatever it traps', async () => {
    const { run } = await watching();
    const script = "trap 'echo trapped' TERM; dd if=/dev/zero of=big bs=1M count=1000000; sleep 600";
    const result = await run(script);
    expect(result).toMatchObject({
      status: 'failed',
      reason: 'disk_limit_exceeded',
      exitCode: 137,
      evidence: [
        { by: 'watcher', what: 'the workspace holds more than 67108864 bytes (workspace.maxBytes)' },
        { by: 'watcher', what: 'SIGKILL was sent' },
        { by: 'watcher' },
      ],
      warnings: [],
    });
    expect(result.stdout.text).toBe('');
  });

  it('that holds less does not disturb its job, whatever that does to its folders meanwhile', async () => {
    const { run, untilLooks } = await watching();
    const churn = 'while :; do mkdir -p a/b; : > a/b/c; mv a d; rm -r d; done';
    const script = `(${churn}) & dd if=/dev/zero of=some bs=1M count=32 2>/dev/null; ln some twice; cat; kill $!`;
    expect(await run(script, { stdin: untilLooks(4) })).toMatchObject({
      status: 'succeeded',
      stdout: { text: 'enough\n' },
    });
  });

  it('that is full when the job has ended already is no success', async () => {
    const { run } = await watching();
    expect(await run('dd if=/dev/zero of=big bs=1M count=80 2>/dev/null')).toMatchObject({
      status: 'failed',
      reason: 'disk_limit_exceeded',
    });
  });
});

describe('on an engine that does not tell what volumes hold', () => {
  it.each<[string, Fault]>([
    ['for it refuses', { kind: 'status', status: 500 }],
    ['for what it says cannot be read', { kind: 'garbage' }],
  ])('%s, a run goes on, says so, and is measured in the end', async (_, fault) => {
    const { run, untilLooks } = await watching(fault);
    const stdin = (): AsyncIterable<Uint8Array> => untilLooks(3);
    expect(await run('cat', { stdin: stdin() })).toMatchObject({
      status: 'succeeded',
      warnings: [NOT_WATCHED],
    });
    const fill = 'dd if=/dev/zero of=big bs=1M count=80 2>/dev/null; cat';
    expect(await run(fill, { stdin: stdin() })).toMatchObject({
      status: 'failed',
      reason: 'disk_limit_exceeded',
      exitCode: 0,
    });
  });

  it('for it never answers, a run ends when its job does', async () => {
    const { run, untilLooks } = await watching({ kind: 'no_answer' });
    expect(await run('cat', { stdin: untilLooks(1) })).toMatchObject({ status: 'succeeded' });
  });
});

/** What a job used, as a real engine tells it while the job runs. */
import { expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { testRuntime } from './setup.js';
import { testEngine } from './test-engine.js';

it('the result says how much memory and processor time a job used', async () => {
  const image = await ensureImage('busybox');
  const docker = testEngine();
  let isReady = false;
  let release: () => void = () => undefined;
  const wasRead = new Promise<void>((resolve) => {
    release = resolve;
  });
  // The job goes on until it has been looked at in the state the test is about, however slow the machine.
  const engine = {
    ...docker,
    containers: {
      ...docker.containers,
      stats: async (id: string, options?: { readonly signal?: AbortSignal | undefined }) => {
        const wasReady = isReady;
        const stats = (await docker.containers.stats?.(id, options)) ?? null;
        if (wasReady && stats !== null) release();
        return stats;
      },
    },
  };
  async function* whenRead(): AsyncGenerator<Uint8Array> {
    await wasRead;
    yield Buffer.from('go\n');
  }
  const runtime = await testRuntime({}, { engine });
  const result = await runtime.runJob(
    {
      docker: {
        image,
        command: ['sh', '-c', 'text=$(seq 1 2000000); echo ready; read line'],
        resources: { memoryBytes: '128MiB' },
      },
    },
    {
      stdin: whenRead(),
      onLine: () => {
        isReady = true;
      },
    },
  );
  expect(result.status, result.message).toBe('succeeded');
  const { peakMemoryBytes, cpuTimeMs } = result.usage ?? {};
  // The text alone has 14.9 MB.
  expect(peakMemoryBytes).toBeGreaterThan(10_000_000);
  expect(peakMemoryBytes).toBeLessThanOrEqual(128 * 1024 ** 2);
  expect(cpuTimeMs).toBeGreaterThan(10);
  expect(cpuTimeMs).toBeLessThan(2 * (result.durations.runMs ?? 0));
});

/** Many runs on a real engine: how many containers there are at one time, and that none is made for a run that never had its turn. */
import { type JobOutcome } from 'berthkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { countingEngine } from './counting-engine.js';
import { testRuntime } from './setup.js';
import { testEngine } from './test-engine.js';

let image = '';
const engine = testEngine();
beforeAll(async () => {
  image = await ensureImage('busybox');
});
afterAll(async () => engine.close());

/** More than the engine may have: here it is the number of runs that counts. */
const budget = { cpus: 3, memoryBytes: '2GiB' };

const sh = (script: string, slug = 'job'): object => ({
  slug,
  docker: { image, command: ['sh', '-c', script] },
});

describe('runJobs', () => {
  it('runs a source to its end, never with more containers than may run', { timeout: 300_000 }, async () => {
    const counted = countingEngine(engine);
    const runtime = await testRuntime(
      { maxConcurrentRuns: 3, maxQueuedRuns: 0, budget },
      { engine: counted.engine },
    );
    function* definitions(): Generator<object, void, undefined> {
      for (let number = 0; number < 12; number += 1)
        yield sh(`echo ${String(number)}; exit ${String(number % 3)}`);
    }
    const outcomes: JobOutcome[] = [];
    for await (const outcome of runtime.runJobs(definitions())) outcomes.push(outcome);
    const told = outcomes
      .sort((a, b) => a.index - b.index)
      .map((outcome) => outcome.ok && [outcome.result.stdout.text?.trim(), outcome.result.exitCode]);
    expect(told).toEqual(Array.from({ length: 12 }, (_, number) => [String(number), number % 3]));
    expect(counted.most()).toBe(3);
    expect(counted.made()).toBe(12);
  });

  it('leaves no container when its reader breaks off', async () => {
    const counted = countingEngine(engine);
    const runtime = await testRuntime(
      { maxConcurrentRuns: 3, budget, stopGraceMs: 1_000 },
      { engine: counted.engine },
    );
    function* definitions(): Generator<object, void, undefined> {
      yield sh('exit 0');
      for (;;) yield sh('sleep 600');
    }
    for await (const outcome of runtime.runJobs(definitions())) {
      expect(outcome.ok && outcome.result.reason).toBe('completed');
      break;
    }
    const instance = runtime.config.instanceId ?? '';
    expect(await engine.containers.list({ 'berthkit.instance': instance })).toEqual([]);
    expect(counted.made()).toBeLessThanOrEqual(4);
  });
});

describe('a run that never had its turn', () => {
  it.each([
    ['waited too long', () => ({ timeouts: { queueMs: 50 } }), 'queue_expired'],
    ['was cancelled', () => ({ signal: AbortSignal.timeout(50) }), 'cancelled'],
  ] as const)('because it %s has never had a container', async (_why, optionsOf, reason) => {
    const counted = countingEngine(engine);
    const runtime = await testRuntime(
      { maxConcurrentRuns: 1, stopGraceMs: 1_000 },
      { engine: counted.engine },
    );
    const first = runtime.startJob(sh('sleep 600'));
    for await (const { type } of first.events) if (type === 'container_started') break;
    expect(await runtime.runJob(sh('exit 0'), optionsOf())).toMatchObject({ reason, containerName: null });
    first.cancel();
    await first.result;
    expect(counted.made()).toBe(1);
  });

  it('because the runtime closed has never had a container', async () => {
    const counted = countingEngine(engine);
    const runtime = await testRuntime({ maxConcurrentRuns: 1 }, { engine: counted.engine });
    const first = runtime.startJob(sh('sleep 1'));
    for await (const { type } of first.events) if (type === 'container_started') break;
    const second = runtime.startJob(sh('exit 0'));
    for await (const { type } of second.events) if (type === 'queue_start') break;
    await runtime.close({ drainMs: 120_000 });
    expect(await first.result).toMatchObject({ reason: 'completed' });
    expect(await second.result).toMatchObject({ reason: 'runtime_shutdown', containerName: null });
    expect(counted.made()).toBe(1);
  });
});

describe('a policy that is replaced', () => {
  it('is that of the container of a run that waited', async () => {
    const runtime = await testRuntime({ maxConcurrentRuns: 1, stopGraceMs: 1_000 });
    const first = runtime.startJob(sh('sleep 600'));
    for await (const { type } of first.events) if (type === 'container_started') break;
    const second = runtime.startJob(
      sh('cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null'),
    );
    for await (const { type } of second.events) if (type === 'queue_start') break;
    runtime.updatePolicy({ limits: { default: { pidsLimit: 17 } } });
    first.cancel();
    expect((await second.result).stdout.text?.trim()).toBe('17');
  });
});

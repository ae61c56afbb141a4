/** Many runs on a real engine: what runs at one time never takes more than the engine has, as the engine itself sees it. */
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { type RunResult } from 'berthkit';
import { beforeAll, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { engineSays } from './engine-says.js';
import { testRuntime } from './setup.js';
import { connectToEngine, isRemote, testEngine } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

// How files travel has no part in this: once in full is enough.
const RUNS = isRemote ? 50 : 200;
/** Hundredths of a core, so that sums are exact. */
const SIZES = [20, 10, 50, 30, 5, 90, 10, 200, 5, 70];
const MIB = 1024 ** 2;
const sizeOf = (index: number): number => SIZES[index % SIZES.length] ?? 0;
const memoryOf = (index: number): number => (8 + (index % 7) * 8) * MIB;

/** What the engine tells of a container that starts or ends. */
interface Told {
  readonly type: string;
  readonly job: string;
}

/** Listens to the engine's own events of our containers. */
function listen(instance: string): { readonly told: readonly Told[]; stop(): void } {
  const told: Told[] = [];
  const filters = JSON.stringify({
    type: ['container'],
    label: [`berthkit.instance=${instance}`],
    event: ['start', 'die'],
  });
  const call = request({
    createConnection: connectToEngine,
    path: `/events?filters=${encodeURIComponent(filters)}`,
  });
  call.on('response', (response) => {
    // Ended by us, it breaks off.
    response.on('error', () => undefined);
    const lines = createInterface({ input: response });
    lines.on('error', () => undefined);
    lines.on('line', (line) => {
      const event = JSON.parse(line) as { Action: string; Actor: { Attributes: Record<string, string> } };
      told.push({ type: event.Action, job: event.Actor.Attributes['berthkit.job'] ?? '' });
    });
  });
  call.on('error', () => undefined).end();
  return { told, stop: () => call.destroy() };
}

/** What the engine applied to each container that runs now. */
async function limitsOfRunning(instance: string): Promise<readonly { cpus: number; memory: number }[]> {
  const filters = encodeURIComponent(
    JSON.stringify({ label: [`berthkit.instance=${instance}`], status: ['running'] }),
  );
  const listed = (await engineSays(`/containers/json?filters=${filters}`)) as { Id: string }[];
  const inspected = await Promise.all(listed.map(async ({ Id }) => engineSays(`/containers/${Id}/json`)));
  return inspected.flatMap((each) => {
    const { HostConfig, State } = each as {
      HostConfig?: { NanoCpus: number; Memory: number };
      State?: { Running: boolean };
    };
    // Some have ended, or gone, between the two questions.
    return HostConfig === undefined || State?.Running !== true
      ? []
      : [{ cpus: HostConfig.NanoCpus / 1e7, memory: HostConfig.Memory }];
  });
}

it('never take more together than the budget, and all get their turn', { timeout: 900_000 }, async () => {
  const engine = testEngine();
  const { cpus } = await engine.info().finally(async () => engine.close());
  const budget = Math.min(cpus, 2) * 100;
  const memoryBudget = 256 * MIB;
  const runtime = await testRuntime({
    maxConcurrentRuns: RUNS,
    budget: { cpus: budget / 100, memoryBytes: memoryBudget },
    instanceId: `budget-${String(process.pid)}`,
    policy: { limits: { max: { cpus: 64 } } },
  });
  const instance = runtime.config.instanceId ?? '';
  const { told, stop } = listen(instance);
  const seen: number[] = [];
  // The first job lasts until it was seen: all others may be too short for that.
  const untilSeen = new PassThrough();
  const results: Promise<RunResult>[] = [];
  for (let index = 0; index < RUNS; index += 1) {
    const resources = { cpus: Math.min(sizeOf(index), budget) / 100, memoryBytes: memoryOf(index) };
    results.push(
      runtime.runJob(
        { slug: `j${String(index)}`, docker: { image, command: ['cat'], resources } },
        { concurrencyKey: `user${String(index % 5)}`, stdin: index === 0 ? untilSeen : '' },
      ),
    );
  }
  const all = Promise.all(results);
  const state = { over: false };
  const finished = all.finally(() => {
    state.over = true;
  });
  while (!state.over) {
    const running = await limitsOfRunning(instance);
    const sum = (what: 'cpus' | 'memory'): number => running.reduce((total, each) => total + each[what], 0);
    expect(sum('cpus')).toBeLessThanOrEqual(budget);
    expect(sum('memory')).toBeLessThanOrEqual(memoryBudget);
    seen.push(running.length);
    if (running.length > 0) untilSeen.end();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  expect((await finished).filter(({ status }) => status === 'succeeded')).toHaveLength(RUNS);
  // The engine told of every one.
  await expect.poll(() => told.filter(({ type }) => type === 'die').length, { timeout: 60_000 }).toBe(RUNS);
  stop();

  const inside = new Set<string>();
  let most = 0;
  for (const { type, job } of told) {
    if (type === 'start') inside.add(job);
    else inside.delete(job);
    const indices = [...inside].map((name) => Number(name.slice(1)));
    expect(indices.reduce((sum, index) => sum + Math.min(sizeOf(index), budget), 0)).toBeLessThanOrEqual(
      budget,
    );
    expect(indices.reduce((sum, index) => sum + memoryOf(index), 0)).toBeLessThanOrEqual(memoryBudget);
    most = Math.max(most, inside.size);
  }
  // The budget was used by several at a time.
  expect(most).toBeGreaterThan(1);
  expect(Math.max(...seen)).toBeGreaterThan(0);
});

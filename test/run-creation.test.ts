/** A run that is cancelled while the engine makes its container: it ends in the time to stop, and the container goes whenever it comes. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import type { ContainerEngine, EngineContainers } from '../src/engine/types.js';
import { setUp } from './run-fixture.js';

type Create = EngineContainers['create'];

/** An engine whose creations wait: each is carried out when it is let, and then answered or failed. */
function waitingEngine(inner = fakeEngine(), capabilities: Partial<ContainerEngine['capabilities']> = {}) {
  const waiting: { make(): ReturnType<Create>; answer(): Promise<void>; fail(error: Error): void }[] = [];
  const create: Create = async (spec) =>
    new Promise((resolve, reject) => {
      const make = async (): ReturnType<Create> => inner.containers.create(spec);
      waiting.push({ make, answer: async () => resolve(await make()), fail: reject });
    });
  const engine: ContainerEngine = {
    ...inner,
    capabilities: { ...inner.capabilities, ...capabilities },
    containers: { ...inner.containers, create },
  };
  return { engine, inner, waiting };
}

const JOB = { docker: { image: 'busybox:1', command: ['work'] } };
const CONFIG = { stopGraceMs: 1_000 };

async function cancelled({ engine, waiting }: ReturnType<typeof waitingEngine>) {
  const setup = setUp({}, { engine }, CONFIG);
  const run = setup.runtime.startJob(JOB);
  await expect.poll(() => waiting.length).toBe(1);
  run.cancel();
  return { ...setup, result: run.result };
}

const TOLD = expect.stringMatching(
  /^clean-up of the .* failed: the engine has not said whether it made/,
) as string;

describe('a run that is cancelled while its container is made', () => {
  it('ends, says that the container may come yet, and removes it when it does', async () => {
    const waits = waitingEngine();
    const { result, events, runtime } = await cancelled(waits);
    expect(await result).toMatchObject({ status: 'cancelled', warnings: [TOLD] });
    expect(events.filter(({ type }) => type === 'cleanup_error')).toMatchObject([{ what: 'container' }]);
    expect(runtime.stats().quarantined).toBe(1);
    await waits.waiting[0]?.answer();
    await expect.poll(() => waits.inner.leftovers()).toEqual([]);
    await runtime.close();
  });

  it('removes what is there already, though the answer is not', async () => {
    const waits = waitingEngine();
    const { result, runtime } = await cancelled(waits);
    await waits.waiting[0]?.make();
    expect(await result).toMatchObject({ status: 'cancelled', warnings: [] });
    expect(waits.inner.leftovers()).toEqual([]);
    await runtime.close();
  });

  it('is answered in time like any other', async () => {
    const waits = waitingEngine();
    const { result, runtime } = await cancelled(waits);
    await waits.waiting[0]?.answer();
    expect(await result).toMatchObject({ status: 'cancelled', warnings: [] });
    expect(waits.inner.leftovers()).toEqual([]);
    await runtime.close();
  });

  it('keeps its runtime from closing until the engine has answered', async () => {
    const waits = waitingEngine();
    const { result, runtime } = await cancelled(waits);
    await result;
    let isClosed = false;
    const closing = runtime.close().then(() => (isClosed = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isClosed).toBe(false);
    await waits.waiting[0]?.answer();
    await closing;
    expect(waits.inner.leftovers()).toEqual([]);
  });

  it('is over for its runtime once the engine has refused', async () => {
    const waits = waitingEngine();
    const { result, runtime } = await cancelled(waits);
    expect(await result).toMatchObject({ status: 'cancelled' });
    waits.waiting[0]?.fail(new EngineError('engine.failed', 'no such folder'));
    const looks = () => waits.inner.calls.filter(({ call }) => call === 'containers.inspect').length;
    const before = looks();
    await runtime.close();
    expect(looks()).toBe(before);
  });

  it('is looked for once more where the engine never answered', async () => {
    const waits = waitingEngine();
    const { result, runtime } = await cancelled(waits);
    expect(await result).toMatchObject({ status: 'cancelled' });
    await waits.waiting[0]?.make();
    waits.waiting[0]?.fail(new EngineError('engine.unreachable', 'no answer'));
    await runtime.close();
    expect(waits.inner.leftovers()).toEqual([]);
  });

  it('ends as well where its container only was to show what the engine sees', async () => {
    const waits = waitingEngine(fakeEngine(), { seesFiles: undefined });
    const { result, runtime, events } = await cancelled(waits);
    expect(await result).toMatchObject({ status: 'cancelled', warnings: [TOLD] });
    expect(events.filter(({ type }) => type === 'cleanup_error')).toHaveLength(1);
    await waits.waiting[0]?.answer();
    await expect.poll(() => waits.inner.leftovers()).toEqual([]);
    await runtime.close();
  });
});

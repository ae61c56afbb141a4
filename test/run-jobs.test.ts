/** Series of runs on the fake engine: how much is read, in which order what comes out, and how each kind of early end is cleaned up. */
import {
  type JobDefinition,
  type JobOutcome,
  JobRuntimeError,
  memoryStorage,
  type RunJobsOptions,
} from 'berthkit';
import type { FakeEngineScript } from 'berthkit/testing';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { job, many, WAIT } from './many-fixture.js';

const names = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `j${String(index)}`);

/** A source that says how far it was read and whether it was let go. */
function source(
  count: number,
  beforeEach: (index: number) => void = () => undefined,
): {
  readonly read: () => number;
  readonly isLetGo: () => boolean;
  readonly definitions: Iterable<JobDefinition>;
} {
  let read = 0;
  let letGo = false;
  function* definitions(): Generator<JobDefinition, void, undefined> {
    try {
      for (let index = 0; index < count; index += 1) {
        beforeEach(index);
        read += 1;
        yield job(`j${String(index)}`);
      }
    } finally {
      letGo = true;
    }
  }
  return { read: () => read, isLetGo: () => letGo, definitions: definitions() };
}

const settle = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe('runJobs', () => {
  it('hands out everything once, with its definition, in the order runs end', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 3 });
    const definitions = ['a', 'b', 'c'].map(job);
    const outcomes = runtime.runJobs(definitions);
    const first = outcomes.next();
    await gate.reached(3);
    gate.open('b');
    expect(await first).toMatchObject({ value: { index: 1, ok: true, result: { status: 'succeeded' } } });
    gate.open('c');
    expect((await outcomes.next()).value).toMatchObject({ index: 2, definition: definitions[2] });
    gate.open('a');
    expect((await outcomes.next()).value).toMatchObject({ index: 0, definition: definitions[0] });
    expect(await outcomes.next()).toEqual({ done: true, value: undefined });
    expect(await outcomes.next()).toEqual({ done: true, value: undefined });
  });

  it('tells results from errors, one by one', async () => {
    const { runtime, gate } = await many({ policy: { images: { allow: ['busybox:1'] } } });
    gate.openAll();
    const codes: unknown[] = [];
    for await (const outcome of runtime.runJobs([
      job('a'),
      { docker: {} },
      { docker: { image: 'evil:1' } },
    ])) {
      codes[outcome.index] = outcome.ok ? outcome.result.status : outcome.error.code;
    }
    expect(codes).toEqual(['succeeded', 'validation.invalid_job', 'policy.denied']);
  });

  it('reads nothing before it is asked for the first', async () => {
    const { runtime } = await many();
    const { definitions, read, isLetGo } = source(3);
    const outcomes = runtime.runJobs(definitions);
    await settle();
    expect(read()).toBe(0);
    await outcomes.return?.();
    expect([read(), isLetGo()]).toEqual([0, false]);
  });

  it('reads only what there is a place for, out of an endless source', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 2 });
    const { definitions, read, isLetGo } = source(Number.POSITIVE_INFINITY);
    const outcomes = runtime.runJobs(definitions);
    const first = outcomes.next();
    await gate.reached(2);
    await settle();
    expect(read()).toBe(2);
    gate.open('j1');
    await first;
    await gate.reached(3);
    await settle();
    expect(read()).toBe(3);
    await outcomes.return?.();
    expect(isLetGo()).toBe(true);
  });

  it('a reader that takes its time slows the runs and costs nothing', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 2 });
    gate.openAll();
    const { definitions, read } = source(100);
    let handedOut = 0;
    for await (const outcome of runtime.runJobs(definitions)) {
      handedOut += 1;
      expect(outcome.ok).toBe(true);
      if (handedOut <= 3) await settle();
      // What the reader has in hand, and two that are under way or wait to be handed out.
      expect(read() - handedOut).toBeLessThanOrEqual(2);
      if (handedOut === 50) break;
    }
    expect(read()).toBeLessThanOrEqual(52);
  });

  it('never has more under way than may run, whatever the order of ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.nat(3), { maxLength: 15 }),
        async (most, delays) => {
          const run: FakeEngineScript['run'] = async ({ spec }) => {
            for (let left = delays[Number(spec.labels['berthkit.job'])] ?? 0; left > 0; left -= 1) {
              await new Promise(setImmediate);
            }
            return { exitCode: 0 };
          };
          const { runtime } = await many({ maxConcurrentRuns: most, maxQueuedRuns: 0 }, { script: { run } });
          let underWay = 0;
          function* definitions(): Generator<JobDefinition, void, undefined> {
            for (const index of delays.keys()) {
              underWay += 1;
              expect(underWay).toBeLessThanOrEqual(most);
              yield job(String(index));
            }
          }
          const seen: number[] = [];
          for await (const { ok, index } of runtime.runJobs(definitions())) {
            expect(ok).toBe(true);
            underWay -= 1;
            seen.push(index);
          }
          expect(seen.sort((a, b) => a - b)).toEqual([...delays.keys()]);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('beside a full queue its definitions wait, one at a time, and none is refused', async () => {
    const { runtime, gate, engine } = await many({ maxConcurrentRuns: 1, maxQueuedRuns: 2 });
    const others = ['x', 'y', 'z'].map((name) => runtime.startJob(job(name)));
    await gate.reached(1);
    await expect(runtime.runJob(job('w'))).rejects.toMatchObject({ code: 'runtime.queue_full' });
    const { definitions, read } = source(4);
    const outcomes: JobOutcome[] = [];
    const all = (async () => {
      for await (const outcome of runtime.runJobs(definitions)) outcomes.push(outcome);
    })();
    await vi.waitFor(() => expect(read()).toBe(1), WAIT);
    await settle();
    expect(read()).toBe(1);
    expect(runtime.runs({ state: 'queued' }).map(({ jobSlug }) => jobSlug)).toEqual(['y', 'z', 'j0']);
    gate.openAll();
    await all;
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true, true]);
    for (const { result } of others) expect((await result).status).toBe('succeeded');
    expect(gate.begun.slice(0, 4)).toEqual(['x', 'y', 'z', 'j0']);
    expect(gate.most).toBe(1);
    expect(engine.calls.filter(({ call }) => call === 'containers.create')).toHaveLength(7);
  });

  it('takes any iterable, and says what is none', async () => {
    const { runtime, gate } = await many();
    gate.openAll();
    async function* later(): AsyncGenerator<JobDefinition, void, undefined> {
      for (const name of names(3)) {
        await settle();
        yield job(name);
      }
    }
    const indexes: number[] = [];
    for await (const { index, ok } of runtime.runJobs(later())) if (ok) indexes.push(index);
    expect(indexes.sort()).toEqual([0, 1, 2]);
    for await (const outcome of runtime.runJobs([])) expect(outcome).toBe('nothing');
    for (const nonsense of [undefined, null, 5, {}]) {
      const outcomes = runtime.runJobs(nonsense as Iterable<unknown>);
      await expect(outcomes.next()).rejects.toMatchObject({ code: 'validation.invalid_job' });
    }
  });

  it('gives each run its own options over the shared ones', async () => {
    const { runtime, gate, events } = await many();
    gate.openAll();
    const out = [memoryStorage(), memoryStorage()];
    const options: RunJobsOptions<JobDefinition> = {
      metadata: { series: 'nightly' },
      timeoutMs: 5_000,
      each: (definition, index) => ({
        runId: `run-${String(index)}`,
        files: { 'in.txt': definition.slug ?? '' },
        outputTo: out[index],
        timeoutMs: index === 0 ? undefined : 6_000,
      }),
    };
    const messages: string[] = [];
    for await (const outcome of runtime.runJobs(names(2).map(job), options)) {
      if (outcome.ok) messages[outcome.index] = `${outcome.result.runId} ${outcome.result.message}`;
    }
    expect(messages[0]).toMatch(/^run-0 .*timeoutMs: 5000/);
    expect(messages[1]).toMatch(/^run-1 .*timeoutMs: 6000/);
    for (const { metadata } of events) expect(metadata).toEqual({ series: 'nightly' });
  });

  it.each([
    ['options', null],
    ['options.signal', { signal: 5 }],
    ['options.each', { each: {} }],
    ['options.onEvent', { onEvent: 5 }],
  ])('refuses %s of the wrong kind, and reads nothing', async (path, options) => {
    const { runtime } = await many();
    const { definitions, read } = source(2);
    const series = runtime.runJobs(definitions, options as unknown as RunJobsOptions<JobDefinition>);
    await expect(series.next()).rejects.toMatchObject({
      code: 'validation.invalid_job',
      details: { issues: [{ path }] },
    });
    expect(read()).toBe(0);
  });

  it('refuses to share what only one run can have', async () => {
    const { runtime } = await many();
    const { definitions, read } = source(2);
    for (const key of ['runId', 'files', 'stdin', 'stdout', 'stderr', 'outputTo', 'onLine']) {
      const options = { [key]: 'x' } as RunJobsOptions<JobDefinition>;
      await expect(runtime.runJobs(definitions, options).next()).rejects.toMatchObject({
        code: 'validation.invalid_job',
        message: expect.stringContaining(`options.${key}`) as string,
      });
    }
    expect(read()).toBe(0);
  });

  it('tells results from errors in its types', () => {
    type Outcome = JobOutcome<{ readonly mine: true }>;
    const narrow = (outcome: Outcome): string => {
      expectTypeOf(outcome.definition.mine).toEqualTypeOf<true>();
      if (outcome.ok) return outcome.result.status;
      expectTypeOf(outcome).not.toHaveProperty('result');
      return outcome.error.kind;
    };
    expect(narrow).toBeTypeOf('function');
    // @ts-expect-error a run id is of one run
    const options: RunJobsOptions = { runId: 'x' };
    expect(options).toBeDefined();
  });
});

describe('a series comes to an early end', () => {
  it.each(['break', 'throw'] as const)('by a reader that breaks off (%s)', async (how) => {
    const { runtime, gate, engine, events } = await many({ maxConcurrentRuns: 3 });
    const { definitions, read, isLetGo } = source(100);
    const leave = async (): Promise<void> => {
      for await (const outcome of runtime.runJobs(definitions)) {
        expect(outcome.ok).toBe(true);
        await gate.reached(4);
        if (how === 'break') break;
        throw new Error('the reader failed');
      }
    };
    const left = leave();
    await gate.reached(3);
    gate.open('j0');
    if (how === 'break') await left;
    else await expect(left).rejects.toThrow('the reader failed');
    // Everything is over at this very moment, not some time later.
    expect(engine.leftovers()).toEqual([]);
    expect([read(), isLetGo()]).toEqual([4, true]);
    const ends = events.flatMap((event) =>
      event.type === 'run_end' && event.outcome === 'result' ? [event.result.reason] : [],
    );
    expect(ends.sort()).toEqual(['cancelled', 'cancelled', 'cancelled', 'completed']);
  });

  it('by a return while the next is waited for', async () => {
    const { runtime, gate, engine } = await many({ maxConcurrentRuns: 2 });
    const { definitions, isLetGo } = source(100);
    const outcomes = runtime.runJobs(definitions);
    const next = outcomes.next();
    await gate.reached(2);
    expect(await outcomes.return?.()).toEqual({ done: true, value: undefined });
    expect(await next).toEqual({ done: true, value: undefined });
    expect([engine.leftovers(), isLetGo()]).toEqual([[], true]);
  });

  it('by a throw of whoever holds the iterator', async () => {
    const { runtime, gate, engine } = await many({ maxConcurrentRuns: 2 });
    const { definitions, isLetGo } = source(100);
    const outcomes = runtime.runJobs(definitions);
    const next = outcomes.next();
    await gate.reached(2);
    await expect(outcomes.throw?.(new Error('enough'))).rejects.toThrow('enough');
    expect(await next).toEqual({ done: true, value: undefined });
    expect([engine.leftovers(), isLetGo()]).toEqual([[], true]);
  });

  it('by a source that throws: all that was read is handed out before it is thrown', async () => {
    const { runtime, gate, engine } = await many({ maxConcurrentRuns: 3 });
    const { definitions } = source(100, (index) => {
      if (index === 2) throw new RangeError('no third');
    });
    gate.open('j0');
    const ends: unknown[] = [];
    const all = (async () => {
      for await (const outcome of runtime.runJobs(definitions)) {
        ends[outcome.index] = outcome.ok && outcome.result.reason;
      }
    })();
    await expect(all).rejects.toThrow(new RangeError('no third'));
    expect(ends).toHaveLength(2);
    expect(ends).toContain('cancelled');
    expect(engine.leftovers()).toEqual([]);
  });

  it('by options of one run that throw: the source is let go of', async () => {
    const { runtime, engine } = await many({ maxConcurrentRuns: 2 });
    const { definitions, isLetGo } = source(100);
    const each: RunJobsOptions['each'] = (_definition, index) => {
      if (index === 1) throw new Error('no options for this');
      return {};
    };
    const outcomes = runtime.runJobs(definitions, { each });
    expect((await outcomes.next()).value).toMatchObject({ index: 0, result: { reason: 'cancelled' } });
    await expect(outcomes.next()).rejects.toThrow('no options for this');
    expect([engine.leftovers(), isLetGo()]).toEqual([[], true]);
  });

  it("by the caller's signal: what is under way is handed out as cancelled", async () => {
    const { runtime, gate, engine } = await many({ maxConcurrentRuns: 2 });
    const { definitions, read, isLetGo } = source(100);
    const controller = new AbortController();
    const messages: string[] = [];
    const all = (async () => {
      for await (const outcome of runtime.runJobs(definitions, { signal: controller.signal })) {
        if (outcome.ok) messages.push(`${outcome.result.reason}: ${outcome.result.message}`);
      }
    })();
    await gate.reached(2);
    controller.abort(new Error('closing time'));
    await all;
    expect(messages).toHaveLength(2);
    for (const message of messages) expect(message).toMatch(/^cancelled: .*closing time/);
    expect([engine.leftovers(), read(), isLetGo()]).toEqual([[], 2, true]);
    for await (const outcome of runtime.runJobs(source(5).definitions, { signal: controller.signal })) {
      expect(outcome).toBe('nothing');
    }
  });

  it('while its source hangs, and does not hang with it', async () => {
    const { runtime, gate, engine } = await many({ maxConcurrentRuns: 3 });
    let asked = 0;
    async function* definitions(): AsyncGenerator<JobDefinition, void, undefined> {
      yield job('j0');
      asked += 1;
      await new Promise(() => undefined);
    }
    const outcomes = runtime.runJobs(definitions());
    const next = outcomes.next();
    await gate.reached(1);
    await vi.waitFor(() => expect(asked).toBe(1), WAIT);
    await outcomes.return?.();
    expect(await next).toMatchObject({ done: true });
    expect(engine.leftovers()).toEqual([]);
  });

  it('says what the source says to being let go of, unless there was a reason before', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 1 });
    gate.openAll();
    const stubborn: Iterable<JobDefinition> = {
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: job('a') }),
        return: () => {
          throw new Error('not now');
        },
      }),
    };
    const leave = async (fail: boolean): Promise<void> => {
      const each = (): object => {
        if (fail) throw new Error('the first reason');
        return {};
      };
      for await (const outcome of runtime.runJobs(stubborn, { each })) if (outcome.ok) break;
    };
    await expect(leave(false)).rejects.toThrow('not now');
    await expect(leave(true)).rejects.toThrow('the first reason');
  });

  it('by the end of the runtime: what was read is handed out, and the rest is not passed over in silence', async () => {
    const { runtime, gate, engine } = await many({ maxConcurrentRuns: 2 });
    const { definitions, read, isLetGo } = source(100);
    const outcomes = runtime.runJobs(definitions);
    const next = outcomes.next();
    await gate.reached(2);
    await runtime.close();
    expect((await next).value).toMatchObject({ ok: true, result: { reason: 'runtime_shutdown' } });
    expect((await outcomes.next()).value).toMatchObject({ ok: true, result: { reason: 'runtime_shutdown' } });
    const error: unknown = await outcomes.next().catch((reason: unknown) => reason);
    expect(JobRuntimeError.isInstance(error) && error.code).toBe('runtime.closed');
    expect([engine.leftovers(), read(), isLetGo()]).toEqual([[], 2, true]);
  });

  it('never begins on a runtime that is disabled', async () => {
    const { runtime } = await many({ enabled: false });
    const { definitions, read } = source(3);
    await expect(runtime.runJobs(definitions).next()).rejects.toMatchObject({ code: 'runtime.disabled' });
    expect(read()).toBe(0);
  });
});

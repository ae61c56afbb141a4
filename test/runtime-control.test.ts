/** What an operator does with a runtime that is at work: looking at runs, cancelling them, pausing, replacing the policy, closing. On the fake engine. */
import { ConfigError, type RunFilter, type RunResult } from 'berthkit';
import { describe, expect, it, vi } from 'vitest';
import { job, many, WAIT } from './many-fixture.js';

/** Whatever a promise comes to, as a value. */
const outcomeOf = async (promise: Promise<RunResult>): Promise<unknown> =>
  promise.catch((error: unknown) => error);

describe('the queue', () => {
  it('ends a run that waits too long, and no container was ever made for it', async () => {
    const { runtime, gate, created, events } = await many({
      maxConcurrentRuns: 1,
      timeouts: { default: { queueMs: 40 } },
    });
    const first = runtime.startJob(job('a'));
    await gate.reached(1);
    const late = await runtime.runJob(job('b'));
    expect(late).toMatchObject({
      status: 'timed_out',
      reason: 'queue_expired',
      category: 'infrastructure',
      retryable: true,
      exitCode: null,
      containerName: null,
      evidence: [{ by: 'deadline', what: 'waited longer than 40 ms for its turn' }],
      durations: { pullMs: null, stageMs: null, createMs: null, runMs: null, collectMs: null },
    });
    expect(late.durations.queueMs).toBeGreaterThan(0);
    expect(late.message).toContain('waited too long for its turn');
    gate.open('a');
    expect((await first.result).status).toBe('succeeded');
    expect(created()).toEqual(['a']);
    expect(events.filter(({ runId }) => runId === late.runId).map(({ type }) => type)).toEqual([
      'run_start',
      'attempt_start',
      'policy_decision',
      'queue_start',
      'attempt_end',
      'run_end',
    ]);
  });

  it("waits as long as the caller asks, up to the operator's most", async () => {
    const { runtime, gate } = await many({
      maxConcurrentRuns: 1,
      timeouts: { default: { queueMs: '1h' }, max: { queueMs: '2h' } },
    });
    runtime.startJob(job('a'));
    await gate.reached(1);
    expect(await runtime.runJob(job('b'), { timeouts: { queueMs: 20 } })).toMatchObject({
      reason: 'queue_expired',
    });
    await expect(runtime.runJob(job('b'), { timeouts: { queueMs: 7_200_001 } })).rejects.toMatchObject({
      code: 'policy.denied',
      message: expect.stringContaining('timeouts.max.queueMs') as string,
    });
    expect(runtime.explain(job('b'), { timeouts: { queueMs: 7_200_000 } }).plan?.timeouts.queueMs).toBe(
      7_200_000,
    );
    expect(runtime.explain(job('b')).plan?.timeouts.queueMs).toBe(3_600_000);
  });

  it('a run that has its place is not measured by the time it may wait', async () => {
    const { runtime, gate } = await many({ timeouts: { default: { queueMs: 1 } } });
    const run = runtime.startJob(job('a'));
    await gate.reached(1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    gate.open('a');
    expect((await run.result).status).toBe('succeeded');
  });

  it('gives the turn of a run that was cancelled to the next, and never makes its container', async () => {
    const { runtime, gate, created } = await many({ maxConcurrentRuns: 1 });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => runtime.startJob(job(name)));
    await gate.reached(1);
    b?.cancel('changed my mind');
    expect(await b?.result).toMatchObject({ reason: 'cancelled', containerName: null });
    gate.openAll();
    expect((await a?.result)?.status).toBe('succeeded');
    expect((await c?.result)?.status).toBe('succeeded');
    expect(created()).toEqual(['a', 'c']);
  });

  it('does not lose a run that was taken: its further attempts wait beyond a full queue', async () => {
    let attempts = 0;
    const { runtime, gate } = await many(
      { maxConcurrentRuns: 1, maxQueuedRuns: 1 },
      {
        script: {
          run: ({ spec }) => {
            if (spec.labels['berthkit.job'] !== 'a') return { exitCode: 0 };
            attempts += 1;
            return { exitCode: attempts === 1 ? 3 : 0 };
          },
        },
      },
    );
    gate.openAll();
    const retry = { maxAttempts: 2, on: ['user'], initialDelayMs: 1, jitter: 'none' } as const;
    const others: Promise<RunResult>[] = [];
    const a = await runtime.runJob(job('a'), {
      retry,
      onEvent: ({ type }) => {
        // Two that come while it rests: one has its place, the other fills the queue.
        if (type === 'attempt_end' && others.length === 0) {
          others.push(runtime.runJob(job('b')), runtime.runJob(job('c')));
        }
      },
    });
    expect(a).toMatchObject({ status: 'succeeded', attempts: [{ reason: 'non_zero_exit' }, {}] });
    for (const other of others) expect((await other).status).toBe('succeeded');
  });

  it('cancels a run at the moment its turn comes, and never makes its container', async () => {
    const { runtime, gate, created } = await many({ maxConcurrentRuns: 1 });
    const a = runtime.startJob(job('a'));
    await gate.reached(1);
    const b = runtime.startJob(job('b'), {
      onEvent: ({ type }) => {
        if (type === 'queue_end') b.cancel('at the last moment');
      },
    });
    gate.openAll();
    expect(await b.result).toMatchObject({ reason: 'cancelled', containerName: null });
    await a.result;
    expect(created()).toEqual(['a']);
  });
});

describe('runs', () => {
  it('are found by state, slug and metadata, all at once', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 1 });
    gate.open('old');
    await runtime.runJob(job('old'), { metadata: { user: 'ada' } });
    const live = ['a', 'a', 'b'].map((name, index) =>
      runtime.startJob(job(name), {
        runId: `r${String(index)}`,
        metadata: { user: index === 0 ? 'ada' : 'bob' },
      }),
    );
    await gate.reached(2);
    const found = (filter?: RunFilter): readonly string[] =>
      runtime.runs(filter).map(({ jobSlug, state }) => `${String(jobSlug)} ${state}`);
    expect(found()).toEqual(['old ended', 'a running', 'a queued', 'b queued']);
    expect(found({})).toEqual(found());
    expect(found({ state: 'queued' })).toEqual(['a queued', 'b queued']);
    expect(found({ state: ['running', 'ended'] })).toEqual(['old ended', 'a running']);
    expect(found({ jobSlug: 'a' })).toEqual(['a running', 'a queued']);
    expect(found({ jobSlug: null })).toEqual([]);
    expect(found({ metadata: { user: 'ada' } })).toEqual(['old ended', 'a running']);
    expect(found({ metadata: { user: 'ada' }, state: 'running', jobSlug: 'a' })).toEqual(['a running']);
    expect(found({ metadata: { toString: 'x' } })).toEqual([]);
    expect(runtime.get('r2')?.summary()).toMatchObject({ metadata: { user: 'bob' }, phase: 'queue' });
    gate.openAll();
    for (const { result } of live) await result;
  });

  it('refuses a filter it does not understand instead of meaning all', async () => {
    const { runtime, gate } = await many();
    const run = runtime.startJob(job('a'));
    await gate.reached(1);
    for (const [filter, path] of [
      [{ slug: 'b' }, 'filter.slug'],
      [{ state: 'waiting' }, 'filter.state'],
      [{ state: ['queued', 'x'] }, 'filter.state'],
      [{ jobSlug: 7 }, 'filter.jobSlug'],
      [{ metadata: { user: undefined } }, 'filter.metadata.user'],
      [{ metadata: 'ada' }, 'filter.metadata'],
      [null, 'filter must'],
      ['running', 'filter must'],
    ] as unknown as [RunFilter, string][]) {
      const refused = { code: 'validation.invalid_job', message: expect.stringContaining(path) as string };
      expect(() => runtime.runs(filter)).toThrow(expect.objectContaining(refused) as Error);
      await expect(runtime.cancelAll({ filter, reason: 'x' })).rejects.toMatchObject(refused);
    }
    expect(run.summary().state).toBe('running');
  });

  it('masks secrets in what it says of them', async () => {
    const { runtime, gate } = await many();
    gate.openAll();
    await runtime.runJob(job('a'), {
      metadata: { note: 'hunter2-hunter2' },
      secrets: { key: 'hunter2-hunter2' },
    });
    expect(runtime.runs()[0]?.metadata).toEqual({ note: '***' });
  });
});

describe('cancelAll', () => {
  it('ends those that run and those that wait, says how many, and is done when they are cleaned up', async () => {
    const { runtime, gate, engine, created } = await many({ maxConcurrentRuns: 2 });
    const handles = ['a', 'b', 'c', 'd'].map((name) =>
      runtime.startJob(job(name), { metadata: { night: name === 'a' ? 'no' : 'yes' } }),
    );
    await gate.reached(2);
    expect(await runtime.cancelAll({ filter: { metadata: { night: 'yes' } }, reason: 'maintenance' })).toBe(
      3,
    );
    expect(engine.leftovers()).toHaveLength(1);
    for (const { result } of handles.slice(1)) {
      expect(await result).toMatchObject({ status: 'cancelled', reason: 'cancelled' });
      expect((await result).message).toContain('maintenance');
    }
    expect([...created()].sort()).toEqual(['a', 'b']);
    expect(await runtime.cancelAll({ reason: 'all of it' })).toBe(1);
    expect(await runtime.cancelAll({ reason: 'nothing left' })).toBe(0);
    expect(engine.leftovers()).toEqual([]);
  });

  it('leaves a series of runs to go on', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 1 });
    const reasons: unknown[] = [];
    const all = (async () => {
      for await (const outcome of runtime.runJobs(['a', 'b'].map(job))) {
        reasons.push(outcome.ok && outcome.result.reason);
      }
    })();
    await gate.reached(1);
    await runtime.cancelAll({ filter: { jobSlug: 'a' }, reason: 'not this one' });
    gate.openAll();
    await all;
    expect(reasons).toEqual(['cancelled', 'completed']);
  });
});

describe('pause', () => {
  it('refuses what comes, begins nothing that waits, and leaves alone what runs', async () => {
    const { runtime, gate, created } = await many({ maxConcurrentRuns: 1 });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => runtime.startJob(job(name)));
    await gate.reached(1);
    runtime.pause();
    runtime.pause();
    await expect(runtime.runJob(job('x'))).rejects.toMatchObject({ code: 'runtime.paused', retryable: true });
    gate.openAll();
    expect((await a?.result)?.status).toBe('succeeded');
    expect(runtime.runs({ state: 'queued' })).toHaveLength(2);
    expect(created()).toEqual(['a']);
    runtime.resume();
    runtime.resume();
    expect((await b?.result)?.status).toBe('succeeded');
    expect((await c?.result)?.status).toBe('succeeded');
    expect(created()).toEqual(['a', 'b', 'c']);
    expect(gate.most).toBe(1);
    expect((await runtime.runJob(job('x'))).status).toBe('succeeded');
  });

  it('does not stop the clock of those that wait', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 1, timeouts: { default: { queueMs: 30 } } });
    const a = runtime.startJob(job('a'));
    await gate.reached(1);
    const b = runtime.startJob(job('b'));
    await vi.waitFor(() => expect(b.summary().phase).toBe('queue'), WAIT);
    runtime.pause();
    expect(await b.result).toMatchObject({ reason: 'queue_expired' });
    gate.open('a');
    expect((await a.result).status).toBe('succeeded');
  });

  it('holds a series of runs, which goes on when it is over', async () => {
    const { runtime, gate } = await many();
    gate.openAll();
    runtime.pause();
    const outcomes = runtime.runJobs(['a', 'b'].map(job));
    const first = outcomes.next();
    await vi.waitFor(() => expect(runtime.runs({ state: 'queued' })).toHaveLength(1), WAIT);
    expect(gate.begun).toEqual([]);
    runtime.resume();
    expect((await first).value).toMatchObject({ ok: true });
    expect((await outcomes.next()).value).toMatchObject({ ok: true });
  });
});

describe('updatePolicy', () => {
  it('takes the whole policy or nothing of it', async () => {
    const { runtime } = await many({ policy: { images: { allow: ['busybox:*'] } } });
    const before = runtime.config;
    for (const [policy, path] of [
      [{ images: { allow: ['busybox:1'] }, limits: { default: { cpus: 0 } } }, 'policy.limits.default.cpus'],
      [{ network: { defaultMode: 'bridge' } }, 'policy.network.defaultMode'],
      [{ limits: { default: { memoryBytes: '8GiB' } } }, 'policy.limits.default.memoryBytes'],
      [{ imagess: {} }, 'policy.imagess'],
      [undefined, 'policy'],
      [null, 'policy'],
    ] as const) {
      expect(() => {
        runtime.updatePolicy(policy as never);
      }).toThrow(expect.objectContaining({ code: 'config.invalid' }) as Error);
      try {
        runtime.updatePolicy(policy as never);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        expect((error as ConfigError).message).toContain(`- ${path}: `);
      }
      expect(runtime.config).toBe(before);
    }
    runtime.updatePolicy({ gpu: { enabled: true } });
    expect(runtime.config).not.toBe(before);
    expect(runtime.config.policy).toMatchObject({ gpu: { enabled: true }, images: { allow: [] } });
    expect({ ...runtime.config, policy: null }).toEqual({ ...before, policy: null });
    expect(Object.isFrozen(runtime.config.policy.images.allow)).toBe(true);
    expect(before.policy.gpu.enabled).toBe(false);
  });

  it('counts for what is validated, explained and run from now on', async () => {
    const { runtime, gate } = await many();
    gate.openAll();
    expect((await runtime.runJob(job('a'))).status).toBe('succeeded');
    runtime.updatePolicy({ images: { allow: ['alpine:*'] } });
    expect(runtime.validate(job('a')).ok).toBe(false);
    expect(runtime.explain(job('a')).decision?.allowed).toBe(false);
    await expect(runtime.runJob(job('a'))).rejects.toMatchObject({ code: 'policy.denied' });
  });

  it('judges again whoever waited, and leaves alone who has a place', async () => {
    const { runtime, gate, created, events } = await many({ maxConcurrentRuns: 1 });
    const a = runtime.startJob(job('a'));
    await gate.reached(1);
    const b = runtime.startJob(job('b'));
    const c = runtime.startJob({ docker: { image: 'alpine:1', command: ['c'] } });
    await vi.waitFor(() => expect(c.summary().phase).toBe('queue'), WAIT);
    runtime.updatePolicy({ images: { allow: ['alpine:*'] }, limits: { default: { memoryBytes: '64MiB' } } });
    gate.openAll();
    expect((await a.result).status).toBe('succeeded');
    expect(await outcomeOf(b.result)).toMatchObject({ code: 'policy.denied', phase: 'policy' });
    // Its place is free again: the next one runs, and under the new policy.
    expect((await c.result).status).toBe('succeeded');
    expect(created()).toEqual(['a', 'job']);
    const decisions = events.filter(({ type, runId }) => type === 'policy_decision' && runId === c.runId);
    expect(decisions).toHaveLength(2);
    const ofA = events.filter(({ type, runId }) => type === 'policy_decision' && runId === a.runId);
    expect(ofA).toHaveLength(1);
  });

  it('gives those that waited the limits of the new policy', async () => {
    const memory: number[] = [];
    const { runtime, gate } = await many(
      { maxConcurrentRuns: 1 },
      {
        script: {
          run: ({ spec }) => {
            memory.push(spec.resources.memoryBytes);
            if (memory.length === 1) runtime.updatePolicy({ limits: { default: { memoryBytes: '64MiB' } } });
            return { exitCode: 0 };
          },
        },
      },
    );
    gate.openAll();
    const [a, b] = [runtime.startJob(job('a')), runtime.startJob(job('b'))];
    await Promise.all([a.result, b.result]);
    expect(memory).toEqual([512 * 1024 ** 2, 64 * 1024 ** 2]);
  });
});

describe('close', () => {
  it('ends at once what waits, lets end what runs, and refuses what comes', async () => {
    const { runtime, gate, created } = await many({ maxConcurrentRuns: 1 });
    const [a, b] = ['a', 'b'].map((name) => runtime.startJob(job(name)));
    await gate.reached(1);
    const closing = runtime.close({ drainMs: 60_000 });
    expect(await b?.result).toMatchObject({
      status: 'cancelled',
      reason: 'runtime_shutdown',
      retryable: true,
      containerName: null,
    });
    await expect(runtime.runJob(job('c'))).rejects.toMatchObject({ code: 'runtime.closed' });
    expect(runtime.get(a?.runId ?? '')?.summary().state).toBe('running');
    gate.open('a');
    await closing;
    expect((await a?.result)?.status).toBe('succeeded');
    expect(created()).toEqual(['a']);
  });

  it('stops what runs when its time is over', async () => {
    const { runtime, gate } = await many();
    const a = runtime.startJob(job('a'));
    await gate.reached(1);
    await runtime.close({ drainMs: 20 });
    expect(await a.result).toMatchObject({ reason: 'runtime_shutdown' });
  });

  it('may be cut short by a second call, which ends with the first', async () => {
    const { runtime, gate, engine } = await many();
    const a = runtime.startJob(job('a'));
    await gate.reached(1);
    const first = runtime.close({ drainMs: Number.MAX_SAFE_INTEGER });
    const second = runtime.close({ drainMs: 120_000 });
    await runtime.close();
    expect(engine.leftovers()).toEqual([]);
    expect(await a.result).toMatchObject({ reason: 'runtime_shutdown' });
    await Promise.all([first, second]);
    await runtime.close({ drainMs: 60_000 });
  });

  it('is never lengthened by a second call', async () => {
    const { runtime, gate } = await many();
    const a = runtime.startJob(job('a'));
    await gate.reached(1);
    const first = runtime.close({ drainMs: 30 });
    await runtime.close({ drainMs: Number.MAX_SAFE_INTEGER });
    await first;
    expect(await a.result).toMatchObject({ reason: 'runtime_shutdown' });
  });

  it('of a paused runtime does not wait for those that wait', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 1 });
    const [a, b] = ['a', 'b'].map((name) => runtime.startJob(job(name)));
    await gate.reached(1);
    runtime.pause();
    gate.open('a');
    await a?.result;
    await runtime.close({ drainMs: 3_600_000 });
    expect(await b?.result).toMatchObject({ reason: 'runtime_shutdown', containerName: null });
    runtime.resume();
    await expect(runtime.runJob(job('c'))).rejects.toMatchObject({ code: 'runtime.closed' });
  });

  it('ends at once a run that rests between two attempts', async () => {
    const { runtime, created } = await many({}, { script: { run: () => ({ exitCode: 3 }) } });
    const retry = { maxAttempts: 2, on: ['user'], initialDelayMs: 30_000, jitter: 'none' } as const;
    const run = runtime.startJob(job('a'), { retry });
    for await (const { type } of run.events) if (type === 'attempt_end') break;
    await vi.waitFor(() => expect(run.summary()).toMatchObject({ phase: 'rest', state: 'queued' }), WAIT);
    await runtime.close({ drainMs: 3_600_000 });
    expect(await run.result).toMatchObject({ reason: 'runtime_shutdown' });
    expect(created()).toEqual(['a']);
  });

  it('comes with the end of the block', async () => {
    const { runtime, gate, engine } = await many();
    const handle = await (async () => {
      await using mine = runtime;
      const run = mine.startJob(job('a'));
      await gate.reached(1);
      return { result: run.result };
    })();
    expect(engine.leftovers()).toEqual([]);
    expect(await handle.result).toMatchObject({ reason: 'runtime_shutdown' });
  });
});

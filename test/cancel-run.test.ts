/** A run is listed and cancelled by a runtime that does not run it, through the store they share; the result says who asked. */
import type { FakeEngineScript } from 'berthkit/testing';
import {
  type AuditRecord,
  type JobDefinition,
  memoryRunStore,
  type NewRun,
  type RunHandle,
  type Runtime,
  type RunStore,
} from 'berthkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deadOwner, startChildOwner } from './host/child-owner.js';
import { setUp } from './run-fixture.js';

const JOB: JobDefinition = { slug: 'long', docker: { image: 'busybox:1', command: ['work'] } };

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

interface Pair {
  /** Runs the job. */
  readonly here: Runtime;
  /** Shares its store and its engine, nothing else. */
  readonly there: Runtime;
  readonly store: RunStore;
  readonly records: AuditRecord[];
  readonly begin: (runId: string, idempotencyKey?: string) => Promise<RunHandle>;
}

function pair(script: FakeEngineScript = {}): Pair {
  const store = memoryRunStore();
  const records: AuditRecord[] = [];
  const audit = async (record: AuditRecord): Promise<void> => {
    await Promise.resolve();
    records.push(record);
  };
  const started = vi.fn();
  // Ends only when it is stopped.
  const run: FakeEngineScript['run'] = async () => {
    started();
    return new Promise(() => undefined);
  };
  const config = { instanceId: 'shared', maxConcurrentRuns: 1 };
  const { engine, runtime: here } = setUp({ run, ...script }, { runStore: store, audit }, config);
  const { runtime: there } = setUp({}, { runStore: store, engine }, config);
  open.push(there, here);
  return {
    here,
    there,
    store,
    records,
    begin: async (runId, idempotencyKey) => {
      const handle = here.startJob(JOB, { runId, idempotencyKey });
      await vi.waitFor(() => {
        expect(started).toHaveBeenCalled();
      }, 10_000);
      return handle;
    },
  };
}

/** A run as another process claims it. */
function claimed(runtime: Runtime, fields: Partial<NewRun>): NewRun {
  const { plan } = runtime.explain(JOB);
  if (plan === null) throw new Error('no plan');
  const facts = { runId: 'r', key: null, requestHash: 'h', instance: 'shared', owner: 'o', jobSlug: 'left' };
  return { ...facts, metadata: {}, startedAt: new Date().toISOString(), plan, ...fields };
}

describe('a run', () => {
  it('is cancelled by a runtime that does not run it, which is named in its evidence and on record', async () => {
    const { there, begin, records } = pair();
    const handle = await begin('long-1', 'key');
    const report = await there.cancelRun('long-1', { reason: 'wrong month', by: 'ops@example' });
    expect(report).toMatchObject({ runId: 'long-1', outcome: 'cancelled', detail: 'it ended: cancelled' });
    const result = await handle.result;
    expect(report.end).toMatchObject({ outcome: 'result', result: { runId: 'long-1', status: 'cancelled' } });
    expect(result).toMatchObject({ status: 'cancelled', reason: 'cancelled', category: 'caller' });
    expect(result.evidence[0]).toMatchObject({ by: 'caller', what: 'asked for by ops@example: wrong month' });
    expect(result.message).toContain('asked for by ops@example: wrong month');
    expect(records.find(({ action }) => action === 'run_cancelled')).toMatchObject({
      by: 'caller',
      message: 'asked for by ops@example: wrong month',
    });
  });

  it('that waits for its place is cancelled, and never begun', async () => {
    const { here, there, begin } = pair();
    const first = await begin('first');
    const second = here.startJob(JOB, { runId: 'second' });
    await vi.waitFor(async () => {
      const states = (await there.openRuns()).map(({ runId, state }) => `${runId} ${state}`);
      expect(states).toEqual(['first running', 'second queued']);
    }, 10_000);
    expect(await there.cancelRun('second')).toMatchObject({ outcome: 'cancelled' });
    expect((await second.result).containerName).toBeNull();
    expect(here.get('first')?.summary().state).toBe('running');
    first.cancel();
    await first.result;
  });

  it('is cancelled by the runtime that runs it, too', async () => {
    const { here, begin } = pair();
    const handle = await begin('mine');
    expect(await here.cancelRun('mine', { reason: 'enough' })).toMatchObject({ outcome: 'cancelled' });
    expect((await handle.result).evidence[0]?.what).toMatch(/^asked for by \S+: enough$/);
  });

  it('that has ended is left with its end', async () => {
    const { here, there } = pair({ run: async () => Promise.resolve({ exitCode: 3 }) });
    await here.runJob(JOB, { runId: 'over' });
    expect(await there.cancelRun('over')).toMatchObject({
      outcome: 'ended',
      detail: 'it had ended before: non_zero_exit',
      end: { outcome: 'result', result: { exitCode: 3 } },
    });
  });

  it('goes on when nobody waits for its end any more, and ends all the same', async () => {
    const { there, begin } = pair();
    const handle = await begin('slow');
    expect(await there.cancelRun('slow', { waitMs: 0 })).toMatchObject({ outcome: 'pending', end: null });
    expect((await handle.result).status).toBe('cancelled');
  });

  it('of a dead process cannot be cancelled, and is told of at once', async () => {
    const { there, store } = pair();
    await store.putIfAbsent(claimed(there, { runId: 'left', owner: await deadOwner() }));
    const report = await there.cancelRun('left');
    expect(report).toMatchObject({ outcome: 'owner_dead', end: null });
    expect(report.detail).toMatch(/is gone; reconcile accounts for it$/);
    expect(await store.listCancelRequests('shared')).toEqual([]);
    expect(await there.openRuns()).toMatchObject([
      { runId: 'left', image: 'busybox:1', state: 'queued', step: null, ownerState: 'dead', container: null },
    ]);
  });

  it('whose process dies while its end is waited for is told of, too', async () => {
    const { there, store } = pair();
    const { owner, end } = await startChildOwner();
    await store.putIfAbsent(claimed(there, { runId: 'dying', owner }));
    const asked = there.cancelRun('dying');
    await vi.waitFor(async () => {
      expect(await store.listCancelRequests('shared')).toHaveLength(1);
    }, 10_000);
    await end();
    expect(await asked).toMatchObject({ outcome: 'owner_dead' });
  });

  it('that nobody knows, or of another instance, is a typed error', async () => {
    const { there, store } = pair();
    await store.putIfAbsent(claimed(there, { runId: 'theirs', instance: 'other' }));
    for (const runId of ['nobody', 'theirs']) {
      await expect(there.cancelRun(runId)).rejects.toMatchObject({
        code: 'run.not_found',
        kind: 'run',
        runId,
      });
    }
  });

  it('is not cancelled with options that cannot be used', async () => {
    const { there, begin } = pair();
    const handle = await begin('kept');
    const bad = [
      { reason: 'x'.repeat(501) },
      { by: 'x'.repeat(201) },
      { waitMs: -1 },
      { waitMs: Number.NaN },
    ];
    for (const options of bad) {
      await expect(there.cancelRun('kept', options)).rejects.toMatchObject({
        code: 'validation.invalid_job',
      });
    }
    expect(handle.summary().state).toBe('running');
  });

  it('of an id that is used again is not ended by word that was left for the first', async () => {
    const { there, store, begin } = pair();
    const listed = vi.spyOn(store, 'listCancelRequests');
    const handle = await begin('again');
    listed.mockResolvedValue([
      {
        instance: 'shared',
        runId: 'again',
        startedAt: '2020-01-01T00:00:00.000Z',
        by: 'x',
        reason: 'y',
        at: '',
      },
    ]);
    await vi.waitFor(() => {
      expect(listed.mock.results.length).toBeGreaterThan(1);
    }, 10_000);
    expect(handle.summary().state).toBe('running');
    listed.mockRestore();
    expect(await there.cancelRun('again')).toMatchObject({ outcome: 'cancelled' });
  });
});

describe('a store that fails', () => {
  it('keeps runs from being cancelled and listed, with a typed error', async () => {
    const { there, store } = pair();
    const broken = async (): Promise<never> => Promise.reject(new Error('no disk'));
    for (const call of ['get', 'listOpen', 'listLeases'] as const)
      vi.spyOn(store, call).mockImplementation(broken);
    await expect(there.cancelRun('any')).rejects.toMatchObject({ code: 'runtime.store_failed' });
    await expect(there.openRuns()).rejects.toMatchObject({ code: 'runtime.store_failed' });
  });

  it('while word is looked for harms nothing, and is asked again', async () => {
    const { there, store, begin } = pair();
    const listed = vi.spyOn(store, 'listCancelRequests').mockRejectedValue(new Error('no disk'));
    const handle = await begin('steady');
    await vi.waitFor(() => {
      expect(listed).toHaveBeenCalled();
    }, 10_000);
    listed.mockRestore();
    expect(await there.cancelRun('steady')).toMatchObject({ outcome: 'cancelled' });
    expect((await handle.result).warnings).toEqual([]);
  });
});

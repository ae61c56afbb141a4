/** A runtime in numbers: what they add up to, and their text, read as strictly as the format is written. On the fake engine. */
import { METRICS_CONTENT_TYPE, REASONS } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { job, many } from './many-fixture.js';
import { type Family, readOpenMetrics } from './openmetrics-reader.js';
import { DEFINITION, settle, setUp } from './run-fixture.js';

const valueOf = (families: ReadonlyMap<string, Family>, name: string, labels = {}): number | undefined =>
  families.get(name)?.samples.find((sample) => JSON.stringify(sample.labels) === JSON.stringify(labels))
    ?.value;

describe('stats', () => {
  it('say what runs, what waits and what that takes, also by key', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 2, budget: { cpus: 4, memoryBytes: '2GiB' } });
    runtime.startJob(job('a'), { concurrencyKey: 'busy' });
    runtime.startJob(job('b'), { concurrencyKey: 'busy' });
    const last = ['c', 'd'].map((name) => runtime.startJob(job(name)));
    await gate.reached(2);
    expect(runtime.stats()).toMatchObject({
      running: 2,
      queued: 2,
      resting: 0,
      reserved: { cpus: 2, memoryBytes: 2 * 512 * 1024 ** 2 },
      budget: { cpus: 4, memoryBytes: 2 * 1024 ** 3, workspaceBytes: null },
      isPaused: false,
      totals: { started: 4 },
    });
    const { keys } = runtime.stats();
    expect(keys.reduce((sum, { running }) => sum + running, 0)).toBe(2);
    expect(new Set(keys.map(({ concurrencyKey }) => concurrencyKey))).toEqual(new Set(['busy', null]));
    runtime.pause();
    expect(runtime.stats().isPaused).toBe(true);
    runtime.resume();
    gate.openAll();
    await Promise.all(last.map(async ({ result }) => result));
    await runtime.close();
    const after = runtime.stats();
    expect(after).toMatchObject({ running: 0, queued: 0, keys: [], isClosed: true });
    expect(after.reserved).toEqual({ cpus: 0, memoryBytes: 0, workspaceBytes: 0 });
    expect(after.totals.ended.completed).toBe(4);
  });

  it('count each end once, by reason or by code, with the times of its phases', async () => {
    const setup = setUp({
      run: async (work) => {
        await work.writeFile('/workspace/out.txt', 'four');
        return { exitCode: 0 };
      },
    });
    await setup.runtime.runJob({ docker: {} }).catch(() => undefined);
    setup.engine.goAway();
    await setup.runtime.runJob(DEFINITION).catch(() => undefined);
    setup.engine.comeBack();
    await setup.runtime.runJob(DEFINITION);
    await setup.runtime.runJob(DEFINITION, { signal: AbortSignal.abort() });
    await setup.runtime.close();
    const { totals } = setup.runtime.stats();
    const { ended, errors } = totals;
    expect(totals).toMatchObject({ started: 4, engineLosses: 1, collectedBytes: 4 });
    expect([ended.completed, ended.cancelled]).toEqual([1, 1]);
    expect([errors['validation.invalid_job'], errors['engine.unreachable']]).toEqual([1, 1]);
    const sum = [...Object.values(ended), ...Object.values(errors)].reduce((all, count) => all + count, 0);
    expect(sum).toBe(4);
    expect(totals.wholeRuns.count).toBe(4);
    expect(totals.phases.runMs.count).toBe(1);
  });
});

describe('metrics', () => {
  it('are OpenMetrics, and say what the stats say', async () => {
    const setup = setUp({ run: () => ({ exitCode: 3 }) }, {}, { budget: { cpus: 4, memoryBytes: '2GiB' } });
    await settle(setup, {}, { docker: { image: 'busybox:1' } });
    const families = readOpenMetrics(await setup.runtime.metrics());
    expect(METRICS_CONTENT_TYPE).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(valueOf(families, 'berthkit_runs_started')).toBe(1);
    expect(valueOf(families, 'berthkit_runs_ended', { status: 'failed', reason: 'non_zero_exit' })).toBe(1);
    expect(families.get('berthkit_runs_ended')?.samples).toHaveLength(Object.keys(REASONS).length);
    expect(valueOf(families, 'berthkit_budget_memory_bytes')).toBe(2 * 1024 ** 3);
    expect(valueOf(families, 'berthkit_closed')).toBe(1);
    const { sumMs } = setup.runtime.stats().totals.wholeRuns;
    const times = families.get('berthkit_run_duration_seconds');
    expect(times).toMatchObject({ type: 'histogram', unit: 'seconds' });
    expect(times?.samples.find(({ name }) => name.endsWith('_sum'))?.value).toBe(sumMs / 1000);
  });

  it('name no run, job, image, key or word of a caller, however many there are', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 50 });
    gate.openAll();
    await runtime.runJob(job('first'));
    const before = await runtime.metrics();
    for (let number = 0; number < 20; number += 1) {
      const odd = `odd-${String(number)}`;
      const definition = { slug: odd, docker: { image: `${odd}:1`, command: [odd] } };
      await runtime.runJob(definition, { runId: odd, concurrencyKey: odd, metadata: { [odd]: odd } });
    }
    const text = await runtime.metrics();
    expect(text).not.toContain('odd');
    expect(text.split('\n')).toHaveLength(before.split('\n').length);
    expect(valueOf(readOpenMetrics(text), 'berthkit_runs_started')).toBe(21);
    await runtime.close();
  });

  it.each([
    ['no end', '# TYPE a gauge\na 1\n'],
    ['a counter without its suffix', '# TYPE a counter\na 1\n# EOF\n'],
    ['a unit that is not in the name', '# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n'],
    ['a sample without a family', 'a 1\n# EOF\n'],
    ['a family in two places', '# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# HELP a b\n# EOF\n'],
    ['a sample twice', '# TYPE a gauge\na 1\na 2\n# EOF\n'],
    ['no number', '# TYPE a gauge\na null\n# EOF\n'],
    ['a quote in a label', '# TYPE a gauge\na{b="c"d"} 1\n# EOF\n'],
    [
      'a count that is not the last bucket',
      '# TYPE a histogram\na_bucket{le="1.0"} 1\na_bucket{le="+Inf"} 2\na_count 3\na_sum 1\n# EOF\n',
    ],
    [
      'buckets that shrink',
      '# TYPE a histogram\na_bucket{le="1.0"} 2\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1\n# EOF\n',
    ],
  ])('would not be read with %s', (_what, text) => {
    expect(() => readOpenMetrics(text)).toThrow();
  });
});

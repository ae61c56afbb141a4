/** What the calls of a runtime may be told: an option that cannot be used is refused by its name before anything is done. On the fake engine. */
import type { RunJobsOptions, Runtime } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { job, many } from './many-fixture.js';

type Call = (runtime: Runtime, options: never) => Promise<unknown>;

const CALLS: Readonly<Record<string, Call>> = {
  close: async (runtime, options) => runtime.close(options),
  cancelAll: async (runtime, options) => runtime.cancelAll(options),
  cancelRun: async (runtime, options) => runtime.cancelRun('any', options),
  reconcile: async (runtime, options) => runtime.reconcile(options),
  openRuns: async (runtime, options) => runtime.openRuns(options),
  doctor: async (runtime, options) => runtime.doctor(options),
  'images.gc': async (runtime, options) => runtime.images.gc(options),
};

const NUMBER = 'must be a number of milliseconds, 0 or more';
const CHOICE = 'must be true or false';

describe('a call', () => {
  it.each<[keyof typeof CALLS, unknown, string]>([
    ['close', { drainMs: 'abc' }, `options.drainMs ${NUMBER}`],
    ['close', { drainMs: -1 }, `options.drainMs ${NUMBER}`],
    ['close', { drainMs: Number.NaN }, `options.drainMs ${NUMBER}`],
    ['close', { drainMs: null }, `options.drainMs ${NUMBER}`],
    ['close', { drainMS: 5 }, 'options.drainMS is unknown; did you mean "drainMs"?'],
    ['close', null, 'options must be an object'],
    ['close', 30_000, 'options must be an object'],
    ['cancelAll', { reason: 5 }, 'options.reason must be text'],
    ['cancelAll', { reason: null }, 'options.reason must be text'],
    ['cancelAll', { filter: null }, 'filter must be an object with any of state, jobSlug, metadata'],
    ['cancelAll', { filters: {} }, 'options.filters is unknown; did you mean "filter"?'],
    ['cancelAll', 'enough', 'options must be an object'],
    ['cancelAll', null, 'options must be an object'],
    ['cancelRun', { waitMS: 5 }, 'options.waitMS is unknown; did you mean "waitMs"?'],
    ['cancelRun', { waitMs: '5' }, 'options.waitMs must be a number of milliseconds from 0 to 86400000'],
    ['cancelRun', { reason: 5 }, 'options.reason must be text of at most 500 characters'],
    ['cancelRun', null, 'options must be an object'],
    ['reconcile', { dryrun: true }, 'options.dryrun is unknown; did you mean "dryRun"?'],
    ['reconcile', { dryRun: 'yes' }, `options.dryRun ${CHOICE}`],
    ['reconcile', { adopts: 0 }, `options.adopts ${CHOICE}`],
    ['reconcile', null, 'options must be an object'],
    ['openRuns', { all: 1 }, `options.all ${CHOICE}`],
    ['openRuns', { instances: true }, 'options.instances is unknown; known are all'],
    ['doctor', { image: 5 }, 'options.image must be a reference to an image, as text'],
    ['doctor', { images: 'a' }, 'options.images is unknown; did you mean "image"?'],
    ['images.gc', { dryrun: true }, 'options.dryrun is unknown; did you mean "dryRun"?'],
    ['images.gc', { dryRun: 1 }, `options.dryRun ${CHOICE}`],
  ])('%s with %j is refused, and nothing is done', async (name, options, message) => {
    const { runtime, gate, engine } = await many();
    const run = runtime.startJob(job('a'));
    await gate.reached(1);
    const before = engine.calls.length;
    const call = CALLS[name];
    await expect(call?.(runtime, options as never)).rejects.toMatchObject({
      code: 'validation.invalid_job',
      message: expect.stringContaining(message) as string,
      details: { issues: [{ path: message.slice(0, message.indexOf(' ')) }] },
    });
    expect(engine.calls.slice(before)).toEqual([]);
    expect(run.summary().state).toBe('running');
    gate.openAll();
    expect((await run.result).status).toBe('succeeded');
    expect((await runtime.runJob(job('b'))).status).toBe('succeeded');
  });

  it('cancelAll cancels all when it is told nothing, and says who it was', async () => {
    const { runtime, gate } = await many();
    const runs = ['a', 'b'].map((name) => runtime.startJob(job(name)));
    await gate.reached(2);
    expect(await runtime.cancelAll()).toBe(2);
    for (const { result } of runs) {
      const { reason, message } = await result;
      expect({ reason, message }).toMatchObject({
        reason: 'cancelled',
        message: expect.stringContaining('cancelled by the caller') as string,
      });
    }
  });

  it('a filter of runs that is none is refused by its name', async () => {
    const { runtime } = await many();
    for (const filter of [null, 'all', [], { states: 'ended' }])
      expect(() => runtime.runs(filter as never)).toThrow(/^filter/);
  });

  it.each([
    [{ timeoutMS: 5 }, 'options.timeoutMS', 'is unknown; did you mean "timeoutMs"?'],
    [{ timeoutMs: 'soon' }, 'options.timeoutMs', 'must be a whole number from 1 to 86400000'],
    [{ retry: 3 }, 'options.retry', 'must be an object'],
    [{ parameters: { a: 1n } }, 'options.parameters', 'must be JSON values only'],
    [{ profile: 5 }, 'options.profile', 'must be the name of a profile'],
    [null, 'options', 'must be an object'],
  ])('explain with %o says so beside what is wrong with the definition', async (options, path, message) => {
    const { runtime } = await many();
    const issue = { code: 'validation.invalid_option', path, message };
    const explanation = runtime.explain({ docker: { image: 5 } }, options as never);
    expect(explanation).toMatchObject({ decision: null, plan: null, dockerRun: null, pending: [] });
    expect(explanation.validation).toMatchObject({ ok: false, issues: [issue, { path: 'docker.image' }] });
    expect(runtime.explain(job('a'), options as never).validation).toMatchObject({
      ok: false,
      issues: [issue],
    });
  });

  it('validate takes a profile and nothing else', async () => {
    const { runtime } = await many();
    expect(runtime.validate(job('a'), { profil: 'x' } as never)).toMatchObject({
      ok: false,
      issues: [{ path: 'options.profil', message: 'is unknown; did you mean "profile"?' }],
    });
    expect(runtime.validate(job('a'), { profile: undefined }).ok).toBe(true);
  });

  it('options that cannot be read make neither explain nor validate throw', async () => {
    const { runtime } = await many();
    const options = Object.defineProperty({}, 'profile', {
      enumerable: true,
      get: () => {
        throw new Error('s3cret');
      },
    });
    const issues = [{ code: 'validation.invalid_option', path: 'options', message: 'cannot be read' }];
    expect(runtime.explain(job('a'), options).validation).toMatchObject({ ok: false, issues });
    expect(runtime.validate(job('a'), options)).toMatchObject({ ok: false, issues });
  });

  it('runJobs with a name that no run knows is refused before a definition is read', async () => {
    const { runtime } = await many();
    let read = 0;
    function* definitions(): Generator<ReturnType<typeof job>> {
      read += 1;
      yield job('a');
    }
    const options = { concurencyKey: 'x' } as RunJobsOptions<ReturnType<typeof job>>;
    await expect(runtime.runJobs(definitions(), options).next()).rejects.toMatchObject({
      code: 'validation.invalid_job',
      message: 'options.concurencyKey is unknown; did you mean "concurrencyKey"?',
    });
    expect(read).toBe(0);
  });
});

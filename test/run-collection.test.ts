/** What a run says of its outputs when not all of them could be collected. */
import {
  type JobDefinition,
  memoryStorage,
  type RunOptions,
  type RunResult,
  type StorageAdapter,
} from 'berthkit';
import { describe, expect, it } from 'vitest';
import { settle, setUp, type Setup } from './run-fixture.js';

/** An upload of `name`, under its name, to the storage of that id. */
const upload = (name: string, backendMountId: string, more: object = {}) => ({
  workspacePath: name,
  upload: { backendMountId, pathTemplate: name, ...more },
});
const jobWith = (...outputs: readonly object[]): JobDefinition =>
  ({ docker: { image: 'busybox:1', outputs } }) as JobDefinition;

/** Storages for `first`, which takes everything, and for `second`, which does with it what it is told; the job leaves a file for each. */
const setUpTwo = (write: StorageAdapter['write'], exitCode = 0): Setup & { readonly first: typeof first } => {
  const first = memoryStorage();
  const { stat, list, read } = memoryStorage();
  const run: NonNullable<Parameters<typeof setUp>[0]>['run'] = async (job) => {
    for (const name of ['one', 'two']) await job.writeFile(`/workspace/${name}`, name);
    return { exitCode };
  };
  const setup = setUp({ run }, { storage: { first, second: { stat, list, read, write } } });
  return { ...setup, first };
};
const states = (result: RunResult | undefined): readonly string[] =>
  (result?.outputs ?? []).map(({ workspacePath, state }) => `${workspacePath}: ${state}`);
const resultOf = (outcome: Awaited<ReturnType<typeof settle>>): RunResult | undefined =>
  'outputs' in outcome ? outcome : outcome.result;
const refuse = async (): Promise<never> => Promise.reject(new Error('no room'));

describe('a collection that is broken off', () => {
  const OUTPUTS = [upload('one', 'first'), upload('two', 'second'), upload('three', 'first')];
  const untilAborted: StorageAdapter['write'] = async (_path, _body, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });

  /** Breaks it off once the first storage has its file and the second hangs. */
  const breakOff = async (exitCode: number, options: (setup: Setup) => RunOptions) => {
    const setup = setUpTwo(untilAborted, exitCode);
    const outcome = await settle(setup, options(setup), jobWith(...OUTPUTS));
    expect(Object.keys(setup.first.files())).toEqual(['one']);
    return outcome;
  };
  const cancelling = (): RunOptions => {
    const controller = new AbortController();
    return {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type !== 'output_collected' || event.output.workspacePath !== 'one') return;
        controller.abort(new Error('enough'));
      },
    };
  };
  const ALL = ['one: uploaded', 'two: failed', 'three: missing'];

  it('by a cancellation lists what is stored, and the rest as failed', async () => {
    const outcome = await breakOff(0, cancelling);
    expect(outcome).toMatchObject({ status: 'cancelled', exitCode: 0 });
    expect(states(resultOf(outcome))).toEqual(ALL);
    expect(resultOf(outcome)?.outputs[0]?.files[0]?.uploaded).toEqual({
      backendMountId: 'first',
      path: 'one',
    });
    expect(resultOf(outcome)?.warnings).toEqual(['collecting the outputs was broken off: enough']);
  });

  it('says so also where the job’s own failure stands', async () => {
    const outcome = await breakOff(3, cancelling);
    expect(outcome).toMatchObject({ status: 'failed', reason: 'non_zero_exit', exitCode: 3 });
    expect(states(resultOf(outcome))).toEqual(ALL);
    expect(resultOf(outcome)?.warnings).toEqual(['collecting the outputs was broken off: enough']);
  });

  it('by its deadline is an error whose result lists them, and is no success where one is missing', async () => {
    const outcome = await breakOff(0, () => ({ timeouts: { collectMs: 3000 } }));
    expect(outcome).toMatchObject({
      code: 'storage.collect_timed_out',
      result: { status: 'failed', reason: 'output_missing' },
    });
    expect(states(resultOf(outcome))).toEqual(ALL);
  });

  it('before anything was looked at has failed for every output that was wanted', async () => {
    const setup = setUpTwo(refuse, 3);
    const controller = new AbortController();
    const onEvent: RunOptions['onEvent'] = ({ type }) => {
      if (type === 'collect_start') controller.abort(new Error('enough'));
    };
    const unwanted = { ...upload('two', 'second'), when: 'success' };
    const outcome = await settle(
      setup,
      { signal: controller.signal, onEvent },
      jobWith(upload('one', 'first'), unwanted),
    );
    expect(outcome).toMatchObject({ status: 'failed', reason: 'non_zero_exit' });
    expect(states(resultOf(outcome))).toEqual(['one: failed', 'two: skipped']);
    expect(setup.first.files()).toEqual({});
  });
});

describe('an upload that fails', () => {
  it('does not hide that a required output is missing', async () => {
    const outcome = await settle(
      setUpTwo(refuse),
      {},
      jobWith(upload('two', 'second'), upload('three', 'first')),
    );
    expect(outcome).toMatchObject({
      code: 'storage.failed',
      result: { status: 'failed', reason: 'output_missing', exitCode: 0 },
    });
    expect(states(resultOf(outcome))).toEqual(['two: failed', 'three: missing']);
  });

  it('does not hide that another output was refused', async () => {
    const outcome = await settle(
      setUpTwo(refuse),
      {},
      jobWith(upload('two', 'second'), upload('one', 'first', { mode: 'directory' })),
    );
    expect(outcome).toMatchObject({
      code: 'storage.failed',
      result: { status: 'failed', reason: 'output_rejected' },
    });
    expect(resultOf(outcome)?.evidence.map(({ what }) => what)).toContain(
      'output one was refused: is a file where the definition wants a folder',
    );
  });
});

describe('an output that is refused', () => {
  const asFolder = upload('one', 'first', { mode: 'directory' });
  const why = 'output one was refused: is a file where the definition wants a folder';

  it.each([
    [0, 'output_rejected'],
    [3, 'non_zero_exit'],
  ])('is told of with its reason, whatever the job came to: exit code %i', async (exitCode, reason) => {
    const outcome = await settle(setUpTwo(refuse, exitCode), {}, jobWith(asFolder));
    expect(outcome).toMatchObject({ status: 'failed', reason, exitCode });
    expect(states(resultOf(outcome))).toEqual(['one: rejected']);
    expect(resultOf(outcome)?.warnings).toEqual([why]);
  });
});

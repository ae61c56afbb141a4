/** A container that runs is followed to its end, its deadlines or a stop, and the engine is asked only where the end does not explain itself. */
import { EngineError } from 'berthkit';
import { fakeEngine, type FakeEngine, type FakeEngineScript, type FakeJob } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { EngineContainers, OutputChunk } from '../../src/engine/types.js';
import { listenTo } from '../../src/execute/listening.js';
import type { StopCause } from '../../src/execute/stop.js';
import { CANCELLED, executing } from './execution-fixture.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

const sleeping = { run: async (job: FakeJob) => job.sleepUntilKilled() };
/** The name of the one container. */
const nameOf = (fake: FakeEngine): string => fake.leftovers()[0] ?? '';
const isAsked = ({ calls }: FakeEngine): boolean => calls.some(({ call }) => call === 'events');

/** Output that is over at once. */
async function* silence(): AsyncGenerator<OutputChunk> {
  yield* await Promise.resolve([]);
}

/** A job during which something befalls it from outside. */
async function befallen(
  befall: (fake: FakeEngine) => void,
  script: FakeEngineScript = {},
  change?: (containers: EngineContainers, fake: FakeEngine) => Partial<EngineContainers>,
) {
  const execution = await executing(
    {
      run: async (job) => {
        befall(execution.fake);
        return job.sleepUntilKilled();
      },
      ...script,
    },
    {},
    change,
  );
  const ending = await execution.execute();
  const from = execution.story.indexOf('started') + 1;
  return { ...execution, ending, seen: execution.story.slice(from) };
}

describe('a deadline', () => {
  it('ends a container that runs too long, politely', async () => {
    const { story, execute } = await executing(sleeping, { runMs: 30 });
    expect(await execute()).toMatchObject({
      stop: { reason: 'timed_out', by: 'deadline', message: 'exceeded its timeout of 30 ms', at: 'now' },
      info: { exitCode: 143 },
      logsComplete: true,
    });
    expect(story.slice(-2)).toEqual(['kill', 'signal_sent SIGTERM']);
  });

  it('ends a container that says nothing', async () => {
    const { execute } = await executing(sleeping, { idleOutputMs: 30 });
    expect(await execute()).toMatchObject({
      stop: { reason: 'idle_timed_out', by: 'deadline', message: 'wrote no output for 30 ms' },
    });
  });

  describe('on a clock that is moved', () => {
    useFakeTimersInEachTest();

    it('leaves alone a container that speaks and ends in time, and is over with it', async () => {
      const { execute } = await executing(
        {
          run: async (job) => {
            for (let count = 0; count < 5; count += 1) {
              await new Promise((resolve) => setTimeout(resolve, 900));
              await job.stdout('a');
            }
            return { exitCode: 0 };
          },
        },
        { idleOutputMs: 1_000, runMs: 5_000 },
      );
      const ended = vi.fn();
      void execute().then(ended);
      await vi.advanceTimersByTimeAsync(4_900);
      expect(ended.mock.lastCall).toMatchObject([{ stop: null, info: { exitCode: 0 }, logsComplete: true }]);
    });
  });
});

describe('a stop', () => {
  it.each<[StopCause['reason'], string[]]>([
    ['cancelled', ['kill', 'signal_sent SIGTERM']],
    ['log_limit_exceeded', ['kill', 'signal_sent SIGTERM']],
    ['disk_limit_exceeded', ['kill', 'signal_sent SIGKILL']],
    ['output_limit_exceeded', ['kill', 'signal_sent SIGKILL']],
  ])('for %s is carried out: what fills the disk gets no grace', async (reason, wanted) => {
    const { stop, story, execute } = await executing(sleeping, {
      onStarted: () => {
        stop.stop({ ...CANCELLED, reason });
      },
    });
    expect(await execute()).toMatchObject({ stop: { reason, by: 'caller', at: 'now' } });
    expect(story.slice(story.indexOf('start') + 1)).toEqual(wanted);
  });

  it('has its grace before the container is killed', async () => {
    const { stop, story, execute } = await executing(
      {
        run: async (job) => {
          job.onSignal('SIGTERM', () => undefined);
          stop.stop(CANCELLED);
          return job.sleepUntilKilled();
        },
      },
      { stopGraceMs: 20 },
    );
    expect(await execute()).toMatchObject({ info: { exitCode: 137 } });
    expect(story.filter((each) => each.startsWith('signal_sent'))).toEqual([
      'signal_sent SIGTERM',
      'signal_sent SIGKILL',
    ]);
  });

  it('that comes after the end changes nothing', async () => {
    const { stop, story, execute } = await executing({ run: () => ({ exitCode: 0 }) });
    const ending = await execute();
    stop.stop(CANCELLED);
    expect(ending).toMatchObject({ stop: null, info: { exitCode: 0 } });
    expect(story).not.toContain('kill');
  });

  it('explains the end: the engine is not asked about it', async () => {
    const { fake, execute } = await executing(sleeping, { runMs: 20 });
    await execute();
    expect(isAsked(fake)).toBe(false);
  });
});

describe('an end', () => {
  it.each([0, 1, 3, 255, 139])('with exit code %s explains itself at the first look', async (exitCode) => {
    let looks = 0;
    const { fake, execute } = await executing({ run: () => ({ exitCode }) }, {}, ({ inspect }) => ({
      inspect: async (...given) => {
        const info = await inspect(...given);
        if (info?.status === 'exited') looks += 1;
        return info;
      },
    }));
    expect(await execute()).toMatchObject({ info: { exitCode } });
    expect([isAsked(fake), looks]).toEqual([false, 1]);
  });

  it.each([
    ['SIGTERM', 143, 15],
    ['SIGKILL', 137, 9],
  ] as const)('by a %s from elsewhere is one the engine is asked about', async (name, exitCode, signal) => {
    const { ending, seen } = await befallen((fake) => {
      fake.killExternally(nameOf(fake), name);
    });
    expect(ending).toMatchObject({ stop: null, info: { exitCode } });
    expect(seen).toEqual([`signal_through_engine ${String(signal)}`]);
  });

  it('by the removal of the container is one the engine is asked about', async () => {
    const { ending, seen } = await befallen((fake) => {
      fake.disappear(nameOf(fake));
    });
    expect(ending).toMatchObject({ stop: null, info: null });
    expect(seen).toContain('removed_through_engine');
  });

  it('by a removal that is under way is told from a kill by a second look', async () => {
    let looks = 0;
    const { ending, seen } = await befallen(
      (engine) => {
        engine.killExternally(nameOf(engine));
      },
      {},
      ({ inspect }, fake) => ({
        inspect: async (id, options) => {
          const info = await inspect(id, options);
          if (info?.status !== 'exited') return info;
          looks += 1;
          if (looks === 1) return info;
          fake.disappear(id);
          return { ...info, status: 'removing' };
        },
      }),
    );
    expect(ending).toMatchObject({ info: { status: 'removing' } });
    expect(seen).toEqual(['signal_through_engine 9', 'removed_through_engine']);
  });

  it('is what was seen of it where a second look fails', async () => {
    let looks = 0;
    const { ending } = await befallen(
      (engine) => {
        engine.killExternally(nameOf(engine));
      },
      {},
      ({ inspect }) => ({
        inspect: async (...given) => {
          const info = await inspect(...given);
          if (info?.status === 'exited') looks += 1;
          if (looks > 1) throw new Error('busy');
          return info;
        },
      }),
    );
    expect(ending).toMatchObject({ info: { status: 'exited', exitCode: 137 } });
  });

  it('is known, and its output incomplete, where the engine was away meanwhile', async () => {
    const unreachable = new EngineError('engine.unreachable', 'gone');
    const { ending, seen } = await befallen(() => undefined, {
      run: () => ({ exitCode: 0 }),
      fail: [{ call: 'containers.wait', times: 1, error: unreachable }],
    });
    expect(ending).toMatchObject({ stop: null, info: { exitCode: 0 }, logsComplete: false });
    expect(seen).toEqual(['engine_lost', 'engine_back', 'engine_stayed']);
  });
});

describe('output', () => {
  it('that comes before its silence counts is handed on', async () => {
    const said: string[] = [];
    async function* output(): AsyncGenerator<OutputChunk> {
      yield await Promise.resolve({ stream: 'stdout', bytes: Buffer.from('early') });
    }
    const listening = listenTo(
      {
        engine: fakeEngine(),
        onOutput: async ({ bytes }) => Promise.resolve(void said.push(Buffer.from(bytes).toString())),
        onWarning: () => undefined,
      },
      'c',
      { output: output(), stdin: null, close: () => undefined },
    );
    expect([await listening.drained(), said]).toEqual([true, ['early']]);
    listening.close();
  });

  it('that nobody takes is not complete', async () => {
    const { execute } = await executing(
      {
        run: async (job) => {
          await job.stdout('a');
          return { exitCode: 0 };
        },
      },
      { onOutput: async () => Promise.reject(new Error('no')) },
    );
    expect(await execute()).toMatchObject({ logsComplete: false, info: { exitCode: 0 } });
  });

  it('that ends before its container does is not complete, and why is asked of the engine', async () => {
    let looks = 0;
    let end: () => void = () => undefined;
    const looked = new Promise<void>((resolve) => (end = resolve));
    const { fake, execute } = await executing(
      {
        run: async () => {
          await looked;
          return { exitCode: 0 };
        },
      },
      {},
      ({ attach, inspect }) => ({
        attach: async (...given) => ({ ...(await attach(...given)), output: silence() }),
        inspect: async (...given) => {
          const info = await inspect(...given);
          looks += 1;
          // The first look is before the start.
          if (looks === 2) end();
          return info;
        },
      }),
    );
    expect(await execute()).toMatchObject({ logsComplete: false, info: { exitCode: 0 } });
    expect(isAsked(fake)).toBe(true);
  });
});

describe('usage', () => {
  it('is looked at once more when a container is about to be stopped', async () => {
    const { stop, execute } = await executing({
      run: async (job) => {
        job.use({ memoryBytes: 700, cpuTimeMs: 3 });
        stop.stop(CANCELLED);
        return job.sleepUntilKilled();
      },
    });
    expect(await execute()).toMatchObject({ usage: { peakMemoryBytes: 700, cpuTimeMs: 3 } });
  });
});

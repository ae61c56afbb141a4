/** A container is created, attached to, compared, started and followed, in that order; what cannot be started says why, and what was not started never runs. */
import { EngineError } from 'berthkit';
import type { EngineCall, FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { EngineContainers } from '../../src/engine/types.js';
import { CANCELLED, executing } from './execution-fixture.js';
import { checkingSignals } from './signal-check.js';

const AWAY = new EngineError('engine.unreachable', 'gone');
const called = (calls: readonly { readonly call: string }[], name: string): number =>
  calls.filter(({ call }) => call === name).length;

/** Calls with an attachment whose end is told. */
function closing(story: string[]) {
  return ({ attach }: EngineContainers): Partial<EngineContainers> => ({
    attach: async (...given) => {
      const attachment = await attach(...given);
      return {
        ...attachment,
        close: () => {
          story.push('close');
          attachment.close();
        },
      };
    },
  });
}

describe('a container', () => {
  it('is created, attached to, started and followed to its end, and let go of', async () => {
    const closed: string[] = [];
    const { story, said, execute } = await executing(
      {
        run: async (job) => {
          await job.stdout('hello');
          return { exitCode: 3 };
        },
      },
      {},
      closing(closed),
    );
    expect(await execute()).toMatchObject({
      ...{ stop: null, startExitCode: null, logsComplete: true, usage: null },
      info: { status: 'exited', exitCode: 3 },
    });
    expect(story).toEqual(['create', 'created', 'attach', 'start', 'started']);
    expect([said, closed]).toEqual([['hello'], ['close']]);
  });

  it('tells its id and what the engine warned of before anything else is done with it', async () => {
    const told: unknown[] = [];
    const { story, execute } = await executing(
      {},
      {
        onCreated: async (...given) => {
          told.push(given);
          await new Promise((resolve) => setImmediate(resolve));
          told.push([...story]);
        },
      },
      ({ create }) => ({
        create: async (...given) => ({ ...(await create(...given)), warnings: ['no swap'] }),
      }),
    );
    const { info } = await execute();
    expect(told).toEqual([[info?.id, ['no swap']], ['create']]);
  });

  it('is heard of as started before what it says, however late the engine answers', async () => {
    let ended = (): void => undefined;
    const atEnd = new Promise<void>((resolve) => (ended = resolve));
    const order: string[] = [];
    const { execute } = await executing(
      {
        run: async (job) => {
          await job.stdout('all of it');
          ended();
          return { exitCode: 0 };
        },
      },
      {
        onStarted: () => void order.push('started'),
        onOutput: async ({ bytes }) => Promise.resolve(void order.push(Buffer.from(bytes).toString())),
      },
      ({ start }) => ({
        start: async (...given) => {
          await start(...given);
          await atEnd;
          // The output is on its way by now.
          await new Promise((resolve) => setTimeout(resolve, 50));
        },
      }),
    );
    expect(await execute()).toMatchObject({ logsComplete: true, info: { exitCode: 0 } });
    expect(order).toEqual(['started', 'all of it']);
  });

  it('hears its standard input to the end', async () => {
    async function* stdin(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('a'));
      yield Buffer.from('b');
    }
    const { said, execute } = await executing(
      {
        run: async (job) => {
          for await (const chunk of job.stdin) await job.stdout(chunk);
          return { exitCode: 0 };
        },
      },
      { stdin: stdin() },
    );
    await execute();
    expect(said.join('')).toBe('ab');
  });

  it.each([
    [true, 'some'],
    [false, 'none'],
  ])('is attached to with standard input (%s) where it gets %s', async (hasStdin) => {
    const asked: boolean[] = [];
    const stdin = {
      [Symbol.asyncIterator]: async function* () {
        yield* await Promise.resolve([]);
      },
    };
    const { execute } = await executing({}, { stdin: hasStdin ? stdin : null }, ({ attach }) => ({
      attach: async (id, options) => {
        asked.push(options.stdin);
        return attach(id, options);
      },
    }));
    await execute();
    expect(asked).toEqual([hasStdin]);
  });

  it('that is not what was asked for is not started', async () => {
    const script: FakeEngineScript = { applied: () => ({ privileged: true }) };
    const { story, execute } = await executing(script);
    await expect(execute()).rejects.toMatchObject({ code: 'policy.violated' });
    expect(story).not.toContain('start');
    const unchecked = await executing(script, { attestedImage: null });
    expect(await unchecked.execute()).toMatchObject({ info: { exitCode: 0 } });
  });
});

describe('a run that is stopped before its container starts', () => {
  it('does not break off its creation, which would take effect all the same', async () => {
    let signal: AbortSignal | undefined;
    const { stop, story, execute } = await executing({}, {}, ({ create }) => ({
      create: async (spec, options) => {
        ({ signal } = options ?? {});
        stop.stop(CANCELLED);
        return create(spec, options);
      },
    }));
    await expect(execute()).rejects.toMatchObject({ name: 'AbortError', message: 'enough' });
    expect(signal?.aborted).toBe(false);
    expect(story).toContain('created');
    expect(story).not.toContain('start');
  });

  it('never starts it, and lets go of it', async () => {
    const closed: string[] = [];
    // The last thing that is done before the start is to tell this.
    const { stop, fake, story, execute } = await executing(
      {
        limitsSwap: false,
        applied: ({ resources }) => ({ resources: { ...resources, swapBytes: null } }),
      },
      {
        onWarning: () => {
          stop.stop(CANCELLED);
        },
      },
      closing(closed),
    );
    await expect(execute()).rejects.toMatchObject({ name: 'AbortError', message: 'enough' });
    expect(story).toEqual(['create', 'created', 'attach']);
    expect(called(fake.calls, 'containers.start')).toBe(0);
    expect(closed).toEqual(['close']);
  });
});

describe('a start', () => {
  it.each([126, 127] as const)('that is refused for the entry point is an end: %s', async (startExitCode) => {
    const closed: string[] = [];
    const { story, fake, execute } = await executing({ startExitCode }, {}, closing(closed));
    expect(await execute()).toEqual({
      ...{ stop: null, startExitCode, logsComplete: true, usage: null },
      info: expect.objectContaining({
        status: 'created',
        error: `the entry point cannot be executed (${String(startExitCode)})`,
      }) as unknown,
    });
    expect(story).not.toContain('started');
    expect(called(fake.calls, 'containers.wait')).toBe(0);
    expect(closed).toEqual(['close']);
  });

  it('that is refused is told of in its own words where the engine writes none down', async () => {
    const { execute } = await executing({ startExitCode: 127 }, {}, ({ inspect }) => ({
      inspect: async (...given) => {
        const info = await inspect(...given);
        return info === null ? null : { ...info, error: '' };
      },
    }));
    expect(await execute()).toMatchObject({
      info: { error: 'the entry point cannot be executed (127)' },
      startExitCode: 127,
    });
  });

  it('that is refused while the run is stopped tells of the stop, too', async () => {
    const { stop, execute } = await executing({ startExitCode: 127 }, {}, ({ start }) => ({
      start: async (...given) => {
        stop.stop(CANCELLED);
        return start(...given);
      },
    }));
    expect(await execute()).toMatchObject({ stop: { reason: 'cancelled' }, startExitCode: 127 });
  });

  it.each([
    ['the engine is away', AWAY],
    [
      'it fails with another exit code',
      new EngineError('engine.failed', 'no', { details: { exitCode: 125 } }),
    ],
    ['anything else', new TypeError('a bug')],
  ])('that fails because %s fails the run', async (_, error) => {
    const { story, execute } = await executing({ fail: [{ call: 'containers.start', error }] });
    await expect(execute()).rejects.toBe(error);
    expect(story).not.toContain('started');
  });

  it('of which only the answer was lost has taken place', async () => {
    const { story, execute } = await executing({
      run: () => ({ exitCode: 4 }),
      fail: [{ call: 'containers.start', error: AWAY, when: 'after' }],
    });
    expect(await execute()).toMatchObject({ info: { exitCode: 4 }, startExitCode: null });
    expect(story).toContain('started');
  });

  it.each<[string, (fake: EngineContainers) => Partial<EngineContainers>]>([
    ['is gone', () => ({ inspect: async () => Promise.resolve(null) })],
    ['cannot be looked at', () => ({ inspect: async () => Promise.reject(new Error('busy')) })],
  ])('that fails has failed where the container %s', async (_, change) => {
    const fail = [{ call: 'containers.start' as const, error: AWAY }];
    const { execute } = await executing({ fail }, { attestedImage: null }, change);
    await expect(execute()).rejects.toBe(AWAY);
  });
});

describe('a call to the engine', () => {
  it.each<[string, FakeEngineScript]>([
    ['of an ordinary end', {}],
    ['of a refused start', { startExitCode: 126 }],
    [
      'of a start whose answer was lost',
      { fail: [{ call: 'containers.start', error: AWAY, when: 'after' }] },
    ],
    ['of an end that is looked at twice', { run: () => ({ exitCode: 137 }) }],
  ])('%s has a signal by which it can be given up', async (_, script) => {
    const without: string[] = [];
    const { execute } = await executing(script, {}, (containers) => checkingSignals(containers, without));
    await execute();
    expect(without).toEqual([]);
  });

  it.each<[string, EngineCall]>([
    ['create', 'containers.create'],
    ['attach', 'containers.attach'],
    ['inspect', 'containers.inspect'],
    ['start', 'containers.start'],
  ])('that hangs is told by its name: %s', async (name, call) => {
    vi.useFakeTimers();
    try {
      const { execute } = await executing({ fail: [{ call, hang: true }] });
      const told = vi.fn();
      execute().catch(told);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(told.mock.lastCall).toMatchObject([
        { code: 'engine.unreachable', message: `the engine did not answer "${name}" within 60000 ms` },
      ]);
    } finally {
      vi.useRealTimers();
    }
  });
});

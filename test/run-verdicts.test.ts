/** Who ended a run, and how that is told: recorded causes, signals, a lost engine, strangers and the kernel, on the fake engine. */
import { Writable } from 'node:stream';
import type { ContainerEngine, RunOptions, RunResult } from 'berthkit';
import type { FakeEngine, FakeEngineScript, FakeExit, FakeJob } from 'berthkit/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DEFINITION, settle, setUp } from './run-fixture.js';

const told = (outcome: unknown): readonly string[] =>
  (outcome as RunResult).evidence.map(({ by, what }) => `${by}: ${what}`);

describe('an end by SIGKILL that was not ours', () => {
  const killedUnseen = () => ({ exitCode: 137, oomEvent: true });

  it('is for lack of memory where only the events of the engine tell', async () => {
    const outcome = await settle(setUp({ run: killedUnseen }));
    expect(outcome).toMatchObject({ reason: 'oom_killed', category: 'limit', oomKilled: true });
    expect(told(outcome)).toEqual([
      'kernel: exit code 137: killed for lack of memory',
      'kernel: the engine noticed a kill for lack of memory',
    ]);
  });

  it.each([
    ['has no events', { events: false }],
    ['fails to tell them', { fail: [{ call: 'events' }] as const }],
    ['never tells them', { fail: [{ call: 'events', hang: true }] as const }],
  ])('is named for what is known where the engine %s', async (_name, script) => {
    const outcome = await settle(setUp({ run: killedUnseen, ...script }));
    expect(outcome).toMatchObject({ status: 'failed', reason: 'signaled', exitCode: 137 });
    expect(told(outcome)).toEqual([
      'stranger: exit code 137: killed from outside, or unseen for lack of memory',
    ]);
  });

  it('blames no stranger where the engine cannot tell of memory', async () => {
    const outcome = await settle(setUp({ run: () => ({ exitCode: 137, oomKilled: null }) }));
    expect(outcome).toMatchObject({ status: 'failed', reason: 'signaled', exitCode: 137, oomKilled: null });
    expect(told(outcome)).toEqual([
      'job: exit code 137: killed, and the engine cannot tell whether for lack of memory',
    ]);
  });

  it('asks nothing of the events when the end explains itself', async () => {
    for (const exitCode of [0, 3, 139]) {
      const setup = setUp({ run: () => ({ exitCode, oomKilled: true }) });
      await settle(setup);
      expect(setup.engine.calls.map(({ call }) => call)).not.toContain('events');
    }
  });
});

describe('a container that is gone', () => {
  it('was removed by a stranger: the removal and the signal are told', async () => {
    const setup = setUp({
      run: (job) => {
        setTimeout(() => {
          setup.engine.disappear(job.spec.name);
        }, 0);
        return job.sleepUntilKilled();
      },
    });
    expect(told(await settle(setup))).toEqual([
      'stranger: the container was removed while it ran',
      'stranger: SIGKILL was sent through the engine, not by us',
      'stranger: the container was removed through the engine, not by us',
    ]);
  });

  it('before it was started is no success, although wait says that it ended', async () => {
    const setup = setUp({}, { engine: undefined });
    const lying: ContainerEngine = {
      ...setup.engine,
      containers: {
        ...setup.engine.containers,
        start: async (id) => {
          setup.engine.disappear(id);
          return Promise.resolve();
        },
      },
    };
    const real = setUp({}, { engine: lying });
    const outcome = await settle({ ...real, engine: setup.engine });
    expect(outcome).toMatchObject({ status: 'failed', reason: 'externally_removed', exitCode: null });
  });
});

describe('an engine that is lost and comes back', () => {
  /** Away for a while; what happens to the job meanwhile is up to the test. */
  const away = (
    script: FakeEngineScript,
    {
      restarted,
      meanwhile,
      job = (own) => own.sleepUntilKilled(),
    }: {
      readonly restarted: boolean;
      readonly meanwhile?: (engine: FakeEngine, name: string) => void;
      readonly job?: (own: FakeJob) => Promise<FakeExit>;
    },
  ): ReturnType<typeof setUp> => {
    const setup = setUp({
      ...script,
      run: async (own) => {
        setup.engine.goAway();
        setTimeout(() => {
          if (restarted) setup.engine.comeBack({ restarted });
          meanwhile?.(setup.engine, own.spec.name);
          setup.engine.comeBack();
        }, 600);
        const exit = await job(own);
        await own.writeFile('/workspace/out.txt', 'late').catch(() => undefined);
        return exit;
      },
    });
    return setup;
  };
  const inTime = async (): Promise<FakeExit> => {
    await new Promise((resolve) => setTimeout(resolve, 700));
    return { exitCode: 0 };
  };

  it('is told beside what the job came to', async () => {
    const outcome = await settle(away({}, { restarted: false, job: inTime }));
    expect(outcome).toMatchObject({ status: 'succeeded', logsComplete: false });
    expect(told(outcome)).toEqual([
      'job: exit code 0',
      'engine: the engine could not be reached',
      'engine: the engine answered again',
      'engine: the engine was there all the time: only the connection was lost',
    ]);
  });

  it('after a restart that ends nothing, it is what the job came to', async () => {
    const outcome = await settle(away({ liveRestore: true }, { restarted: true, job: inTime }));
    expect(outcome).toMatchObject({ status: 'succeeded', logsComplete: false });
    expect(told(outcome).at(-1)).toBe('engine: the engine was restarted, and what runs on it goes on');
  });

  it.each([
    ['is killed', 137, (job: FakeJob) => job.sleepUntilKilled()],
    [
      'ends by itself at the signal',
      0,
      async (job: FakeJob) => {
        await new Promise<void>((resolve) => {
          job.onSignal('SIGTERM', resolve);
        });
        return { exitCode: 0 };
      },
    ],
  ])(
    'and ends what runs: the run was interrupted, its logs are incomplete; the job %s',
    async (_name, exitCode, job) => {
      const setup = away(
        { liveRestore: false },
        {
          restarted: true,
          job,
          meanwhile: (engine, name) => {
            engine.killExternally(name, exitCode === 0 ? 'SIGTERM' : 'SIGKILL');
          },
        },
      );
      const outcome = await settle(setup);
      expect(outcome).toMatchObject({
        status: 'failed',
        reason: 'interrupted',
        exitCode,
        retryable: true,
        logsComplete: false,
      });
      expect(told(outcome)).toEqual([
        `engine: exit code ${String(exitCode)} when the engine was restarted`,
        'engine: the engine could not be reached',
        'engine: the engine answered again',
        'engine: the engine was restarted, which ends what runs on it',
        `engine: ${exitCode === 0 ? 'SIGTERM' : 'SIGKILL'} was sent through the engine, not by us`,
      ]);
    },
  );

  it('does not answer for what a stranger did while only the connection was lost', async () => {
    const outcome = await settle(
      away(
        {},
        {
          restarted: false,
          meanwhile: (engine, name) => {
            engine.killExternally(name);
          },
        },
      ),
    );
    expect(outcome).toMatchObject({ status: 'failed', reason: 'signaled', exitCode: 137 });
  });

  it('is blamed for a kill where it has no events to tell otherwise', async () => {
    const outcome = await settle(
      away(
        { events: false },
        {
          restarted: true,
          meanwhile: (engine, name) => {
            engine.killExternally(name);
          },
        },
      ),
    );
    expect(outcome).toMatchObject({ status: 'failed', reason: 'interrupted', exitCode: 137 });
  });
});

describe('a stop', () => {
  it('is told with each signal and what it came to', async () => {
    const setup = setUp({
      run: (job) => {
        job.onSignal('SIGTERM', () => undefined);
        return job.sleepUntilKilled();
      },
    });
    expect(told(await settle(setup, { timeoutMs: 20 }))).toEqual([
      'deadline: exceeded its timeout of 20 ms',
      'deadline: SIGTERM was sent',
      'deadline: SIGKILL was sent',
      'deadline: exit code 137',
    ]);
  });

  /** Ends the job, then cancels while its output is still being read. */
  const cancelInDrain = async (exitCode: number): Promise<readonly [unknown, ReturnType<typeof setUp>]> => {
    const setup = setUp({
      run: async (job) => {
        await job.writeFile('/workspace/out.txt', 'x');
        await job.stdout('held back\n');
        return { exitCode };
      },
    });
    const controller = new AbortController();
    const stdout = new Writable({
      // It waits for each piece.
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => {
        void (async () => {
          const looked = (): boolean => setup.engine.calls.some(({ call }) => call === 'containers.inspect');
          await vi.waitUntil(looked, { timeout: 30_000, interval: 5 });
          for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
          expect(setup.events.map(({ type }) => type)).not.toContain('container_exited');
          controller.abort(new Error('too late'));
          done();
        })();
      },
    });
    return [await settle(setup, { stdout, signal: controller.signal }), setup];
  };

  it('that comes after a failure of the job’s own leaves it standing', async () => {
    const [outcome] = await cancelInDrain(3);
    expect(outcome).toMatchObject({ status: 'failed', reason: 'non_zero_exit', exitCode: 3 });
  });

  it('that comes after a success, before its outputs are stored, is a cancellation that stores none', async () => {
    const [outcome, setup] = await cancelInDrain(0);
    expect(outcome).toMatchObject({ status: 'cancelled', exitCode: 0 });
    expect(told(outcome)).toEqual(['caller: too late', 'job: exit code 0']);
    expect(setup.out.files()).toEqual({});
  });

  it('for too much output counts also when the job ended before it was read', async () => {
    const run = async (job: { stdout(data: string): Promise<void> }): Promise<{ exitCode: number }> => {
      await job.stdout('x'.repeat(20_000));
      return { exitCode: 0 };
    };
    const config = { policy: { limits: { max: { outputBytes: 10_000 } } } };
    expect(await settle(setUp({ run }, {}, config))).toMatchObject({
      reason: 'log_limit_exceeded',
      exitCode: 0,
    });
  });
});

describe('the message', () => {
  /** Of a job with this command that wrote this as its last line. */
  const messageOf = async (command: string, line: string, options: RunOptions = {}): Promise<string> => {
    const setup = setUp({
      run: async (job) => {
        await job.stderr(`${line}\n`);
        return { exitCode: 3 };
      },
    });
    const definition = { docker: { image: 'busybox:1', command: ['sh', '-c', command] } };
    return ((await settle(setup, options, definition)) as RunResult).message;
  };

  it('is one line that steers no terminal', async () => {
    const message = await messageOf('echo a\necho b', '\u001b[31mred\rover\u001b[0m');
    expect(message).toContain('command: sh -c echo a\\necho b,');
    expect(message).toContain('last stderr: \\u001b[31mred\\rover\\u001b[0m)');
    const cancelled = await messageOf('true', '', { signal: AbortSignal.abort('one\ntwo') });
    expect(cancelled).toContain('was cancelled: one\\ntwo (');
  });

  it('has no half of a character, and no half of a secret, where a long text is cut', async () => {
    const cut = await messageOf('a'.repeat(232) + '😀'.repeat(9), '');
    expect(Buffer.from(cut).toString()).toBe(cut);
    const secrets = { key: 'correct-horse-battery' };
    const message = await messageOf(`${'a'.repeat(220)} ${secrets.key}`, '', { secrets });
    expect(message).not.toContain('correct');
  });
});

describe('a container that nothing ends', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('does not keep the run from its end: signals, force, clean-up, each within its bound', async () => {
    const setup = setUp({ stuck: true, run: (job) => job.sleepUntilKilled() });
    let name = '';
    const running = setup.runtime.runJob(DEFINITION, {
      timeoutMs: 60_000,
      onEvent: (event) => {
        if (event.type !== 'container_started') return;
        name = event.containerName;
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      },
    });
    // Time is put forward only while nothing is waited for but the container.
    while (name === '') await new Promise(setImmediate);
    const isGivenUp = (): boolean => setup.events.some(({ type }) => type === 'cleanup_error');
    for (let passedMs = 0; !isGivenUp() && passedMs < 600_000; passedMs += 250) {
      await vi.advanceTimersByTimeAsync(250);
      await new Promise(setImmediate);
    }
    vi.useRealTimers();
    const result = await running;
    expect(result).toMatchObject({ status: 'timed_out', exitCode: null });
    expect(told(result)).toEqual([
      'deadline: exceeded its timeout of 60000 ms',
      'deadline: SIGTERM was sent',
      'deadline: SIGKILL was sent',
      'engine: the container is still "running"',
    ]);
    expect(result.warnings).toEqual([
      'the container did not end after SIGKILL; it is removed by force',
      expect.stringContaining('could not remove the container by force'),
      expect.stringContaining('clean-up of the container failed'),
    ]);
    expect(setup.events.filter(({ type }) => type === 'run_end')).toHaveLength(1);
    setup.engine.disappear(name);
    await setup.runtime.close();
  });
});

/** Runs that are tried more than once, on the fake engine: what is tried again, what every attempt gets anew, and what remains of it all. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRuntime,
  EngineError,
  type JobDefinition,
  type JobRuntimeError,
  memoryStorage,
  type RunEvent,
  type RunOptions,
  type RunResult,
  type Runtime,
  type RuntimeConfigInput,
  type RuntimePorts,
} from 'berthkit';
import { fakeEngine, type FakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berthkit-attempts-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const DEFINITION: JobDefinition = {
  slug: 'job',
  retry: { maxAttempts: 3, backoff: 'exponential', initialDelayMs: 100, jitter: 'equal' },
  docker: { image: 'busybox:1', command: ['work'] },
};

interface Setup {
  readonly engine: FakeEngine;
  readonly runtime: Runtime;
  readonly events: RunEvent[];
  /** Every pause that was begun, in milliseconds. */
  readonly pauses: number[];
}

function setUp(script: FakeEngineScript, ports: RuntimePorts = {}, config: RuntimeConfigInput = {}): Setup {
  const events: RunEvent[] = [];
  const pauses: number[] = [];
  const engine = fakeEngine(script);
  const pause = async (milliseconds: number): Promise<void> => {
    pauses.push(milliseconds);
    await Promise.resolve();
  };
  const runtime = createRuntime(
    { workspaceRoot: join(folder, 'root'), stopGraceMs: 1000, ...config },
    {
      engine,
      random: () => 0.5,
      clock: { now: () => Date.now(), monotonic: () => performance.now(), pause },
      onEvent: (event) => events.push(event),
      ...ports,
    },
  );
  return { engine, runtime, events, pauses };
}

async function settle(
  { runtime, engine, events }: Setup,
  definition: JobDefinition = DEFINITION,
  options: RunOptions = {},
): Promise<RunResult | JobRuntimeError> {
  const outcome = await runtime.runJob(definition, options).catch((error: unknown) => error);
  await runtime.close();
  expect(engine.leftovers()).toEqual([]);
  expect(engine.protocolErrors).toEqual([]);
  expect(await readdir(join(folder, 'root')).catch(() => [])).toEqual([]);
  const types = events.map(({ type }) => type);
  expect(types.filter((type) => type === 'run_start')).toHaveLength(1);
  expect(types.filter((type) => type === 'run_end')).toHaveLength(1);
  expect(types.filter((type) => type === 'attempt_end')).toHaveLength(
    types.filter((type) => type === 'attempt_start').length,
  );
  return outcome as RunResult | JobRuntimeError;
}

const failing = (times: number): FakeEngineScript => ({
  fail: [{ call: 'containers.create', times, error: new EngineError('engine.failed', 'no luck') }],
});

describe('a run that is tried again', () => {
  it('succeeds in the end, and every attempt is recorded', async () => {
    const setup = setUp(failing(2));
    const result = await settle(setup, DEFINITION, { runId: 'r1' });
    expect(result).toMatchObject({ status: 'succeeded', attempt: 3 });
    expect((result as RunResult).attempts).toMatchObject([
      { attempt: 1, status: null, reason: null, code: 'engine.failed', message: 'no luck' },
      { attempt: 2, status: null, reason: null, code: 'engine.failed', message: 'no luck' },
      { attempt: 3, status: 'succeeded', reason: 'completed', code: null },
    ]);
    expect(setup.pauses).toEqual([75, 150]);
    const ends = setup.events.filter(({ type }) => type === 'attempt_end');
    expect(ends).toMatchObject([
      { attempt: 1, code: 'engine.failed', retryInMs: 75 },
      { attempt: 2, code: 'engine.failed', retryInMs: 150 },
      { attempt: 3, code: null, reason: 'completed', retryInMs: null },
    ]);
    expect(setup.events.at(-1)).toMatchObject({ type: 'run_end', attempt: 3 });
    expect(setup.engine.calls.filter(({ call }) => call === 'containers.create')).toMatchObject([
      { target: 'berthkit-job-r1-1' },
      { target: 'berthkit-job-r1-2' },
      { target: 'berthkit-job-r1-3' },
    ]);
  });

  it('fails with the last error, which lists the attempts', async () => {
    const outcome = await settle(setUp(failing(9)));
    expect(outcome).toMatchObject({ code: 'engine.failed', attempt: 3 });
    expect((outcome as JobRuntimeError).details['attempts']).toMatchObject([
      { attempt: 1 },
      { attempt: 2 },
      { attempt: 3, code: 'engine.failed' },
    ]);
  });

  it('after an end of the job only where that is asked for', async () => {
    const exits = [3, 4, 0];
    const script: FakeEngineScript = { run: () => ({ exitCode: exits.shift() ?? 99 }) };
    expect(await settle(setUp(script))).toMatchObject({ reason: 'non_zero_exit', exitCode: 3, attempt: 1 });
    exits.splice(0, 9, 3, 4, 0);
    const result = await settle(setUp(script), DEFINITION, { retry: { on: ['user'] } });
    expect(result).toMatchObject({ status: 'succeeded', attempt: 3 });
    expect((result as RunResult).attempts.map(({ reason }) => reason)).toEqual([
      'non_zero_exit',
      'non_zero_exit',
      'completed',
    ]);
  });

  it('after a timeout where that is asked for: each attempt has a deadline of its own', async () => {
    let started = 0;
    const script: FakeEngineScript = {
      run: async (job) => {
        started += 1;
        return started < 3 ? job.sleepUntilKilled() : { exitCode: 0 };
      },
    };
    const result = await settle(setUp(script), DEFINITION, { timeoutMs: 50, retry: { on: ['limit'] } });
    expect(result).toMatchObject({ status: 'succeeded', attempt: 3 });
    expect((result as RunResult).attempts.map(({ reason }) => reason)).toEqual([
      'timed_out',
      'timed_out',
      'completed',
    ]);
  });

  it('begins with a fresh workspace, fresh secrets and the attempt in its labels', async () => {
    const seen: unknown[] = [];
    let resolved = 0;
    const setup = setUp(
      {
        run: async (job) => {
          const before = await job.readFile('/workspace/mark').then(
            () => 'a mark',
            () => 'no mark',
          );
          await job.writeFile('/workspace/mark', 'x');
          await job.stdout(`${job.environment['TOKEN'] ?? ''} and token-value-1\n`);
          seen.push([before, job.environment['TOKEN'], job.spec.labels['berthkit.attempt']]);
          return { exitCode: seen.length < 2 ? 1 : 0 };
        },
      },
      { resolveSecret: () => Promise.resolve(`token-value-${String((resolved += 1))}`) },
    );
    const environment = { TOKEN: { secret: { source: 'store', key: 'token' } } } as const;
    const result = await settle(
      setup,
      { ...DEFINITION, docker: { ...DEFINITION.docker, environment } },
      { retry: { on: ['user'] } },
    );
    expect(seen).toEqual([
      ['no mark', 'token-value-1', '1'],
      ['no mark', 'token-value-2', '2'],
    ]);
    // What the first attempt knew may still turn up in the second.
    expect((result as RunResult).stdout.text).toBe('*** and ***\n');
    expect(JSON.stringify([result, setup.events])).not.toContain('token-value');
  });

  it('counts on from the number the caller gives', async () => {
    const setup = setUp(failing(1));
    const result = await settle(setup, DEFINITION, { attempt: 5 });
    expect(result).toMatchObject({ attempt: 6, attempts: [{ attempt: 5 }, { attempt: 6 }] });
    expect(setup.events[0]).toMatchObject({ type: 'run_start', attempt: 5 });
  });

  it('keeps what earlier attempts warned of', async () => {
    const script: FakeEngineScript = {
      ...failing(0),
      run: () => ({ exitCode: 1 }),
      fail: [{ call: 'containers.remove', times: 1 }],
    };
    const setup = setUp(script);
    const outcome = await setup.runtime.runJob(DEFINITION, { retry: { on: ['user'], maxAttempts: 2 } });
    expect(outcome.attempt).toBe(2);
    expect(outcome.warnings.join()).toContain('clean-up of the container failed');
    expect(setup.engine.leftovers()).toHaveLength(1);
    await setup.runtime.close();
  });
});

describe('a run is not tried again', () => {
  it('without being asked to', async () => {
    const setup = setUp(failing(1));
    expect(await settle(setup, { slug: 'job', docker: DEFINITION.docker })).toMatchObject({
      code: 'engine.failed',
      attempt: 1,
    });
    expect(setup.pauses).toEqual([]);
  });

  it('for a failed upload once the job has run', async () => {
    const outputs = [
      { workspacePath: 'out', upload: { backendMountId: 'out', pathTemplate: 'out' } },
    ] as const;
    let ran = 0;
    const script: FakeEngineScript = {
      run: async (job) => {
        ran += 1;
        await job.writeFile('/workspace/out', 'x');
        return { exitCode: 0 };
      },
    };
    const out = memoryStorage();
    const broken = { ...out, write: () => Promise.reject(new Error('the disk is full')) };
    const definition = { ...DEFINITION, docker: { ...DEFINITION.docker, outputs } };
    const outcome = await settle(setUp(script, { storage: { out: broken } }), definition);
    expect(outcome).toMatchObject({ code: 'storage.failed', result: { status: 'succeeded' } });
    expect(ran).toBe(1);
  });

  it('when it is refused, and that has one attempt', async () => {
    const setup = setUp({}, {}, { retry: { max: { maxAttempts: 2 } } });
    const outcome = await settle(setup);
    expect(outcome).toMatchObject({ code: 'policy.denied', attempt: 1 });
    expect((outcome as JobRuntimeError).message).toContain('maxAttempts 3 is more than the 2 allowed');
    expect(setup.events.map(({ type }) => type)).toEqual([
      'run_start',
      'attempt_start',
      'attempt_end',
      'run_end',
    ]);
  });

  it.each([
    ['attempt', { attempt: 0 }],
    ['attempt', { attempt: 1.5 }],
    ['retry.maxAttempts', { retry: { maxAttempts: 11 } }],
    ['retry.on.0', { retry: { on: ['caller' as never] } }],
    ['retry', { retry: { strategy: 'fixed' } as never }],
  ])('with an option that is none: %s in %j', async (path, options) => {
    const outcome = await settle(setUp({}), DEFINITION, options);
    expect((outcome as JobRuntimeError).code).toBe('validation.invalid_job');
    expect((outcome as JobRuntimeError).message).toContain(`options.${path}`);
  });

  it('when too many runs wait for another attempt', async () => {
    const setup = setUp(failing(9), {}, { maxQueuedRuns: 0 });
    const outcome = await settle(setup);
    expect(outcome).toMatchObject({ code: 'engine.failed', attempt: 1 });
    const warnings = setup.events.filter(({ type }) => type === 'warning');
    expect(warnings).toMatchObject([{ message: expect.stringContaining('too many runs') as string }]);
  });
});

describe('a run that is stopped between two attempts', () => {
  const waiting = () => {
    let isWaiting: () => void = () => undefined;
    const rested = new Promise<void>((resolve) => (isWaiting = resolve));
    const pause = async (_: number, signal: AbortSignal): Promise<void> => {
      isWaiting();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    };
    const clock = { now: () => Date.now(), monotonic: () => performance.now(), pause };
    return { rested, clock };
  };

  it('by its caller is cancelled at once, and tells of the attempts there were', async () => {
    const { rested, clock } = waiting();
    const setup = setUp({ run: () => ({ exitCode: 3 }) }, { clock });
    const run = setup.runtime.startJob(DEFINITION, { retry: { on: ['user'] } });
    await rested;
    expect(run.summary()).toMatchObject({ state: 'queued', phase: 'rest', attempt: 1 });
    run.cancel('enough');
    const result = await run.result;
    expect(result).toMatchObject({
      status: 'cancelled',
      reason: 'cancelled',
      attempt: 1,
      attempts: [{ attempt: 1, reason: 'non_zero_exit' }],
    });
    expect(result.message).toContain('enough');
    expect(setup.engine.calls.filter(({ call }) => call === 'containers.create')).toHaveLength(1);
    await setup.runtime.close();
  });

  it('by the end of the runtime ends with it', async () => {
    const { rested, clock } = waiting();
    const setup = setUp(failing(9), { clock });
    const run = setup.runtime.startJob(DEFINITION);
    await rested;
    await setup.runtime.close();
    expect(await run.result).toMatchObject({ status: 'cancelled', reason: 'runtime_shutdown' });
    expect(setup.events.filter(({ type }) => type === 'run_end')).toHaveLength(1);
  });

  it('holds no place meanwhile', async () => {
    const { rested, clock } = waiting();
    let jobs = 0;
    const script = { run: () => ({ exitCode: (jobs += 1) === 1 ? 3 : 0 }) };
    const setup = setUp(script, { clock }, { maxConcurrentRuns: 1 });
    const run = setup.runtime.startJob(DEFINITION, { retry: { on: ['user'] } });
    await rested;
    expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
    run.cancel();
    await run.result;
    await setup.runtime.close();
  });
});

describe('streams of the caller', () => {
  const bytes = async function* (...texts: readonly string[]): AsyncGenerator<Uint8Array> {
    for (const text of texts) yield await Promise.resolve(Buffer.from(text));
  };
  const reading = (seen: string[], exits: number[]): FakeEngineScript => ({
    run: async (job) => {
      let stdin = '';
      for await (const chunk of job.stdin) stdin += Buffer.from(chunk).toString();
      seen.push(`${stdin} ${Buffer.from(await job.readFile('/workspace/a')).toString()}`);
      return { exitCode: exits.shift() ?? 0 };
    },
  });

  it('reach every attempt', async () => {
    const seen: string[] = [];
    const options = { stdin: bytes('in', 'put'), files: { a: bytes('fi', 'le') } };
    const result = await settle(setUp(reading(seen, [1, 1])), DEFINITION, {
      ...options,
      retry: { on: ['user'] },
    });
    expect(result).toMatchObject({ status: 'succeeded', attempt: 3 });
    expect(seen).toEqual(['input file', 'input file', 'input file']);
  });

  it('that fail while they are staged end the run: nobody can read them again', async () => {
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      yield await Promise.reject(new Error('the sender hung up'));
    };
    const setup = setUp({});
    const options = { files: { a: broken() }, retry: { on: ['infrastructure', 'user'] } } as const;
    expect(await settle(setup, DEFINITION, options)).toMatchObject({
      code: 'validation.invalid_job',
      retryable: false,
      attempt: 1,
      message: 'files.a: the stream failed, and cannot be read again: the sender hung up',
    });
    expect(setup.engine.calls.map(({ call }) => call)).not.toContain('containers.create');
  });

  it('that were too large to be kept reach the first one whole, and there is no second', async () => {
    const seen: string[] = [];
    const setup = setUp(reading(seen, [1]), {}, { maxFileBytes: 4 });
    const options = { stdin: bytes('in', 'put'), files: { a: 'file' } };
    const result = await settle(setup, DEFINITION, { ...options, retry: { on: ['user'] } });
    expect(result).toMatchObject({ reason: 'non_zero_exit', attempt: 1 });
    expect((result as RunResult).warnings).toEqual([
      'there is no further attempt: the stream for standard input has more than 4 bytes and was not kept',
    ]);
    expect(seen).toEqual(['input file']);
  });
});

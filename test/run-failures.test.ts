/** Every way a run can fail on its way, on the fake engine: nothing is left behind, one run_end, and the first cause is the one reported. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import {
  EngineError,
  type JobDefinition,
  type JobRuntimeError,
  memoryStorage,
  PolicyError,
  type RunResult,
  type StorageAdapter,
} from 'berthkit';
import type { EngineCall, FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { DEFINITION, SECRET, settle, type Setup, setUp, testFolder } from './run-fixture.js';

describe('the engine fails at', () => {
  it('nothing: the run succeeds', async () => {
    const setup = setUp();
    expect(await settle(setup, { runId: 'r1' })).toMatchObject({ status: 'succeeded' });
    expect(Object.keys(setup.out.files())).toEqual(['r1/out.txt']);
    // How often its use is read is up to how long the job takes.
    const calls = setup.engine.calls.map(({ call }) => call).filter((call) => call !== 'containers.stats');
    expect(calls).toEqual([
      'info',
      'images.inspect',
      'containers.create',
      'containers.attach',
      'containers.inspect',
      'containers.start',
      'containers.wait',
      'containers.inspect',
      'containers.remove',
    ]);
  });

  it.each<[EngineCall, 'before' | 'after', string]>([
    ['images.inspect', 'before', 'pull'],
    ['containers.create', 'before', 'create'],
    ['containers.create', 'after', 'create'],
    ['containers.attach', 'before', 'create'],
    ['containers.attach', 'after', 'create'],
    ['containers.start', 'before', 'create'],
  ])('%s (%s it took effect)', async (call, when, phase) => {
    // Before secrets are resolved nobody could echo one.
    const echo = phase === 'pull' ? 'nothing' : SECRET;
    const error = new EngineError('engine.failed', `broken by ${echo}`, { cause: new Error(echo) });
    const outcome = await settle(setUp({ fail: [{ call, when, times: 1, error }] }));
    expect(outcome).toMatchObject({ code: 'engine.failed', phase });
    expect((outcome as JobRuntimeError).message).toBe(
      phase === 'pull' ? 'broken by nothing' : 'broken by ***',
    );
    expect((outcome as JobRuntimeError).stack).not.toContain(SECRET);
  });

  it('the answer to the start, and the run goes on', async () => {
    expect(
      await settle(setUp({ fail: [{ call: 'containers.start', when: 'after', times: 1 }] })),
    ).toMatchObject({ status: 'succeeded' });
  });

  it('wait and some looks, and the truth is found in the end', async () => {
    const fail = [
      { call: 'containers.wait', times: 2 },
      // The first look compares the container with its plan.
      { call: 'containers.inspect', skip: 1, times: 2, error: new EngineError('engine.unreachable', 'away') },
    ] as const;
    expect(await settle(setUp({ fail }))).toMatchObject({ status: 'succeeded', logsComplete: false });
  });

  it('the removal, once: it is said, and the result stands', async () => {
    const { engine, runtime, events } = setUp({ fail: [{ call: 'containers.remove', times: 1 }] });
    const result = await runtime.runJob(DEFINITION);
    expect(result).toMatchObject({ status: 'succeeded' });
    expect(result.warnings.join()).toContain('clean-up of the container failed');
    expect(events.filter(({ type }) => type === 'cleanup_error')).toHaveLength(1);
    expect(engine.leftovers()).toHaveLength(1);
    expect(await readdir(join(testFolder(), 'root'))).toEqual([]);
  });
});

describe('what the engine applied', () => {
  it.each<[string, NonNullable<FakeEngineScript['applied']>, RegExp]>([
    ['keeps capabilities', () => ({ capabilities: ['SYS_ADMIN'] }), /capabilitiesDropped: \["SYS_ADMIN"\]/],
    ['is another network', () => ({ networkMode: 'bridge' }), /networkMode: "bridge" instead of "none"/],
    [
      'is another value of a secret variable, which is not told',
      ({ environment }) => ({
        environment: environment.map(({ name, value }) => ({ name, value: `${value}!` })),
      }),
      /environment\.TOKEN: another value instead of the value given/,
    ],
    ['differs in much', () => ({ privileged: true, user: '', init: false }), /init: false.*privileged: true/],
  ])('%s: nothing is started', async (_, applied, message) => {
    const setup = setUp({ applied });
    const outcome = await settle(setup);
    expect(outcome).toBeInstanceOf(PolicyError);
    expect(outcome).toMatchObject({ code: 'policy.violated', phase: 'create', result: undefined });
    expect((outcome as JobRuntimeError).message).toMatch(message);
    expect((outcome as JobRuntimeError).details['differences']).not.toEqual([]);
    const calls = setup.engine.calls.map(({ call }) => call);
    expect(calls).not.toContain('containers.start');
    expect(calls.at(-1)).toBe('containers.remove');
    expect(setup.out.files()).toEqual({});
  });

  it('cannot be told: a warning, or a refusal before anything is made, as the operator chooses', async () => {
    const warned = await settle(setUp({ applied: null }));
    expect(warned).toMatchObject({ status: 'succeeded' });
    const warnings = (warned as RunResult).warnings.filter((each) =>
      each.includes('cannot tell what it applied'),
    );
    expect(warnings).toHaveLength(1);
    const setup = setUp({ applied: null }, {}, { policy: { security: { requireAttestation: true } } });
    expect(await settle(setup)).toMatchObject({ code: 'engine.unsupported' });
    expect(setup.engine.calls.map(({ call }) => call)).toEqual(['info']);
  });

  it('is open swap: a warning where the kernel cannot limit it, a violation where it can', async () => {
    const applied: FakeEngineScript['applied'] = ({ resources }) => ({
      resources: { ...resources, swapBytes: null },
    });
    const warned = await settle(setUp({ applied, limitsSwap: false }));
    expect(warned).toMatchObject({ status: 'succeeded' });
    expect((warned as RunResult).warnings.join()).toContain('cannot limit swap');
    expect(await settle(setUp({ applied }))).toMatchObject({ code: 'policy.violated' });
    const more: FakeEngineScript['applied'] = (faithful) => ({ ...applied(faithful), init: false });
    expect(await settle(setUp({ applied: more, limitsSwap: false }))).toMatchObject({
      code: 'policy.violated',
    });
  });

  it('cannot be looked at: the run fails and nothing is started', async () => {
    const setup = setUp({ fail: [{ call: 'containers.inspect', times: 1 }] });
    expect(await settle(setup)).toMatchObject({ code: 'engine.failed', phase: 'create' });
    expect(setup.engine.calls.map(({ call }) => call)).not.toContain('containers.start');
  });

  it('is gone with its container: the run fails and nothing is started', async () => {
    const setup: Setup = setUp(
      {},
      {
        onEvent: (event) => {
          setup.events.push(event);
          if (event.type === 'container_created') setup.engine.disappear(event.containerName);
        },
      },
    );
    expect(await settle(setup)).toMatchObject({ code: 'engine.not_found' });
    expect(setup.engine.calls.map(({ call }) => call)).not.toContain('containers.start');
  });

  it('is looked at while a stop comes: cancelled, and nothing is started', async () => {
    const setup = setUp({ fail: [{ call: 'containers.inspect', hang: true }] });
    const cancelled = new AbortController();
    const running = settle(setup, {
      signal: cancelled.signal,
      onEvent: ({ type }) => {
        if (type === 'container_created')
          setTimeout(() => {
            cancelled.abort('enough');
          }, 10);
      },
    });
    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(setup.engine.calls.map(({ call }) => call)).not.toContain('containers.start');
  });
});

describe('the container', () => {
  it('cannot be started: the job is at fault, not the engine', async () => {
    expect(await settle(setUp({ startExitCode: 127 }))).toMatchObject({
      status: 'failed',
      reason: 'start_failed',
      exitCode: 127,
    });
  });

  it('is removed by a stranger', async () => {
    const setup = setUp({
      run: (job) => {
        setTimeout(() => {
          setup.engine.disappear(job.spec.name);
        }, 0);
        return job.sleepUntilKilled();
      },
    });
    expect(await settle(setup)).toMatchObject({ status: 'failed', reason: 'externally_removed' });
  });

  it('is killed by a stranger', async () => {
    const setup = setUp({
      run: (job) => {
        setTimeout(() => {
          setup.engine.killExternally(job.spec.name);
        }, 0);
        return job.sleepUntilKilled();
      },
    });
    expect(await settle(setup)).toMatchObject({
      status: 'failed',
      reason: 'signaled',
      exitCode: 137,
      evidence: [
        { by: 'stranger', what: 'exit code 137: killed through the engine' },
        { by: 'stranger', what: 'SIGKILL was sent through the engine, not by us' },
      ],
    });
  });

  it('runs out of memory', async () => {
    expect(await settle(setUp({ run: () => ({ exitCode: 137, oomKilled: true }) }))).toMatchObject({
      reason: 'oom_killed',
      category: 'limit',
      oomKilled: true,
    });
  });

  it('outlives its engine for a while', async () => {
    const setup = setUp({
      run: async (job) => {
        setup.engine.goAway();
        await new Promise((resolve) => setTimeout(resolve, 600));
        setup.engine.comeBack();
        await job.writeFile('/workspace/out.txt', 'late');
        return { exitCode: 0 };
      },
    });
    expect(await settle(setup)).toMatchObject({ status: 'succeeded', logsComplete: false });
  });

  it('writes more than it may', async () => {
    const setup = setUp(
      {
        run: async (job) => {
          for (;;) await job.stdout('x'.repeat(1000));
        },
      },
      {},
      { policy: { limits: { max: { outputBytes: 10_000 } } } },
    );
    expect(await settle(setup)).toMatchObject({
      status: 'failed',
      reason: 'log_limit_exceeded',
      category: 'limit',
    });
  });
});

describe('the deadline and the caller', () => {
  it('end a job that goes on, politely first', async () => {
    const heard: string[] = [];
    const setup = setUp({
      run: (job) => {
        job.onSignal('SIGTERM', () => heard.push('SIGTERM'));
        return job.sleepUntilKilled();
      },
    });
    expect(await settle(setup, { timeoutMs: 20 })).toMatchObject({
      status: 'timed_out',
      reason: 'timed_out',
      exitCode: 137,
      category: 'limit',
    });
    expect(heard).toEqual(['SIGTERM']);
  });

  it.each([
    'queue_start',
    'pull_end',
    'stage_start',
    'container_created',
    'container_started',
    'collect_start',
  ] as const)('cancel at %s', async (moment) => {
    const controller = new AbortController();
    const setup = setUp({
      run: async (job) => {
        await job.writeFile('/workspace/out.txt', 'x');
        return moment === 'collect_start' ? { exitCode: 0 } : job.sleepUntilKilled();
      },
    });
    const outcome = await settle(setup, {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === moment) controller.abort(new Error('changed my mind'));
      },
    });
    expect(outcome).toMatchObject({ status: 'cancelled', reason: 'cancelled', category: 'caller' });
    expect((outcome as RunResult).message).toContain('changed my mind');
    if (moment !== 'container_started') expect(setup.out.files()).toEqual({});
  });

  it('a job that failed by itself before it was cancelled has failed', async () => {
    const controller = new AbortController();
    const setup = setUp({ run: () => ({ exitCode: 5 }) });
    const outcome = await settle(setup, {
      signal: controller.signal,
      onEvent: ({ type }) => {
        if (type === 'collect_start') controller.abort();
      },
    });
    expect(outcome).toMatchObject({ status: 'failed', reason: 'non_zero_exit', exitCode: 5 });
  });
});

describe('storage and secrets', () => {
  const failing = (fields: Partial<StorageAdapter>): StorageAdapter => ({
    ...memoryStorage({ a: 'input' }),
    ...fields,
  });
  const reject = async (): Promise<never> => Promise.reject(new Error('disk gone'));

  it('an input that cannot be read', async () => {
    const setup = setUp({}, { storage: { in: failing({ read: reject }), out: memoryStorage() } });
    expect(await settle(setup)).toMatchObject({ code: 'storage.failed', phase: 'stage' });
    expect(setup.engine.calls.map(({ call }) => call)).not.toContain('containers.create');
  });

  it('a node in a storage that may not be read', async () => {
    const node: JobDefinition = {
      docker: {
        image: 'busybox:1',
        inputs: [{ source: { type: 'filestoreNode', nodeId: 7 }, workspacePath: 'n' }],
      },
    };
    for (const [path, code] of [
      ['private/a', 'policy.denied'],
      ['public/a', 'storage.not_found'],
    ] as const) {
      const resolveNode = async (): Promise<{ mountId: string; path: string }> =>
        Promise.resolve({ mountId: 'in', path });
      const setup = setUp({}, { resolveNode }, { policy: { storage: { read: ['in:public'] } } });
      expect(await settle(setup, {}, node)).toMatchObject({ code });
    }
  });

  it('an input that is not there', async () => {
    expect(await settle(setUp({}, { storage: { in: memoryStorage(), out: memoryStorage() } }))).toMatchObject(
      { code: 'storage.not_found' },
    );
  });

  it('a storage that hangs is bounded by the stage deadline', async () => {
    const hang = async (): Promise<never> => new Promise(() => undefined);
    const setup = setUp(
      {},
      { storage: { in: failing({ stat: hang }), out: memoryStorage() } },
      { timeouts: { default: { stageMs: 50 } } },
    );
    expect(await settle(setup)).toMatchObject({ code: 'workspace.stage_timed_out' });
  });

  it.each([['in'], ['out']])('a storage "%s" nobody knows, before anything is done', async (missing) => {
    const storage = Object.fromEntries(
      Object.entries({ in: memoryStorage({ a: '1' }), out: memoryStorage() }).filter(
        ([id]) => id !== missing,
      ),
    );
    const setup = setUp({}, { storage });
    expect(await settle(setup)).toMatchObject({ code: 'storage.unknown_mount' });
    expect(setup.engine.calls.filter(({ call }) => call !== 'close')).toEqual([]);
  });

  it('an upload that fails carries what the job came to', async () => {
    for (const [exitCode, reason] of [
      [0, 'completed'],
      [3, 'non_zero_exit'],
    ] as const) {
      const setup = setUp(
        {
          run: async (job) => {
            await job.writeFile('/workspace/out.txt', 'x');
            return { exitCode };
          },
        },
        { storage: { in: memoryStorage({ a: 'input' }), out: failing({ write: reject }) } },
      );
      const error = await settle(setup);
      expect(error).toMatchObject({
        kind: 'storage',
        code: 'storage.failed',
        result: { exitCode, reason, outputs: [{ state: 'failed' }] },
      });
      await rm(join(testFolder(), 'root'), { recursive: true, force: true });
    }
  });

  it('too large inputs never reach a container; as large as allowed do', async () => {
    expect(await settle(setUp({}, {}, { maxWorkspaceBytes: 4 }))).toMatchObject({
      code: 'workspace.too_large',
    });
    expect(await settle(setUp({}, {}, { maxWorkspaceBytes: 5 }))).toMatchObject({ status: 'succeeded' });
  });

  it.each([
    ['missing', async () => Promise.resolve(undefined), 'secret.not_found'],
    ['throwing with the value', async () => Promise.reject(new Error(SECRET)), 'secret.failed'],
    ['hanging', async () => new Promise<never>(() => undefined), 'secret.timed_out'],
    ['no text', async () => Promise.resolve(42 as unknown as string), 'secret.failed'],
  ])('a secret that is %s', async (_name, resolveSecret, code) => {
    const setup = setUp({}, { resolveSecret }, { timeouts: { default: { secretsMs: 50 } } });
    expect(await settle(setup)).toMatchObject({ kind: 'secret', code, phase: 'secrets' });
    expect(setup.engine.calls.map(({ call }) => call)).not.toContain('containers.create');
  });

  it('a secret for which there is no resolver, which is what to do about it', async () => {
    const outcome = await settle(setUp({}, { resolveSecret: undefined }));
    expect(outcome).toMatchObject({
      code: 'secret.not_found',
      hint: expect.stringContaining('resolveSecret') as unknown,
    });
    const given = await settle(setUp({}, { resolveSecret: undefined }), { secrets: { token: SECRET } });
    expect(given).toMatchObject({ status: 'succeeded' });
  });

  it('a secret is let go of once, whatever happens', async () => {
    for (const script of [{}, { fail: [{ call: 'containers.start', times: 1 }] as const }]) {
      let released = 0;
      const setup = setUp(script, {
        resolveSecret: async () =>
          Promise.resolve({
            value: SECRET,
            release: () => {
              released += 1;
            },
          }),
      });
      await settle(setup);
      expect(released).toBe(1);
    }
  });
});

describe('the runtime', () => {
  it('that is disabled runs nothing, explains, and says why it is not ready', async () => {
    const { runtime, engine } = setUp({}, {}, { enabled: false });
    expect(runtime.validate(DEFINITION)).toMatchObject({ ok: false, issues: [{ code: 'runtime.disabled' }] });
    await expect(runtime.runJob(DEFINITION)).rejects.toMatchObject({ code: 'runtime.disabled' });
    expect(runtime.explain(DEFINITION).plan).not.toBeNull();
    expect(await runtime.readiness()).toMatchObject({
      ready: false,
      reason: 'Docker job runtime is disabled in this environment.',
    });
    expect(engine.calls).toEqual([]);
  });

  it('warns of an open image list and knows its engine', async () => {
    const { runtime } = setUp();
    expect(await runtime.readiness()).toMatchObject({
      ready: true,
      details: { engine: { name: 'fake' }, warnings: [expect.stringContaining('images.allow')] },
    });
  });

  it('refuses a run id that is in use, and options that are wrong', async () => {
    const { runtime } = setUp({ run: (job) => job.sleepUntilKilled() });
    const first = runtime.startJob(DEFINITION, { runId: 'same' });
    await expect(runtime.runJob(DEFINITION, { runId: 'same' })).rejects.toMatchObject({
      code: 'validation.invalid_job',
    });
    await expect(runtime.runJob(DEFINITION, { runId: '../x' })).rejects.toMatchObject({
      code: 'validation.invalid_job',
    });
    expect(runtime.get('same')?.runId).toBe('same');
    first.cancel();
    await first.result;
    expect(runtime.runs().map(({ runId, state }) => [runId, state])).toContainEqual(['same', 'ended']);
    await runtime.close();
  });

  it('runs no more at a time than it may, in the order they came', async () => {
    let running = 0;
    let most = 0;
    const order: string[] = [];
    const { runtime } = setUp(
      {
        run: async (job) => {
          running += 1;
          most = Math.max(most, running);
          order.push(job.spec.labels['berthkit.run-id'] ?? '');
          await new Promise(setImmediate);
          running -= 1;
          await job.writeFile('/workspace/out.txt', 'x');
          return { exitCode: 0 };
        },
      },
      {},
      { maxConcurrentRuns: 1, maxQueuedRuns: 4 },
    );
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    const outcomes = await Promise.allSettled(
      ids.map(async (runId) => runtime.runJob(DEFINITION, { runId })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([...Array<string>(5).fill('fulfilled'), 'rejected']);
    expect(outcomes[5]).toMatchObject({ reason: { code: 'runtime.queue_full' } });
    expect(most).toBe(1);
    expect(order).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('listeners and readers that fail do not hurt the run', async () => {
    const { runtime } = setUp(
      {},
      {
        onEvent: () => {
          throw new Error('listener');
        },
      },
    );
    const handle = runtime.startJob(DEFINITION, {
      onEvent: () => {
        throw new Error('other');
      },
      onLine: () => {
        throw new Error('line');
      },
    });
    for await (const event of handle.events) if (event.type === 'output') break;
    expect(await handle.result).toMatchObject({ status: 'succeeded' });
  });

  it('listeners whose promises reject do not hurt the run, nor the process', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    const reject = (async () => Promise.reject(new Error('later'))) as () => void;
    try {
      const result = await setUp().runtime.runJob(DEFINITION, { onEvent: reject, onLine: reject });
      expect(result).toMatchObject({ status: 'succeeded', warnings: [] });
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
    expect(unhandled).toEqual([]);
  });

  it('a sink that fails on the only piece is a warning, and none is held on to', async () => {
    const failing = new Writable({
      write: (_chunk, _encoding, done) => void setImmediate(done, new Error('no more room')),
    });
    const stderr = new PassThrough();
    const { runtime } = setUp();
    expect((await runtime.runJob(DEFINITION, { stdout: failing, stderr })).warnings).toEqual([
      'the sink for stdout failed and gets no more output',
    ]);
    expect(stderr.listenerCount('error')).toBe(0);
    const refusing = setUp({ fail: [{ call: 'containers.create' }] });
    await expect(refusing.runtime.runJob(DEFINITION, { stderr })).rejects.toMatchObject({
      code: 'engine.failed',
    });
    expect(stderr.listenerCount('error')).toBe(0);
  });

  it('gives results whose keys stand in one order, JSON-safe', async () => {
    const keys: string[] = [];
    for (const script of [{}, { run: () => ({ exitCode: 1 }) }, { startExitCode: 126 as const }]) {
      const result = (await settle(setUp(script))) as RunResult;
      expect(JSON.parse(JSON.stringify(result))).toEqual(result);
      keys.push(Object.keys(result).join());
    }
    expect(new Set(keys).size).toBe(1);
  });
});

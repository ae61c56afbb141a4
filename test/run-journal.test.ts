/** What a run writes down of itself: every step in its order, no secret and no content; and what a store that fails can and cannot do to it. */
import {
  memoryRunStore,
  memoryStorage,
  RUN_STEPS,
  type RunResult,
  type RunStep,
  type RunStore,
  verifyReceipt,
} from 'berthkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DEFINITION, SECRET, settle, setUp } from './run-fixture.js';

type Call = 'putIfAbsent' | 'append' | 'end' | 'renewLease';

/** A store that remembers what was ever appended, and whose calls can be broken. */
function watched(broken: Partial<Record<Call, 'rejects' | 'hangs' | 'throws'>> = {}): {
  readonly store: RunStore;
  readonly inner: RunStore;
  readonly steps: RunStep[];
  readonly calls: Call[];
} {
  const inner = memoryRunStore();
  const steps: RunStep[] = [];
  const calls: Call[] = [];
  const via = async <T>(call: Call, work: () => Promise<T>): Promise<T> => {
    calls.push(call);
    switch (broken[call]) {
      case 'rejects':
        return Promise.reject(new Error('the disk is full'));
      case 'hangs':
        return new Promise<never>(() => undefined);
      case 'throws':
        throw new Error('the disk is full');
      default:
        return work();
    }
  };
  const store: RunStore = {
    ...inner,
    putIfAbsent: async (run) => via('putIfAbsent', async () => inner.putIfAbsent(run)),
    append: async (runId, step) => {
      steps.push(step);
      return via('append', async () => inner.append(runId, step));
    },
    end: async (...given) => via('end', async () => inner.end(...given)),
    renewLease: async (lease) => via('renewLease', async () => inner.renewLease(lease)),
  };
  return { store, inner, steps, calls };
}

const TWO_OUTPUTS = {
  ...DEFINITION,
  docker: {
    ...DEFINITION.docker,
    outputs: ['out.txt', 'more.txt'].map((workspacePath) => ({
      workspacePath,
      upload: { backendMountId: 'out', pathTemplate: `\${runId}/${workspacePath}` },
    })),
  },
};
const runTwo = async (job: { writeFile(path: string, content: string): Promise<void> }) => {
  for (const name of ['out.txt', 'more.txt']) await job.writeFile(`/workspace/${name}`, name);
  return { exitCode: 0 };
};

afterEach(() => {
  vi.useRealTimers();
});

describe('a run', () => {
  it('writes down each step, in the order of the list', async () => {
    const { store, inner, steps } = watched();
    const result = await settle(setUp({ run: runTwo }, { runStore: store }), { runId: 'r1' }, TWO_OUTPUTS);
    expect(result).toMatchObject({ status: 'succeeded' });
    expect(steps.map(({ name }) => name)).toEqual(RUN_STEPS.filter((name) => name !== 'withdrawn'));
    expect(await inner.get('r1')).toMatchObject({ runId: 'r1', steps, end: { outcome: 'result', result } });
    expect(await inner.listOpen({ instance: (await inner.get('r1'))?.instance ?? '' })).toEqual([]);
  });

  it('writes down what it takes back, and its error', async () => {
    const { store, inner, steps } = watched();
    const out = memoryStorage({ 'r1/more.txt': 'there before' });
    const ports = { runStore: store, storage: { in: memoryStorage({ a: 'input' }), out } };
    const error = await settle(setUp({ run: runTwo }, ports), { runId: 'r1' }, TWO_OUTPUTS);
    expect(error).toMatchObject({ code: 'storage.exists' });
    const names = steps.map(({ name }) => name);
    expect(names.slice(-3)).toEqual(['storing', 'withdrawn', 'settled']);
    expect((await inner.get('r1'))?.end).toMatchObject({ error: { code: 'storage.exists' } });
  });

  it('writes down the attempt with each step, and one end', async () => {
    const { store, inner, steps, calls } = watched();
    const setup = setUp(
      { fail: [{ call: 'containers.create', when: 'before', times: 1 }] },
      {
        runStore: store,
        clock: { now: Date.now, monotonic: () => performance.now(), pause: async () => Promise.resolve() },
      },
    );
    await setup.runtime.runJob(DEFINITION, { runId: 'r1', retry: { maxAttempts: 2 } });
    await setup.runtime.close();
    expect(steps.filter(({ name }) => name === 'planned').map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(calls.filter((call) => call === 'putIfAbsent')).toHaveLength(1);
    expect(calls.filter((call) => call === 'end')).toHaveLength(1);
    expect((await inner.get('r1'))?.end).toMatchObject({ result: { status: 'succeeded', attempt: 2 } });
  });

  it('writes down no secret, and none of what it is fed with', async () => {
    const { store, inner, steps } = watched();
    const definition = {
      ...DEFINITION,
      defaultParameters: { given: 'a parameter' },
      docker: {
        ...DEFINITION.docker,
        stdin: 'what is asked',
        configFile: { filename: 'job.json' },
        environment: [
          ...(DEFINITION.docker.environment as readonly object[]),
          { name: 'PLAIN', value: 'a variable' },
        ],
        inputs: [{ source: { type: 'inline', content: 'an input' }, workspacePath: 'in.txt' }],
      },
    };
    const { runtime } = setUp({}, { runStore: store });
    const options = {
      runId: 'r1',
      secrets: { own: 'own-secret-value' },
      metadata: { note: 'own-secret-value' },
    };
    await runtime.runJob(definition, options);
    await runtime.close();
    const written = JSON.stringify([await inner.get('r1'), steps]);
    for (const hidden of [
      SECRET,
      'own-secret-value',
      'a parameter',
      'what is asked',
      'an input',
      'a variable',
    ]) {
      expect(written).not.toContain(hidden);
    }
    expect(written).toContain('***');
  });

  it('that is refused is not written down', async () => {
    const { store, calls } = watched();
    const { runtime } = setUp({}, { runStore: store }, { policy: { images: { allow: ['other:1'] } } });
    await expect(runtime.runJob(DEFINITION)).rejects.toMatchObject({ code: 'policy.denied' });
    await runtime.close();
    expect(calls).toEqual([]);
  });
});

describe('a store that', () => {
  it.each([
    ['putIfAbsent', 'rejects'],
    ['putIfAbsent', 'throws'],
    ['renewLease', 'rejects'],
  ] as const)('%s %s at the claim keeps the run from starting', async (call, how) => {
    const setup = setUp({}, { runStore: watched({ [call]: how }).store });
    const error = await settle(setup);
    expect(error).toMatchObject({ code: 'runtime.store_failed', retryable: true });
    expect((error as Error).message).toContain('the disk is full');
    expect(setup.engine.calls).toEqual([]);
  });

  it('hangs at the claim keeps the run from starting, in bounded time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const setup = setUp({}, { runStore: watched({ putIfAbsent: 'hangs' }).store });
    const failed = expect(setup.runtime.runJob(DEFINITION)).rejects.toMatchObject({
      code: 'runtime.store_failed',
      message: expect.stringContaining('did not answer within 10000 ms') as string,
    });
    await vi.advanceTimersByTimeAsync(10_000);
    await failed;
    vi.useRealTimers();
    expect(setup.engine.calls).toEqual([]);
    await setup.runtime.close();
  });

  it('grants a claim too late sees it ended at once, so that nobody waits for it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const inner = memoryRunStore();
    let grant = (): void => undefined;
    const granted = new Promise<void>((resolve) => (grant = resolve));
    const runStore: RunStore = {
      ...inner,
      putIfAbsent: async (run) => granted.then(async () => inner.putIfAbsent(run)),
    };
    const { runtime } = setUp({}, { runStore });
    const failed = expect(runtime.runJob(DEFINITION, { runId: 'r1' })).rejects.toMatchObject({
      code: 'runtime.store_failed',
    });
    await vi.advanceTimersByTimeAsync(10_000);
    await failed;
    vi.useRealTimers();
    grant();
    await vi.waitFor(
      async () => {
        expect((await inner.get('r1'))?.end).toMatchObject({ error: { code: 'runtime.store_failed' } });
      },
      { timeout: 60_000 },
    );
    await runtime.close();
  });

  it('takes no steps costs the run one warning and nothing else', async () => {
    const { store, inner, steps } = watched({ append: 'rejects' });
    const result = await settle(setUp({ run: runTwo }, { runStore: store }), { runId: 'r1' }, TWO_OUTPUTS);
    const warnings = [expect.stringContaining('no longer written down: the disk is full') as string];
    expect(result).toMatchObject({ status: 'succeeded', warnings });
    expect(steps).toHaveLength(1);
    expect((await inner.get('r1'))?.end).toMatchObject({ result: { status: 'succeeded' } });
  });

  it('takes no end costs the run one warning and nothing else', async () => {
    const setup = setUp({}, { runStore: watched({ end: 'rejects' }).store });
    const result = await settle(setup);
    const warning = 'the end of this run is not written down: the disk is full';
    expect(result).toMatchObject({ status: 'succeeded', warnings: [warning] });
    const { receipt } = result as RunResult;
    expect(verifyReceipt(receipt, { result: result as RunResult })).toMatchObject({ valid: true });
    expect(setup.events.filter(({ type }) => type === 'warning')).toMatchObject([{ message: warning }]);
    expect(setup.events.at(-1)).toMatchObject({ type: 'run_end', result: { warnings: [warning] } });
  });

  it('was away when a run ended is told later, and the key of the run stands for it then', async () => {
    const { store, inner } = watched();
    let failures = 2;
    const end: RunStore['end'] = async (...given) => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(new Error('away')) : inner.end(...given);
    };
    const setup = setUp({}, { runStore: { ...store, end } });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const result = await setup.runtime.runJob(DEFINITION, { runId: 'r1', idempotencyKey: 'k' });
    expect(result.warnings).toEqual(['the end of this run is not written down: away']);
    await vi.advanceTimersByTimeAsync(10_999);
    expect((await inner.get('r1'))?.end).toBeNull();
    await vi.advanceTimersByTimeAsync(1);
    await vi.waitFor(async () => expect((await inner.get('r1'))?.end).not.toBeNull(), { timeout: 60_000 });
    expect(await setup.runtime.runJob(DEFINITION, { idempotencyKey: 'k' })).toMatchObject({ runId: 'r1' });
    vi.useRealTimers();
    await setup.runtime.close();
  });

  it('was away when a run ended is told at the latest when the runtime closes', async () => {
    const { store, inner } = watched();
    let isAway = true;
    const end: RunStore['end'] = async (...given) =>
      isAway ? Promise.reject(new Error('away')) : inner.end(...given);
    const setup = setUp({}, { runStore: { ...store, end } });
    await setup.runtime.runJob(DEFINITION, { runId: 'r1' });
    expect((await inner.get('r1'))?.end).toBeNull();
    isAway = false;
    await setup.runtime.close();
    expect((await inner.get('r1'))?.end).toMatchObject({ outcome: 'result' });
  });

  it('already has another end makes the run say so', async () => {
    const { store, inner } = watched();
    const setup = setUp(
      {
        run: async () => {
          const error = { name: 'x', kind: 'run', code: 'x', message: 'taken for dead' } as const;
          const [run] = await inner.listOpen({ instance: setup.runtime.config.instanceId ?? '' });
          await inner.end(run?.runId ?? '', { outcome: 'error', error }, { keepsKey: false, at: '' });
          return { exitCode: 0 };
        },
      },
      { runStore: store },
      {},
    );
    const { docker } = DEFINITION;
    const result = await setup.runtime.runJob({ ...DEFINITION, docker: { ...docker, outputs: [] } });
    await setup.runtime.close();
    expect(result.warnings.at(-1)).toMatch(/another process took this one for dead/);
  });

  it('has an open run of the same id keeps it from being started twice', async () => {
    const { store, inner } = watched();
    const setup = setUp({}, { runStore: store });
    await setup.runtime.runJob(DEFINITION, { runId: 'r1' });
    const stored = await inner.get('r1');
    if (stored === null) throw new Error('no run');
    await inner.putIfAbsent({ ...stored, owner: 'somebody.else' });
    await expect(setup.runtime.runJob(DEFINITION, { runId: 'r1' })).rejects.toMatchObject({
      details: { issues: [{ code: 'validation.run_id_taken' }] },
    });
    await setup.runtime.close();
  });
});

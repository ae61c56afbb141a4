/** What adapters, resolvers, the engine and the caller say of a secret does not leave the run, on the fake engine; and errors stay what they are. */
import { inspect } from 'node:util';
import { EngineError, memoryStorage, type RunResult, staticSecrets, StorageError } from 'berthkit';
import type { EngineCall } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { chatty, expectNothing, run, SECRET, storageThat } from './redaction-fixture.js';

describe('what others say', () => {
  it.each(['read', 'stat'] as const)('a storage that fails to %s', async (call) => {
    const reject = async (): Promise<never> => Promise.reject(chatty());
    const told = await run(
      {},
      { storage: { in: storageThat({ [call]: reject }), out: memoryStorage() } },
      // Known from the start: inputs are staged before secrets are resolved.
      { secrets: { token: SECRET } },
    );
    expectNothing(told);
    expect(told.outcome).toMatchObject({ kind: 'storage', code: 'storage.failed', phase: 'stage' });
    expect(told.outcome).toBeInstanceOf(StorageError);
  });

  it('a storage that fails to write, with the result on its error', async () => {
    const told = await run(
      {
        run: async (job) => {
          await job.writeFile('/workspace/out/a', 'x');
          await job.stderr(SECRET);
          return { exitCode: 4 };
        },
      },
      {
        storage: {
          in: storageThat({}),
          out: storageThat({ write: async () => Promise.reject(chatty()) }),
        },
      },
    );
    expectNothing(told);
    expect(told.outcome).toMatchObject({ kind: 'storage', result: { exitCode: 4, reason: 'non_zero_exit' } });
  });

  it.each([
    ['an error', (): unknown => chatty()],
    ['a text', (): unknown => SECRET],
    ['an object', (): unknown => ({ token: SECRET })],
    ['a frozen error', (): unknown => Object.freeze(chatty())],
  ])('a resolver that throws %s', async (_name, make) => {
    const told = await run({}, { resolveSecret: async () => Promise.reject(make()) });
    expectNothing(told);
    expect(told.outcome).toMatchObject({ code: 'secret.failed' });
  });

  it('a release that fails', async () => {
    const told = await run(
      {},
      {
        resolveSecret: async () =>
          Promise.resolve({
            value: SECRET,
            release: () => {
              throw chatty();
            },
          }),
      },
    );
    expectNothing(told);
    expect(told.events.some(({ type }) => type === 'cleanup_error')).toBe(true);
  });

  it.each<[EngineCall, 'before' | 'after']>([
    ['containers.create', 'before'],
    ['containers.attach', 'before'],
    ['containers.start', 'before'],
    ['containers.wait', 'before'],
    ['containers.inspect', 'before'],
    ['containers.remove', 'before'],
    ['containers.create', 'after'],
  ])('an engine that fails at %s (%s)', async (call, when) => {
    const { cause, details } = chatty();
    const error = new EngineError('engine.failed', `no: ${SECRET}`, { cause, details });
    const told = await run({ fail: [{ call, when, times: 1, error }] });
    expectNothing(told);
    // Some calls are made again, and then the failure is not even told.
    expect([told.outcome]).toMatchObject(
      told.outcome instanceof Error ? [{ message: 'no: ***' }] : [{ reason: 'output_missing' }],
    );
  });

  it('an engine that cannot stop the job', async () => {
    const error = new EngineError('engine.failed', SECRET);
    const told = await run(
      { run: (job) => job.sleepUntilKilled(), fail: [{ call: 'containers.kill', times: 1, error }] },
      {},
      { timeoutMs: 20 },
    );
    expectNothing(told);
    expect((told.outcome as RunResult).warnings.join()).toContain('could not send SIGTERM: ***');
  });

  it('standard input that breaks off', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('x'));
      throw chatty();
    }
    const told = await run({ run: readStdin }, {}, { stdin: broken() });
    expectNothing(told);
    expect((told.outcome as RunResult).message).toContain('its standard input broke off: broken: ***');
  });

  it('the caller: metadata, a reason to cancel, an abort', async () => {
    const metadata = { user: SECRET, [SECRET]: 'x', other: 'stays' };
    const controller = new AbortController();
    const told = await run(
      { run: (job) => job.sleepUntilKilled() },
      {},
      {
        metadata,
        secrets: { token: SECRET },
        signal: controller.signal,
        onEvent: ({ type }) => {
          if (type === 'container_started') controller.abort(chatty());
        },
      },
    );
    expectNothing(told);
    expect(told.outcome).toMatchObject({ status: 'cancelled', metadata: { user: '***', other: 'stays' } });
    expect((told.outcome as RunResult).message).toContain('broken: ***');
  });

  it('hands adapters the metadata as it is', async () => {
    const heard: unknown[] = [];
    await run(
      {},
      {
        resolveSecret: async (_reference, context) => {
          heard.push(context.metadata);
          return Promise.resolve(SECRET);
        },
      },
      { metadata: { user: SECRET } },
    );
    expect(heard).toEqual([{ user: SECRET }]);
  });
});

async function readStdin(job: { readonly stdin: AsyncIterable<Uint8Array> }): Promise<{ exitCode: number }> {
  for await (const chunk of job.stdin) expect(chunk).toBeDefined();
  return { exitCode: 0 };
}

describe('errors', () => {
  it('keep their class, their code and what is plain, and the original stays as it was', async () => {
    const original = Object.freeze(chatty());
    const told = await run(
      {},
      {
        storage: {
          in: storageThat({ read: async () => Promise.reject(original) }),
          out: memoryStorage(),
        },
      },
      { secrets: { token: SECRET } },
    );
    expectNothing(told);
    const error = told.outcome as StorageError;
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ name: 'StorageError', message: expect.stringContaining('***') as string });
    expect(original.message).toBe(`broken: ${SECRET}`);
    expect(original.runId).toBeUndefined();
  });

  it('that lead back to themselves, or are nothing but trouble, end in an error all the same', async () => {
    const circular: Error & { cause?: unknown } = new Error(SECRET);
    circular.cause = circular;
    let deep: unknown = SECRET;
    for (let depth = 0; depth < 20_000; depth += 1) deep = { deep };
    const troubled = new EngineError('engine.failed', SECRET, {
      cause: circular,
      details: { circular, deep },
    });
    Object.defineProperty(troubled, 'extra', {
      enumerable: true,
      get: () => {
        throw new Error(SECRET);
      },
    });
    const { outcome } = await run({ fail: [{ call: 'containers.create', error: troubled }] });
    expect(outcome).toMatchObject({ code: 'engine.failed', message: '***', cause: { message: '***' } });
    expect(inspect(outcome, { depth: null })).not.toContain('second-line');
  });

  it('of one shared object keep to their own runs', async () => {
    const error = new EngineError('engine.failed', 'away');
    const script = { fail: [{ call: 'containers.create', error }] } as const;
    const [first, second] = [
      await run(script, {}, { runId: 'one' }),
      await run(script, {}, { runId: 'two' }),
    ];
    expect(first.outcome).toMatchObject({ runId: 'one' });
    expect(second.outcome).toMatchObject({ runId: 'two' });
  });

  it('keep words of their own that happen to be a secret', async () => {
    const told = await run(
      { fail: [{ call: 'containers.create' }] },
      { resolveSecret: staticSecrets({ token: 'engine' }) },
    );
    expect(told.outcome).toMatchObject({ kind: 'engine', code: 'engine.failed', name: 'EngineError' });
    expect(told.events.at(-1)).toMatchObject({ type: 'run_end', error: { code: 'engine.failed' } });
  });
});

/** Resolvers of secrets that hang, throw or answer nonsense: the job never starts, and nothing of it is repeated. */
import { JobRuntimeError, type SecretResolver } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { trial } from './fixture.js';

const SECRET = 'hunter2-hunter2';
const DEFINITION = {
  docker: {
    image: 'busybox:1',
    environment: [{ name: 'TOKEN', secret: { source: 'store', key: 'token' } }],
  },
};

describe('a resolver', () => {
  const never = async (): Promise<never> => new Promise(() => undefined);
  const bad = (answer: unknown): SecretResolver =>
    (() => Promise.resolve(answer)) as unknown as SecretResolver;

  it.each<[string, SecretResolver, string]>([
    ['throws with the secret in its message', async () => Promise.reject(new Error(SECRET)), 'secret.failed'],
    ['throws the secret', async () => Promise.reject(SECRET), 'secret.failed'],
    ['gives a number', bad(42), 'secret.failed'],
    ['gives an object', bad({ token: SECRET }), 'secret.failed'],
    ['gives null', bad(null), 'secret.not_found'],
    ['gives nothing', async () => Promise.resolve(undefined), 'secret.not_found'],
    ['gives an empty text', async () => Promise.resolve(''), 'secret.failed'],
    ['gives 10 MB', async () => Promise.resolve(SECRET.repeat(700_000)), 'secret.failed'],
    ['gives NUL', async () => Promise.resolve(`${SECRET}\0`), 'secret.failed'],
  ])('that %s: the job never starts, and nothing of it is repeated', async (_, resolveSecret, code) => {
    let hasRun = false;
    const run = (): undefined => void (hasRun = true);
    const { outcome, engine, told } = await trial(DEFINITION, { script: { run }, ports: { resolveSecret } });
    expect(outcome).toMatchObject({ code });
    expect(outcome).toBeInstanceOf(JobRuntimeError);
    expect((outcome as JobRuntimeError).message).toContain('secret "store:token" for variable TOKEN');
    expect(hasRun).toBe(false);
    expect(engine.calls.map(({ call }) => call)).not.toContain('containers.create');
    expect(told).not.toContain(SECRET);
  });

  it('that hangs is given up: the job never starts', async () => {
    const { outcome, engine } = await trial(DEFINITION, {
      ports: { resolveSecret: never },
      config: { timeouts: { default: { secretsMs: 20 } } },
    });
    expect(outcome).toMatchObject({ code: 'secret.timed_out', retryable: true });
    expect(engine.calls.map(({ call }) => call)).not.toContain('containers.create');
  });

  it('that answers after the run was cancelled has its answer released and never used', async () => {
    const cancelling = new AbortController();
    let released: () => void = () => undefined;
    const release = new Promise<void>((resolve) => {
      released = resolve;
    });
    let answer: () => void = () => undefined;
    const late = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const resolveSecret: SecretResolver = async () => {
      cancelling.abort(new Error('stop'));
      await late;
      return { value: SECRET, release: released };
    };
    const { outcome, engine, told } = await trial(DEFINITION, {
      ports: { resolveSecret },
      options: { signal: cancelling.signal },
    });
    answer();
    await release;
    expect(outcome).toMatchObject({ status: 'cancelled' });
    expect(engine.calls.map(({ call }) => call)).not.toContain('containers.create');
    expect(told).not.toContain(SECRET);
  });
});

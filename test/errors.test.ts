import { describe, expect, it } from 'vitest';
import { assertSucceeded } from '../src/assert-succeeded.js';
import { ERROR_CODES } from '../src/error-codes.js';
import * as errors from '../src/errors.js';
import type { RunResult } from '../src/result.js';

const samples = [
  new errors.ConfigError('config.invalid', 'x'),
  new errors.ValidationError('validation.invalid_job', 'x'),
  new errors.PolicyError('policy.denied', 'x'),
  new errors.SecretError('secret.not_found', 'x'),
  new errors.WorkspaceError('workspace.failed', 'x'),
  new errors.StorageError('storage.failed', 'x'),
  new errors.ImageError('image.not_found', 'x'),
  new errors.EngineError('engine.failed', 'x'),
  new errors.RuntimeError('runtime.closed', 'x'),
  new errors.RunError('run.not_succeeded', 'x'),
] as const;
const classes = [
  errors.ConfigError,
  errors.ValidationError,
  errors.PolicyError,
  errors.SecretError,
  errors.WorkspaceError,
  errors.StorageError,
  errors.ImageError,
  errors.EngineError,
  errors.RuntimeError,
  errors.RunError,
] as const;

describe('error classes', () => {
  it('are told apart in every pair, and all share the base', () => {
    for (const [row, error] of samples.entries()) {
      expect(classes.map((each) => error instanceof each)).toEqual(
        classes.map((_, column) => column === row),
      );
      expect(error instanceof errors.JobRuntimeError).toBe(true);
      expect(errors.JobRuntimeError.isInstance(error)).toBe(true);
    }
  });

  it('are not mistaken for anything else', () => {
    for (const value of [null, undefined, 1, 'x', {}, new Error('x')]) {
      expect(errors.JobRuntimeError.isInstance(value)).toBe(false);
      expect(value instanceof errors.PolicyError).toBe(false);
    }
  });

  it('can be derived from: instances are of both classes, and of no sibling', () => {
    class Own extends errors.StorageError {}
    class Branded extends errors.StorageError {
      static override readonly brand: string = 'test.Branded';
    }
    const ours = new errors.StorageError('storage.failed', 'x');
    for (const Derived of [Own, Branded]) {
      expect(ours instanceof Derived).toBe(false);
      const error = new Derived('storage.failed', 'x');
      expect(
        [Derived, errors.StorageError, errors.JobRuntimeError].map((each) => error instanceof each),
      ).toEqual([true, true, true]);
      expect(error instanceof errors.ImageError).toBe(false);
    }
  });

  it('take kind, category and retryable from the table', () => {
    for (const error of samples) {
      const { kind, category, retryable } = ERROR_CODES[error.code];
      expect(error).toMatchObject({ kind, category, retryable });
      expect(error.code.startsWith(`${error.kind}.`)).toBe(true);
      expect(JSON.parse(JSON.stringify(error))).toMatchObject({
        name: error.constructor.name,
        code: error.code,
      });
    }
  });

  it('have codes that are public API', () => {
    expect(Object.keys(ERROR_CODES)).toMatchSnapshot();
  });
});

describe('contextualize', () => {
  const redact = (text: string): string => text.replaceAll('secret', '***');
  const context = { runId: 'r', attempt: 1, phase: 'pull', result: undefined };

  it('redacts messages, stacks and causes, and adds what is known of the run', () => {
    const error = new errors.EngineError('engine.failed', 'a secret', {
      cause: new Error('the secret', { cause: new Error('secret') }),
    });
    const same = errors.contextualize(error, context, redact);
    expect(same).toBe(error);
    expect(same).toMatchObject({ runId: 'r', attempt: 1, phase: 'pull', message: 'a ***' });
    const causes = [same, same.cause, (same.cause as Error).cause] as Error[];
    for (const each of causes) expect(`${each.message}${each.stack ?? ''}`).not.toContain('secret');
  });

  it('keeps what an error already knew', () => {
    const error = new errors.EngineError('engine.failed', 'x', { runId: 'first', phase: 'create' });
    expect(errors.contextualize(error, context, redact)).toMatchObject({ runId: 'first', phase: 'create' });
  });

  it.each([[new Error('secret')], ['secret'], [null], [Object.freeze(new Error('secret'))]])(
    'wraps what is not ours',
    (thrown) => {
      const error = errors.contextualize(thrown, context, redact);
      expect(error).toMatchObject({ code: 'runtime.failed', runId: 'r' });
      expect(error.message).not.toContain('secret');
    },
  );
});

describe('assertSucceeded', () => {
  it('throws the result for any other end', () => {
    const result = {
      status: 'failed',
      runId: 'r',
      message: 'exit 3',
      hints: [{ code: 'h', message: 'do this' }],
    } as unknown as RunResult;
    expect(() => {
      assertSucceeded(result);
    }).toThrow(expect.objectContaining({ code: 'run.not_succeeded', result, hint: 'do this' }) as Error);
    expect(() => {
      assertSucceeded({ status: 'succeeded' } as unknown as RunResult);
    }).not.toThrow();
  });
});

/** What the compiler knows of results, errors and events once they were told apart. It fails the type check, not the test run. */
import {
  assertSucceeded,
  type Category,
  type ConfigError,
  type EngineError,
  type ErrorCodeOf,
  type ImageError,
  JobRuntimeError,
  type PolicyError,
  type ReasonOf,
  type RunError,
  type RunEvent,
  type RunResult,
  type RuntimeError,
  type SecretError,
  type StorageError,
  type ValidationError,
  type WorkspaceError,
} from 'berthkit';
import { describe, expectTypeOf, it } from 'vitest';
import type { AnyJobRuntimeError } from '../src/errors.js';

type Of<S extends RunResult['status']> = Extract<RunResult, { readonly status: S }>;
type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>;
interface ErrorsByKind {
  config: ConfigError;
  validation: ValidationError;
  policy: PolicyError;
  secret: SecretError;
  workspace: WorkspaceError;
  storage: StorageError;
  image: ImageError;
  engine: EngineError;
  runtime: RuntimeError;
  run: RunError;
}
type Kind = keyof ErrorsByKind;

describe('RunResult', () => {
  it('has four ends, each with its reasons', () => {
    expectTypeOf<RunResult['status']>().toEqualTypeOf<'succeeded' | 'failed' | 'timed_out' | 'cancelled'>();
    expectTypeOf<Of<'succeeded'>['reason']>().toEqualTypeOf<'completed'>();
    expectTypeOf<Of<'failed'>['reason']>().toEqualTypeOf<ReasonOf<'failed'>>();
    expectTypeOf<'oom_killed' | 'non_zero_exit' | 'interrupted'>().toExtend<Of<'failed'>['reason']>();
    expectTypeOf<Of<'timed_out'>['reason']>().toEqualTypeOf<
      'timed_out' | 'idle_timed_out' | 'queue_expired'
    >();
    expectTypeOf<Of<'cancelled'>['reason']>().toEqualTypeOf<'cancelled' | 'runtime_shutdown'>();
    expectTypeOf<'completed'>().not.toExtend<Of<'failed' | 'timed_out' | 'cancelled'>['reason']>();
  });

  it('is narrowed by its status', () => {
    const look = (result: RunResult): void => {
      expectTypeOf(result.exitCode).toEqualTypeOf<number | null>();
      if (result.status === 'succeeded') {
        expectTypeOf(result.exitCode).toEqualTypeOf<0>();
        expectTypeOf(result.category).toEqualTypeOf<null>();
      } else {
        expectTypeOf(result.category).toEqualTypeOf<Category>();
        if (result.status !== 'failed' && result.status !== 'timed_out') {
          expectTypeOf(result).toEqualTypeOf<Of<'cancelled'>>();
        }
      }
    };
    expectTypeOf(look).returns.toBeVoid();
  });

  it('has the same keys at every end', () => {
    expectTypeOf<keyof Of<'failed'>>().toEqualTypeOf<keyof Of<'succeeded'>>();
    expectTypeOf<keyof Of<'timed_out'>>().toEqualTypeOf<keyof Of<'succeeded'>>();
    expectTypeOf<keyof Of<'cancelled'>>().toEqualTypeOf<keyof Of<'succeeded'>>();
  });

  it('is a success after assertSucceeded', () => {
    const look = (result: RunResult): void => {
      assertSucceeded(result);
      expectTypeOf(result).toEqualTypeOf<Of<'succeeded'>>();
    };
    expectTypeOf(look).returns.toBeVoid();
  });
});

describe('an error', () => {
  it('is of berthkit or not, and then narrowed by its kind', () => {
    const look = (error: unknown): void => {
      if (!JobRuntimeError.isInstance(error)) return;
      expectTypeOf(error.kind).toEqualTypeOf<Kind>();
      expectTypeOf(error).toEqualTypeOf<ErrorsByKind[Kind]>();
      if (error.kind === 'policy') {
        expectTypeOf(error).toEqualTypeOf<PolicyError>();
        expectTypeOf(error.code).toEqualTypeOf<ErrorCodeOf<'policy'>>();
        expectTypeOf<'policy.denied'>().toExtend<typeof error.code>();
        expectTypeOf<'storage.failed'>().not.toExtend<typeof error.code>();
      }
      if (error.kind === 'storage') expectTypeOf(error).toEqualTypeOf<StorageError>();
      if (error.code === 'storage.exists') expectTypeOf(error.code).toEqualTypeOf<'storage.exists'>();
    };
    expectTypeOf(look).returns.toBeVoid();
  });

  it('has a class for every kind, and only codes of its kind', () => {
    expectTypeOf<AnyJobRuntimeError['kind']>().toEqualTypeOf<Kind>();
    type Codes = { [K in Kind]: ErrorsByKind[K]['code'] };
    expectTypeOf<Codes>().toEqualTypeOf<{ [K in Kind]: ErrorCodeOf<K> }>();
  });
});

describe('RunEvent', () => {
  it('is narrowed by its type', () => {
    expectTypeOf<EventOf<'output'>['stream']>().toEqualTypeOf<'stdout' | 'stderr'>();
    expectTypeOf<EventOf<'output'>['text']>().toEqualTypeOf<string>();
    expectTypeOf<EventOf<'container_exited'>['exitCode']>().toEqualTypeOf<number | null>();
    expectTypeOf<EventOf<'output_dropped'>['bytes']>().toEqualTypeOf<number>();
    expectTypeOf<EventOf<'output_collected'>['output']>().toEqualTypeOf<RunResult['outputs'][number]>();
    expectTypeOf<EventOf<'run_start'>>().not.toHaveProperty('text');
    expectTypeOf<EventOf<'warning'>>().not.toHaveProperty('exitCode');
  });

  it('ends with a result or an error, never both', () => {
    const look = (event: RunEvent): void => {
      if (event.type !== 'run_end') return;
      if (event.outcome === 'result') {
        expectTypeOf(event.result).toEqualTypeOf<RunResult>();
        expectTypeOf(event).not.toHaveProperty('error');
      } else {
        expectTypeOf(event.error.code).toEqualTypeOf<string>();
        expectTypeOf(event).not.toHaveProperty('result');
      }
    };
    expectTypeOf(look).returns.toBeVoid();
  });

  it('says of every type whose event it is', () => {
    expectTypeOf<RunEvent['runId']>().toEqualTypeOf<string>();
    expectTypeOf<RunEvent['attempt']>().toEqualTypeOf<number>();
    expectTypeOf<RunEvent['at']>().toEqualTypeOf<string>();
  });
});

/** Which call of a fake engine is to fail next, as its script says. It fails nothing itself. */
import type { EngineCall, FakeFailure } from './fake-script.js';

/** Makes one call of an engine: recorded, and failed where the script says so. */
export type FakePerform = <T>(
  call: EngineCall,
  target: string | null,
  signal: AbortSignal | undefined,
  work: () => T | Promise<T>,
) => Promise<T>;

/** Takes the next failure there is for a call, before or after it took effect; null if it is to succeed. */
export type TakeFailure = (call: EngineCall, when: NonNullable<FakeFailure['when']>) => FakeFailure | null;

/** All failures of a script, each to be taken as often as it says. */
export function createFakeFailures(script: readonly FakeFailure[]): TakeFailure {
  const failures = script.map((failure) => ({
    ...failure,
    toSkip: failure.skip ?? 0,
    left: failure.times ?? Infinity,
  }));
  return (call, when) => {
    const failure = failures.find(
      (each) => each.call === call && (each.when ?? 'before') === when && each.left > 0,
    );
    if (failure === undefined) return null;
    if (failure.toSkip > 0) {
      failure.toSkip -= 1;
      return null;
    }
    failure.left -= 1;
    return failure;
  };
}

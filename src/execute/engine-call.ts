/** One call to the engine, bounded: a connection can die without a word, and then the call would never settle. */
import { EngineError } from '../errors.js';
import { withDeadline } from './deadline.js';

/** Longer than any of these calls takes on a busy engine, short enough to be noticed. */
const CALL_MS = 60_000;

/**
 * Runs one short call with a deadline of its own.
 *
 * @throws `engine.unreachable` when the engine does not answer in time; else what the call throws, or the signal's reason.
 */
export async function engineCall<T>(
  name: string,
  signal: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
  timeoutMs = CALL_MS,
): Promise<T> {
  const onTimeout = (): Error =>
    new EngineError(
      'engine.unreachable',
      `the engine did not answer "${name}" within ${String(timeoutMs)} ms`,
      {
        hint: 'It hangs or has too much to do, or nothing is at its address: ask it something by another client.',
      },
    );
  return withDeadline({ timeoutMs, signal, onTimeout }, call);
}

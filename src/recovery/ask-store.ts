/** One question to a run store, bounded, whose failure is a typed error that says what came of it. */
import { RuntimeError } from '../errors.js';
import { withDeadline } from '../execute/deadline.js';

/** A store that takes longer is given up, as its contract says. */
const STORE_MS = 10_000;

/**
 * Asks; `failed` says what is not done where there is no answer.
 *
 * @throws `runtime.store_failed`.
 */
export async function askStore<T>(failed: string, asking: () => Promise<T>): Promise<T> {
  const onTimeout = (): Error => new Error(`the run store did not answer within ${String(STORE_MS)} ms`);
  try {
    return await withDeadline({ timeoutMs: STORE_MS, onTimeout }, asking);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new RuntimeError('runtime.store_failed', `${failed}: ${message}`, { cause: error });
  }
}

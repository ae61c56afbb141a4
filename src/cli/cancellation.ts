/** Signals of the process to one AbortSignal: the first cancels the run, the second ends the process without waiting. */
import { exitCodeOfSignal } from './exit-code.js';
import type { CancelSignal, CliIo } from './io.js';

/** What a command holds while signals cancel it. */
export interface Cancellation {
  readonly signal: AbortSignal;
  /** The first signal that came. */
  readonly received: () => CancelSignal | null;
  /** Signals end the process again as they usually do. */
  readonly stop: () => void;
}

/** Begins to listen. `say` gets one line for the person who waits; `what` is stopped. */
export function listenForCancel(
  io: Pick<CliIo, 'onSignal' | 'exit'>,
  say: (line: string) => void,
  what = 'the job',
): Cancellation {
  const controller = new AbortController();
  let first: CancelSignal | null = null;
  const stop = io.onSignal((name) => {
    if (first !== null) {
      io.exit(exitCodeOfSignal(name));
      return;
    }
    first = name;
    say(`berthkit: ${name}: stopping ${what}; once more to leave without cleaning up`);
    controller.abort(new Error(`the command got ${name}`));
  });
  return { signal: controller.signal, received: () => first, stop };
}

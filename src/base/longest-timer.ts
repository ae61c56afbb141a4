/** How long Node's timers can run. */

/** In milliseconds. A timer that is set for longer fires at once (Node's documentation of `setTimeout`). */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

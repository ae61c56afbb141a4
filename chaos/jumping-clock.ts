/** The wall clock of this process, which jumps when it is told to; timers and the monotonic clock do not. */

const realNow = Date.now.bind(Date);

/** More than a day, so that whatever is measured with it goes wrong. */
const JUMP_MS = 30 * 3_600_000;

/** Moves the wall clock of everything in this process. */
export interface JumpingClock {
  jump(direction: 'forward' | 'back'): void;
  /** The time is right again. */
  restore(): void;
}

/** Takes hold of the wall clock. */
export function createJumpingClock(): JumpingClock {
  let offsetMs = 0;
  Date.now = () => realNow() + offsetMs;
  return {
    jump(direction) {
      offsetMs += direction === 'forward' ? JUMP_MS : -JUMP_MS;
    },
    restore() {
      Date.now = realNow;
    },
  };
}

/** Notices that a job has written nothing for too long. It stops nothing. */

/** A watch under way. */
export interface IdleWatch {
  /** Passes output on. While whoever takes it holds it back, the job is not to blame for its silence. */
  hear(pass: () => Promise<void>): Promise<void>;
  end(): void;
}

/** Who listens to the job. */
interface Listener {
  /** Half of the time is over, and nothing was heard: once for each silence. */
  listenHarder(): void;
  /** When all of it is over: whether the silence is the job's. If not, it is as if something had been heard. */
  isHearing(): boolean;
}

const ALWAYS: Listener = { listenHarder: () => undefined, isHearing: () => true };

/** Begins to watch; `onIdle` is called at most once. Null: for ever. */
export function watchIdle(idleMs: number | null, onIdle: () => void, listener = ALWAYS): IdleWatch {
  if (idleMs === null) return { hear: async (pass) => pass(), end: () => undefined };
  let heardAt = performance.now();
  let passing = 0;
  let isHalf = false;
  const hearNow = (): void => {
    heardAt = performance.now();
    isHalf = false;
  };
  const wake = (): void => {
    if (passing > 0) hearNow();
    if (performance.now() - heardAt >= idleMs) {
      if (listener.isHearing()) {
        onIdle();
        return;
      }
      hearNow();
    }
    if (!isHalf && performance.now() - heardAt >= idleMs / 2) {
      isHalf = true;
      listener.listenHarder();
    }
    const nextAt = heardAt + (isHalf ? idleMs : idleMs / 2);
    timer = setTimeout(wake, Math.ceil(nextAt - performance.now()));
  };
  let timer = setTimeout(wake, Math.ceil(idleMs / 2));
  return {
    async hear(pass) {
      passing += 1;
      try {
        await pass();
      } finally {
        passing -= 1;
        hearNow();
      }
    },
    end: () => {
      clearTimeout(timer);
    },
  };
}

/** Notices that a job has written nothing for too long. It stops nothing. */

/** A watch under way. */
export interface IdleWatch {
  /** Passes output on. While whoever takes it holds it back, the job is not to blame for its silence. */
  hear(pass: () => Promise<void>): Promise<void>;
  end(): void;
}

/** Begins to watch; `onIdle` is called at most once. Null: for ever. */
export function watchIdle(idleMs: number | null, onIdle: () => void): IdleWatch {
  if (idleMs === null) return { hear: async (pass) => pass(), end: () => undefined };
  let heardAt = performance.now();
  let passing = 0;
  const wake = (): void => {
    const leftMs = passing > 0 ? idleMs : heardAt + idleMs - performance.now();
    if (leftMs > 0) timer = setTimeout(wake, Math.ceil(leftMs));
    else onIdle();
  };
  let timer = setTimeout(wake, idleMs);
  return {
    async hear(pass) {
      passing += 1;
      try {
        await pass();
      } finally {
        passing -= 1;
        heardAt = performance.now();
      }
    },
    end: () => {
      clearTimeout(timer);
    },
  };
}

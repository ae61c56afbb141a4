/** Looks for what dead processes left, some time after the first use of a runtime and then again and again. What is done is its caller's. */

/** When to look. */
export interface SweeperOptions {
  /** From the first use to the first pass; null: never. */
  readonly firstPassMs: number | null;
  /** From the end of a pass to the next; null: only once. */
  readonly everyMs: number | null;
  readonly pass: () => Promise<unknown>;
}

/** Passes of their own accord. */
export interface Sweeper {
  /** The runtime is used; only the first call counts. */
  begin(): void;
  /** Begins no more passes, and resolves when none is under way. Never rejects. */
  stop(): Promise<void>;
}

/** A sweeper that has not begun. */
export function createSweeper({ firstPassMs, everyMs, pass }: SweeperOptions): Sweeper {
  let state: 'new' | 'begun' | 'stopped' = 'new';
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const schedule = (afterMs: number | null): void => {
    if (afterMs === null || state === 'stopped') return;
    // An idle runtime does not keep the process alive.
    timer = setTimeout(() => {
      running = sweep();
    }, afterMs).unref();
  };
  const sweep = async (): Promise<void> => {
    // An engine that is away now may be back the next time.
    await pass().catch(() => undefined);
    schedule(everyMs);
  };

  return {
    begin() {
      if (state !== 'new') return;
      state = 'begun';
      schedule(firstPassMs);
    },
    async stop() {
      state = 'stopped';
      clearTimeout(timer);
      await running;
    },
  };
}

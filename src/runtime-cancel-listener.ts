/** Looks for word in the run store that runs of this process are to end, while it has any. Who leaves it is elsewhere. */
import { cancelCause } from './run-cancel-request.js';
import { askStore } from './recovery/ask-store.js';
import type { RunStore } from './run-store/types.js';
import type { RuntimeRuns } from './runtime-runs.js';

/** A listener of one runtime. */
export interface CancelListener {
  /** Looks once a second while a run is live. */
  begin(): void;
  /** A run has ended: looks no more if it was the last. */
  rest(): void;
  /** Resolves when no look is under way. Never rejects. */
  stop(): Promise<void>;
}

/** Where it looks, and whom it tells. */
export interface CancelListenerOptions {
  readonly store: RunStore;
  readonly instance: string;
  readonly runs: Pick<RuntimeRuns, 'get' | 'stopRun' | 'hasLive'>;
}

/** Who waits at a terminal waits no longer than this for the process that runs it. */
const LOOK_EVERY_MS = 1_000;

/** Looks at nothing before a run begins. */
export function createCancelListener({ store, instance, runs }: CancelListenerOptions): CancelListener {
  let timer: NodeJS.Timeout | null = null;
  let looking: Promise<void> | null = null;

  const look = async (): Promise<void> => {
    const requests = await askStore('requests are not heard', async () => store.listCancelRequests(instance));
    for (const request of requests) {
      const isMeant = runs.get(request.runId)?.summary().startedAt === request.startedAt;
      if (isMeant) runs.stopRun(request.runId, cancelCause(request));
    }
  };
  const schedule = (): void => {
    if (timer !== null || looking !== null || !runs.hasLive()) return;
    timer = setTimeout(() => {
      timer = null;
      // A store that fails now may answer the next time.
      looking = look()
        .catch(() => undefined)
        .finally(() => {
          looking = null;
          schedule();
        });
    }, LOOK_EVERY_MS).unref();
  };
  const cease = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  return {
    begin: schedule,
    rest() {
      if (!runs.hasLive()) cease();
    },
    async stop() {
      cease();
      await looking;
      cease();
    },
  };
}

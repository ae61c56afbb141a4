/** Waits for a container's end: `wait` wakes us up, `inspect` is the truth, and an engine that is away gets time to come back. */
import type { ContainerEngine, ContainerInfo } from '../engine/types.js';
import { NO_LONGER_WANTED, pause, within } from './deadline.js';
import { engineCall } from './engine-call.js';
import type { EngineContact } from './engine-contact.js';

/** What is known at the end. */
interface WatchedEnd {
  /** Null when the container is gone, or the engine stayed away. */
  readonly info: ContainerInfo | null;
}

/** A watch under way. */
export interface ContainerWatch {
  /** Never rejects. */
  readonly ended: Promise<WatchedEnd>;
  /** From now on the container is looked at once more and the watch ends, running or not. */
  abandon(): void;
}

/** A `wait` may hang for ever on a connection that died silently, so the truth is asked for this often. */
const POLL_MS = 5_000;
/** A look that is not answered by then may have met a connection that died as well. */
const LOOK_MS = 5_000;
/** Between two looks when `wait` has nothing to say. */
const RETRY_MS = 250;
/** How long an engine may be away before the run is given up as interrupted. */
const ENGINE_AWAY_MS = 60_000;

/** Begins to watch a container that was started. */
export function watchContainer(engine: ContainerEngine, id: string, contact: EngineContact): ContainerWatch {
  const abandoned = new AbortController();
  return {
    ended: watch(engine, id, abandoned.signal, contact),
    abandon: () => {
      abandoned.abort(NO_LONGER_WANTED);
    },
  };
}

async function watch(
  engine: ContainerEngine,
  id: string,
  abandoned: AbortSignal,
  contact: EngineContact,
): Promise<WatchedEnd> {
  for (;;) {
    await wakeUp(engine, id, abandoned, contact);
    try {
      const last = abandoned.aborted;
      const info = await look(engine, id);
      contact.succeed();
      if (info === null || hasEnded(info) || last) return { info };
      // Something between here and the engine said that it was started: it never ends, for it never began.
      if (info.status === 'created') return { info };
      // "removing" becomes "gone" in a moment, and its wait has nothing left to wait for.
      if (info.status === 'removing') await pause(RETRY_MS, abandoned);
    } catch (error) {
      contact.fail(error);
      if (abandoned.aborted || contact.awayMs > ENGINE_AWAY_MS) return { info: null };
      await pause(RETRY_MS, abandoned);
    }
  }
}

/** By one connection after the other, more and more seldom: earlier looks stay open, for their answers may only be late. */
async function look(engine: ContainerEngine, id: string): Promise<ContainerInfo | null> {
  const over = new AbortController();
  const looks: Promise<{ readonly info: ContainerInfo | null }>[] = [];
  try {
    for (let waitMs = LOOK_MS; ; waitMs *= 2) {
      looks.push(
        engineCall('inspect', over.signal, async (signal) => ({
          info: await engine.containers.inspect(id, { signal }),
        })),
      );
      const seen = await within(waitMs, Promise.race(looks));
      if (seen !== null) return seen.info;
    }
  } finally {
    over.abort(NO_LONGER_WANTED);
  }
}

function hasEnded(info: ContainerInfo): boolean {
  return info.status === 'exited' || info.status === 'dead';
}

/** Resolves when it is worth looking again. */
async function wakeUp(
  engine: ContainerEngine,
  id: string,
  abandoned: AbortSignal,
  contact: EngineContact,
): Promise<void> {
  if (abandoned.aborted) return;
  const awake = new AbortController();
  const stopWaiting = (): void => {
    awake.abort(NO_LONGER_WANTED);
  };
  abandoned.addEventListener('abort', stopWaiting, { once: true });
  const waiting = engine.containers.wait(id, { signal: awake.signal }).then(
    () => undefined,
    async (error: unknown) => {
      // An engine that restarts may be back before the next look: the connection that broke is all there is to see.
      if (!awake.signal.aborted) contact.fail(error);
      // The next look tells what is the matter; not at once, or a refusing engine would be asked in a tight loop.
      await pause(RETRY_MS, awake.signal);
    },
  );
  try {
    await Promise.race([waiting, pause(POLL_MS, awake.signal)]);
  } finally {
    abandoned.removeEventListener('abort', stopWaiting);
    stopWaiting();
  }
}

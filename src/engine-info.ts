/** What the engine says of itself, asked at most once a minute and by one call for all who want to know. It makes no engine. */
import type { ContainerEngine, EngineInfo } from './engine/types.js';
import { engineCall } from './execute/engine-call.js';
import type { Clock, Surroundings } from './runtime-ports.js';

/** An answer of the engine. */
interface DatedEngineInfo {
  readonly info: EngineInfo;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
}

/** The engine's last answer. */
export interface EngineInfoCache {
  /**
   * The last answer if it is fresh enough. A failure is not remembered: the next question asks the engine again.
   *
   * @throws `engine.unreachable`, and whatever else the engine rejects with.
   */
  get(): Promise<DatedEngineInfo>;
  /** The last answer there was, however old; null: none yet. Asks nothing. */
  readonly known: () => EngineInfo | null;
  /** The next question asks the engine, also if one is under way. */
  forget(): void;
}

/** How old an answer may be. */
const MAX_AGE_MS = 60_000;

/** Nothing asked yet. */
export function createEngineInfoCache(
  engine: () => Promise<ContainerEngine>,
  clock: Clock,
  surroundings: Pick<Surroundings, 'engineFailed' | 'engineAnswered'>,
): EngineInfoCache {
  let last: EngineInfo | null = null;
  let answer: { readonly promise: Promise<DatedEngineInfo>; readonly askedMs: number } | null = null;

  const ask = async (): Promise<DatedEngineInfo> => {
    const askedAt = clock.now();
    const reached = await engine();
    return { info: await engineCall('info', undefined, (signal) => reached.info({ signal })), askedAt };
  };

  return {
    async get() {
      if (answer !== null && clock.monotonic() - answer.askedMs < MAX_AGE_MS) return answer.promise;
      const asked = { promise: ask(), askedMs: clock.monotonic() };
      answer = asked;
      asked.promise.then(
        ({ info }) => {
          last = info;
          surroundings.engineAnswered();
        },
        (error: unknown) => {
          surroundings.engineFailed(error);
          if (answer === asked) answer = null;
        },
      );
      return asked.promise;
    },
    known: () => last,
    forget() {
      answer = null;
    },
  };
}

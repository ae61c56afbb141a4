/** Pulls of one engine that are under way: whoever wants the same image joins. It judges no image and looks for no credentials. */
import { jsonHash } from '../base/json-hash.js';
import type { ContainerEngine, PulledImage, PullProgress } from '../engine/types.js';
import { EngineError, ImageError } from '../errors.js';
import type { RegistryCredentials } from '../secrets/types.js';
import { withDeadline } from './deadline.js';
import { createProgressFilter } from './pull-progress.js';
import { whileMoving } from './while-moving.js';

/** Times a registry that asks for fewer pulls is asked, and how long is waited: 2, 4, 8, 16 s, each by chance down to its half. */
const LIMITED_ATTEMPTS = 5;
const FIRST_DELAY_MS = 2_000;

/** What one caller wants pulled. */
export interface PullRequest {
  readonly engine: ContainerEngine;
  readonly reference: string;
  readonly platform: string | null;
  readonly credentials: RegistryCredentials | null;
  /** For this caller, however long others wait: all it was given, and what is left of that. */
  readonly timeoutMs: number;
  readonly leftMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: PullProgress) => void;
}

/** Pulls, each image at most once at a time. */
export interface ImagePulls {
  /**
   * Pulls, or waits for the pull of the same image for the same platform with the same credentials: nobody has an image by another's. A pull is ended when the last who waits for it has left.
   *
   * @throws what the engine's `pull` throws, each caller an error of its own; `image.pull_timed_out` when this caller's time is over, or when
   * nothing moved for too long.
   */
  pull(request: PullRequest): Promise<PulledImage>;
}

/** What pulls go by. */
export interface ImagePullsOptions {
  /** A pull that tells of no progress for so long is given up. */
  readonly idleMs: () => number;
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  /** Stands around each pull, however many share it; absent: nothing does. */
  readonly witness?:
    | ((request: PullRequest, signal: AbortSignal, pull: () => Promise<PulledImage>) => Promise<PulledImage>)
    | undefined;
}

/** A pull under way with those who wait for it. */
interface Flight {
  readonly waiting: Set<PullRequest>;
  readonly end: AbortController;
  readonly pulled: Promise<PulledImage>;
}

/** Makes the pulls of one engine; none is under way. */
export function createImagePulls(options: ImagePullsOptions): ImagePulls {
  const flights = new Map<string, Flight>();

  const begin = (key: string, request: PullRequest): Flight => {
    const waiting = new Set<PullRequest>();
    const end = new AbortController();
    const isWorthTelling = createProgressFilter();
    const tell = (progress: PullProgress): void => {
      if (!isWorthTelling(progress)) return;
      for (const { onProgress } of waiting) onProgress(progress);
    };
    const pull = async (): Promise<PulledImage> => pullPatiently(request, options, end.signal, tell);
    const pulled = options.witness === undefined ? pull() : options.witness(request, end.signal, pull);
    const flight = { waiting, end, pulled };
    flights.set(key, flight);
    // Each who waits hears of a failure by itself; the last may have left.
    pulled.catch(() => undefined);
    return flight;
  };

  return {
    async pull(request) {
      const { reference, platform, credentials, timeoutMs, leftMs, signal } = request;
      const key = jsonHash([reference, platform, credentials]);
      const flight = flights.get(key) ?? begin(key, request);
      flight.waiting.add(request);
      const onTimeout = (): Error =>
        new ImageError(
          'image.pull_timed_out',
          `pulling ${reference} took longer than ${String(timeoutMs)} ms`,
          { hint: 'raise timeouts.default.pullMs, or pull the image beforehand' },
        );
      try {
        return await withDeadline({ timeoutMs: leftMs, signal, onTimeout }, async () => flight.pulled);
      } catch (error) {
        throw ownError(error);
      } finally {
        flight.waiting.delete(request);
        if (flight.waiting.size === 0) {
          // Nobody can have joined since: a flight is there as long as somebody waits for it.
          flights.delete(key);
          flight.end.abort();
        }
      }
    },
  };
}

/** An error is completed with what is known of a run, so no two runs may have the same one. */
function ownError(error: unknown): unknown {
  if (!(error instanceof ImageError || error instanceof EngineError)) return error;
  const { message, cause, hint, details } = error;
  return error instanceof ImageError
    ? new ImageError(error.code, message, { cause, hint, details })
    : new EngineError(error.code, message, { cause, hint, details });
}

async function pullPatiently(
  request: PullRequest,
  { idleMs, pause, random }: ImagePullsOptions,
  signal: AbortSignal,
  onProgress: (progress: PullProgress) => void,
): Promise<PulledImage> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await pullWatched(request, idleMs(), signal, onProgress);
    } catch (error) {
      if (attempt === LIMITED_ATTEMPTS || !isLimited(error) || signal.aborted) throw error;
      const delayMs = Math.round(FIRST_DELAY_MS * 2 ** (attempt - 1) * (0.5 + random() / 2));
      const status = `The registry limits pulls; trying again in ${String(delayMs)} ms`;
      onProgress({ layer: null, status, currentBytes: null, totalBytes: null });
      await pause(delayMs, signal);
      signal.throwIfAborted();
    }
  }
}

function isLimited(error: unknown): boolean {
  return error instanceof ImageError && error.details['reason'] === 'too_many_requests';
}

/** One call to the engine, given up when nothing moves for too long. */
async function pullWatched(
  { engine, reference, platform, credentials }: PullRequest,
  idleMs: number,
  signal: AbortSignal,
  onProgress: (progress: PullProgress) => void,
): Promise<PulledImage> {
  const onIdle = (): Error => {
    const message = `pulling ${reference} made no progress for ${String(idleMs)} ms`;
    const hint = 'is the registry reachable from the engine? raise images.pullIdleMs for a slow one';
    return new ImageError('image.pull_timed_out', message, { hint });
  };
  return whileMoving({ idleMs, signal, onIdle }, async (inner, moved) =>
    engine.images.pull(reference, {
      signal: inner,
      platform: platform ?? undefined,
      credentials: credentials ?? undefined,
      onProgress: (progress) => {
        moved();
        onProgress(progress);
      },
    }),
  );
}

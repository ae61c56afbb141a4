/** Calls that may be under way when their runtime closes: each has a signal of its own until it is over. It knows no image. */
import type { ImageCallOptions } from './call-options.js';

/** What a call is made with: its signal is the caller's and the runtime's. */
type EndedOptions<O> = O & { readonly signal: AbortSignal };

/** The calls of one runtime. */
export interface OpenCalls {
  /** Makes a call; it rejects with a signal's reason once that is aborted. */
  during<O extends ImageCallOptions, T>(
    options: O | undefined,
    call: (options: EndedOptions<O>) => Promise<T>,
  ): Promise<T>;
  /** The same for a call whose stream outlives it: over when that was read, or was broken off. */
  streaming<O extends ImageCallOptions, T>(
    options: O | undefined,
    call: (options: EndedOptions<O>) => Promise<AsyncIterable<T>>,
  ): Promise<AsyncIterable<T>>;
  /** Ends those under way. */
  stop(): void;
  /** Resolves when those under way are over. Never rejects. */
  settled(): Promise<void>;
}

/** No calls yet; `reason` makes what each of those that are ended rejects with. */
export function createOpenCalls(reason: () => Error): OpenCalls {
  const open = new Map<AbortController, Promise<unknown>>();

  const optionsFor = <O extends ImageCallOptions>(
    options: O | undefined,
    { signal }: AbortController,
  ): EndedOptions<O> => {
    const given = options?.signal;
    const either = given === undefined ? signal : AbortSignal.any([given, signal]);
    return { ...options, signal: either } as EndedOptions<O>;
  };

  return {
    async during(options, call) {
      const end = new AbortController();
      const work = call(optionsFor(options, end));
      open.set(end, work);
      try {
        return await work;
      } finally {
        open.delete(end);
      }
    },
    async streaming(options, call) {
      const end = new AbortController();
      const over = new Promise<void>((resolve) => {
        end.signal.addEventListener('abort', () => {
          resolve();
        });
      });
      open.set(end, over);
      const close = (): void => {
        open.delete(end);
        // Nothing listens any more but who waits for it.
        end.abort();
      };
      try {
        return untilRead(await call(optionsFor(options, end)), close);
      } catch (error) {
        close();
        throw error;
      }
    },
    stop() {
      for (const end of [...open.keys()]) end.abort(reason());
    },
    async settled() {
      await Promise.allSettled([...open.values()]);
    },
  };
}

async function* untilRead<T>(
  source: AsyncIterable<T>,
  close: () => void,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* source;
  } finally {
    close();
  }
}

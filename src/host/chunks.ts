/** Streams of bytes that end when they are told to, also when their source hangs. They know no files. */
import { types } from 'node:util';

/** Settles like the work, or rejects with the signal's reason as soon as it is aborted. What abandoned work comes to is ignored. */
export async function abortable<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an abort reason may be any value, as in the platform
      reject(signal.reason);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => {
        signal.removeEventListener('abort', onAbort);
      });
  });
}

/** Hands on what a source gives until the signal is aborted. Breaking off lets the source go without waiting for it. */
export async function* interruptible<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  let exhausted = false;
  try {
    for (;;) {
      const next = await abortable(iterator.next(), signal);
      if (next.done === true) {
        exhausted = true;
        return;
      }
      yield next.value;
    }
  } finally {
    // Not awaited: a source that hangs in `next` queues `return` behind it.
    if (!exhausted) void letGo(iterator);
  }
}

/** The same with each element checked: whoever wrote the source may have promised bytes and give text. */
export async function* bytesOf(
  source: AsyncIterable<unknown>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of interruptible(source, signal)) {
    if (!types.isUint8Array(chunk))
      throw new TypeError(`expected bytes but the source gave a ${typeof chunk}`);
    yield chunk;
  }
}

const givingAway = new WeakSet<object>();

/** Says of a stream that it has memory of its own for each chunk: who reads it may keep them. Only its maker knows. */
export function withOwnChunks<T extends AsyncIterable<Uint8Array>>(source: T): T {
  givingAway.add(source);
  return source;
}

/** Whether that was said of it. Of any other stream the memory of a chunk may be that of the next. */
export function hasOwnChunks(source: AsyncIterable<unknown>): boolean {
  return givingAway.has(source);
}

/** A stream of one chunk. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}

async function letGo(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // Nobody is left to hear it: the reason for breaking off is what gets reported.
  }
}

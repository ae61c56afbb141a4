/** Reads a tar of an engine's, entry by entry and to its end, trusting nothing in it. What its entries mean is its reader's affair. */
import type { Extract, Header } from 'tar-stream';
import { EngineError } from '../errors.js';
import { interruptible } from '../host/chunks.js';

/** One entry with its bytes. What is not read of them is passed over. */
export type TarSource = Extract extends AsyncIterable<infer Entry> ? Entry : never;

/** Two empty blocks. */
const TRAILER_BYTES = 1024;
const BLOCK_BYTES = 512;

/**
 * Reads until an entry is `enough`, else to the end, and gives how many entries there were.
 *
 * @throws what `take` throws; `engine.failed` for a tar that is cut off or cannot be read; what the tar rejects with; the signal's reason.
 */
export async function readTar(
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  take: (source: TarSource) => Promise<'more' | 'enough'>,
): Promise<number> {
  const { extract } = await import('tar-stream');
  const reader = extract();
  const count = { fed: 0, ends: 0, entries: 0 };
  // What the reader has against the tar; there is none where reading is broken off.
  const opinion: { problem: Error | null } = { problem: null };
  reader.once('error', (error) => {
    opinion.problem = error;
  });
  const feeding = feed(reader, tar, count, signal);
  try {
    for await (const source of reader) {
      count.ends = endOf(source.header);
      count.entries += 1;
      if ((await take(source)) === 'enough') return count.entries;
      source.resume();
    }
    await feeding.settled;
  } catch (error) {
    signal.throwIfAborted();
    const failure = feeding.failure();
    if (failure !== null) throw failure;
    const { problem } = opinion;
    if (problem !== null) throw brokenTar(problem.message, problem);
    throw error;
  } finally {
    reader.destroy();
    await feeding.settled;
  }
  if (count.fed - count.ends < TRAILER_BYTES) throw brokenTar('it is cut off');
  return count.entries;
}

/** What to throw for a tar that no engine would make. */
export function brokenTar(problem: string, cause?: unknown): EngineError {
  return new EngineError('engine.failed', `The engine's tar of an output cannot be used: ${problem}.`, {
    cause,
  });
}

interface Feeding {
  readonly settled: Promise<void>;
  /** What the tar itself rejected with. */
  failure(): Error | null;
}

/** Hands the tar to its reader, no faster than it is read, until that is closed. */
function feed(
  reader: Extract,
  tar: AsyncIterable<Uint8Array>,
  count: { fed: number },
  signal: AbortSignal,
): Feeding {
  let failure: Error | null = null;
  const over = new AbortController();
  const closed = new Promise<void>((resolve) => {
    reader.once('close', () => {
      over.abort();
      resolve();
    });
  });
  const run = async (): Promise<void> => {
    try {
      for await (const chunk of interruptible(tar, AbortSignal.any([signal, over.signal]))) {
        count.fed += chunk.byteLength;
        if (reader.write(chunk)) continue;
        await Promise.race([new Promise<void>((resolve) => reader.once('drain', resolve)), closed]);
        if (reader.destroyed) return;
      }
      reader.end(null);
    } catch (error) {
      // A reader that is closed already wants no more.
      if (over.signal.aborted) return;
      failure = error instanceof Error ? error : new Error(String(error));
      reader.destroy(failure);
    }
  };
  return { settled: run(), failure: () => failure };
}

const endOf = (header: Header): number => {
  const start = Number(Reflect.get(header, 'byteOffset'));
  const sizeBytes = header.type === 'directory' ? 0 : header.size;
  return start + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
};

/** The caller's streams, read once and replayed for every further attempt. It stages nothing. */
import { types } from 'node:util';
import { createSpool, type Spool } from '../host/spool.js';
import { type FileContent, type FileEntry, isLocalPath, normalizeFile } from './file-content.js';

/** What a caller gives with a run that may hold streams. */
export interface StreamOptions {
  readonly files?: Readonly<Record<string, FileEntry>> | undefined;
  readonly stdin?: FileContent | undefined;
}

/** How streams are kept. */
export interface KeepOptions {
  /** Holds what does not fit into memory, in a file without a name. */
  readonly folder: string;
  /** A stream with more bytes than this is handed on, but not kept. */
  readonly maxStreamBytes: number;
}

/** Streams that can be read again. */
export interface KeptStreams {
  /** The same options; every reader of a stream in them begins at its first byte. One reader at a time. */
  readonly options: StreamOptions;
  /** Why there can be no further attempt with the same content; null if there can. */
  problem(): string | null;
  /** Lets go of sources and of what was kept. */
  close(): Promise<void>;
}

/** Of all streams of a run together. */
const MEMORY_BYTES = 4 * 1024 ** 2;

/** Keeps the streams among a caller's options; what is no stream stays as it is, and a local `path` is read anew each time. */
export function keepStreams(given: StreamOptions, { folder, maxStreamBytes }: KeepOptions): KeptStreams {
  const spool = createSpool(folder, MEMORY_BYTES);
  const kept: KeptStream[] = [];
  const keep = (what: string, content: FileContent): FileContent => {
    if (!isStream(content)) return content;
    const stream = keepStream(what, content, spool, maxStreamBytes);
    kept.push(stream);
    return stream.content;
  };
  const files = Object.entries(given.files ?? {}).map(([path, entry]) => {
    const { content, executable } = normalizeFile(entry);
    return [path, { content: keep(`the stream for files "${path}"`, content), executable }] as const;
  });
  return {
    options: {
      ...(given.files === undefined ? {} : { files: Object.fromEntries(files) }),
      ...(given.stdin === undefined ? {} : { stdin: keep('the stream for standard input', given.stdin) }),
    },
    problem: () => kept.map((stream) => stream.problem()).find((problem) => problem !== null) ?? null,
    async close() {
      for (const stream of kept) stream.close();
      await spool.close();
    },
  };
}

const isStream = (content: FileContent): content is AsyncIterable<Uint8Array> =>
  typeof content === 'object' && !(content instanceof Uint8Array) && !isLocalPath(content);

interface KeptStream {
  readonly content: AsyncIterable<Uint8Array>;
  problem(): string | null;
  close(): void;
}

/** Bytes that lie together in the spool; grows while the stream appends right behind it. */
interface Extent {
  readonly position: number;
  sizeBytes: number;
}

/** Small pieces of a stream are put together up to this size, so that a list of them stays short. */
const EXTENT_BYTES = 256 * 1024;

function keepStream(
  what: string,
  source: AsyncIterable<Uint8Array>,
  spool: Spool,
  maxBytes: number,
): KeptStream {
  const extents: Extent[] = [];
  let keptBytes = 0;
  let problem: string | null = null;
  let iterator: AsyncIterator<Uint8Array> | null = null;
  let isDone = false;
  let failure: { readonly error: unknown } | null = null;
  let pulling: Promise<void> | null = null;
  /** Read from the source and not kept: for whoever reads now, once. */
  const loose: Uint8Array[] = [];
  let reader: symbol | null = null;

  const keep = async (bytes: Uint8Array): Promise<void> => {
    if (keptBytes + bytes.byteLength > maxBytes) {
      problem = `${what} has more than ${String(maxBytes)} bytes and was not kept`;
      return;
    }
    try {
      const position = await spool.append(bytes);
      const last = extents.at(-1);
      const isNext = last !== undefined && last.position + last.sizeBytes === position;
      if (isNext && last.sizeBytes < EXTENT_BYTES) last.sizeBytes += bytes.byteLength;
      else extents.push({ position, sizeBytes: bytes.byteLength });
      keptBytes += bytes.byteLength;
    } catch (error) {
      problem = `${what} could not be kept: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
  const pullOnce = async (): Promise<void> => {
    try {
      iterator ??= source[Symbol.asyncIterator]();
      const next = await iterator.next();
      if (next.done === true) {
        isDone = true;
        return;
      }
      const bytes: unknown = next.value;
      if (!types.isUint8Array(bytes))
        throw new TypeError(`expected bytes but the source gave a ${typeof bytes}`);
      if (problem === null) await keep(bytes);
      if (problem !== null) loose.push(bytes);
    } catch (error) {
      failure = { error };
      problem ??= `${what} failed`;
    }
  };
  /** One at a time, whoever asks: what comes of a reader that was abandoned belongs to the next one. */
  const pull = async (): Promise<void> => {
    pulling ??= pullOnce().finally(() => {
      pulling = null;
    });
    await pulling;
  };
  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    const me = Symbol('reader');
    reader = me;
    for (let index = 0, within = 0; reader === me;) {
      const extent = extents[index];
      if (extent !== undefined && within < extent.sizeBytes) {
        const bytes = await spool.read(extent.position + within, extent.sizeBytes - within);
        within += bytes.byteLength;
        yield bytes;
      } else if (index + 1 < extents.length) {
        index += 1;
        within = 0;
      } else if (loose.length > 0) {
        yield* loose.splice(0, 1);
      } else if (failure !== null) {
        throw failure.error;
      } else if (isDone) {
        return;
      } else {
        await pull();
      }
    }
  }

  return {
    content: { [Symbol.asyncIterator]: read },
    problem: () => problem,
    close() {
      // Not awaited: a source that hangs in `next` queues `return` behind it.
      if (!isDone) void Promise.resolve(iterator?.return?.()).catch(() => undefined);
    },
  };
}

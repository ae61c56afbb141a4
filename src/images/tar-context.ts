/** A tar as the context of a build: checked on its way, and nothing in it but files, folders and links. It writes nothing to the disk. */
import { once as onceTold } from 'node:events';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import type { Header, Pack } from 'tar-stream';
import { ImageError } from '../errors.js';
import { bytesOf, once } from '../host/chunks.js';

/** What both kinds of context go by. */
export interface ContextOptions {
  /** Of the content of all files. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Path within the context, in its normal form. */
  readonly dockerfile: string;
  readonly signal: AbortSignal;
  /** Gets the text of the Dockerfile before any more is sent; what it throws ends the context. */
  readonly onDockerfile: (text: string) => Promise<void>;
}

/** What a context came to so far. */
export interface ContextAccount {
  /** Throws `image.context_too_large` when it is too much. */
  add(sizeBytes: number): void;
}

/** A Dockerfile is read whole. */
const MAX_DOCKERFILE_BYTES = 1024 * 1024;

/** `image.context_rejected` */
export const rejected = (why: string, cause?: unknown): ImageError =>
  new ImageError('image.context_rejected', `the context cannot be built from: ${why}`, { cause });

/** Counts nothing yet. */
export function createContextAccount({ maxBytes, maxEntries }: ContextOptions): ContextAccount {
  let bytes = 0;
  let entries = 0;
  const tooLarge = (what: string): ImageError =>
    new ImageError('image.context_too_large', `the context holds more than ${what}`, {
      hint: 'leave out by .dockerignore what the build does not need, or raise maxContextBytes',
    });
  return {
    add(sizeBytes) {
      bytes += sizeBytes;
      entries += 1;
      if (bytes > maxBytes) throw tooLarge(`${String(maxBytes)} bytes`);
      if (entries > maxEntries) throw tooLarge(`${String(maxEntries)} files and folders`);
    },
  };
}

/** Makes a tar while it is read; breaking off ends whoever fills it. */
export async function* packed(fill: (pack: Pack) => Promise<void>): AsyncGenerator<Uint8Array> {
  // Loaded when the first image is built.
  const tar = await import('tar-stream');
  const pack = tar.pack();
  const filling = fill(pack).then(
    () => {
      pack.finalize();
    },
    (error: unknown) => {
      pack.destroy(error instanceof Error ? error : new Error(String(error)));
    },
  );
  try {
    yield* pack as AsyncIterable<Uint8Array>;
  } finally {
    pack.destroy();
    await filling;
  }
}

/** What is said of an entry; what is absent is usual. */
export type EntryHeader = Partial<Header> & Pick<Header, 'name'>;

/** Writes one entry with its content; waits while nobody reads. */
export async function putEntry(
  pack: Pack,
  header: EntryHeader,
  content: AsyncIterable<Uint8Array> | null,
): Promise<void> {
  if (content === null) {
    await new Promise<void>((resolve, reject) => {
      pack.entry(header, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    return;
  }
  let settle: (error?: Error | null) => void = () => undefined;
  const written = new Promise<void>((resolve, reject) => {
    settle = (error) => {
      if (error) reject(error);
      else resolve();
    };
  });
  written.catch(() => undefined);
  const entry = pack.entry(header, (error) => {
    settle(error ?? null);
  });
  // It fails with the tar that is given up while it is open, and that is told by whoever gives it up.
  entry.on('error', settle);
  for await (const chunk of content) {
    if (!entry.write(chunk)) await Promise.race([onceTold(entry, 'drain'), written]);
  }
  entry.end(null);
  await written;
}

const TYPES = ['file', 'directory', 'symlink', 'link'] as const;

/** The same tar, checked. @throws `image.context_rejected`, `image.context_too_large`; what the source and `onDockerfile` throw. */
export function tarContext(
  source: AsyncIterable<Uint8Array>,
  options: ContextOptions,
): AsyncGenerator<Uint8Array> {
  return packed(async (pack) => {
    const { extract } = await import('tar-stream');
    const account = createContextAccount(options);
    const links = new Set<string>();
    let hasDockerfile = false;
    const reader = extract({});
    const body = Readable.from(bytesOf(source, options.signal), { objectMode: false });
    body.on('error', (error) => {
      reader.destroy(error);
    });
    body.pipe(reader);
    try {
      for await (const entry of reader) {
        const { header } = entry;
        const content = entry as AsyncIterable<Uint8Array>;
        const name = checkedName(header, links);
        const isDockerfile = name === options.dockerfile;
        account.add(header.size);
        if (isDockerfile && header.type !== 'file') throw notAFile(options.dockerfile);
        if (header.type === 'symlink') {
          if (`${options.dockerfile}/`.startsWith(`${name}/`)) throw notAFile(options.dockerfile);
          links.add(name);
        }
        if (isDockerfile) {
          const text = await wholeDockerfile(content, header.size);
          await options.onDockerfile(text.toString('utf8'));
          hasDockerfile = true;
          await putEntry(pack, header, once(text));
        } else if (header.type === 'file') await putEntry(pack, header, content);
        else {
          entry.resume();
          await putEntry(pack, header, null);
        }
      }
    } catch (error) {
      throw isOfTar(error) ? rejected('it is no uncompressed tar', error) : error;
    } finally {
      body.destroy();
      reader.destroy();
    }
    if (!hasDockerfile) throw rejected(`there is no ${options.dockerfile} in it`);
  });
}

/** What tar-stream says of bytes that are no tar. */
const isOfTar = (error: unknown): boolean =>
  error instanceof Error && /tar header|unexpected end of data/i.test(error.message);

export const notAFile = (dockerfile: string): ImageError =>
  rejected(`${dockerfile} in it is not a file itself`);

/** @throws `image.context_rejected` for a name that leads out of it or through a link, and for what is neither file, folder nor link. */
function checkedName({ name, type, linkname }: Header, links: ReadonlySet<string>): string {
  const shown = JSON.stringify(name.slice(0, 200));
  if (!TYPES.some((known) => known === type))
    throw rejected(`${shown} is neither a file, nor a folder, nor a link, but ${JSON.stringify(type)}`);
  const clean = posix.normalize(name).replace(/\/$/, '');
  if (clean.startsWith('/') || clean === '..' || clean.startsWith('../') || name.includes('\0'))
    throw rejected(`${shown} leads out of it`);
  if (type === 'link' && /^\/|(^|\/)\.\.(\/|$)/.test(linkname)) throw rejected(`${shown} leads out of it`);
  const names = clean.split('/');
  if (names.some((_, index) => index > 0 && links.has(names.slice(0, index).join('/'))))
    throw rejected(`${shown} lies behind a link`);
  return clean;
}

/** A Dockerfile as a whole. @throws `image.context_rejected` for one that is too long. */
export async function wholeDockerfile(
  content: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): Promise<Buffer> {
  if (sizeBytes > MAX_DOCKERFILE_BYTES)
    throw rejected(`its Dockerfile has more than ${String(MAX_DOCKERFILE_BYTES)} bytes`);
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

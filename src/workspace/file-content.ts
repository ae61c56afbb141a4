/** What a trusted caller may give as the content of a file, as types. It reads nothing. */

/** Content: text (UTF-8), bytes, a stream that is read once, or a local file or folder (links in it are not followed). */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array> | { readonly path: string };

/** Content, or content with the permission to run it. */
export type FileEntry =
  FileContent | { readonly content: FileContent; readonly executable?: boolean | undefined };

/** Whether content is named by its path; streams of Node's that read a file have a `path`, too. */
export function isLocalPath(content: FileContent): content is { readonly path: string } {
  return typeof content === 'object' && 'path' in content && !(Symbol.asyncIterator in content);
}

/** Content and permission apart. */
export interface NormalizedFile {
  readonly content: FileContent;
  readonly executable: boolean;
}

/** Gives every way of writing an entry the same shape. */
export function normalizeFile(entry: FileEntry): NormalizedFile {
  const wrapped = typeof entry === 'object' && 'content' in entry;
  return wrapped
    ? { content: entry.content, executable: entry.executable ?? false }
    : { content: entry, executable: false };
}

/** One regular file of an output: hashed once, and opened again only as the very same file. It judges no output. */
import type { FileHandle } from 'node:fs/promises';
import { escapeFileName } from '../base/file-name.js';
import { type Digest, digestContent } from '../host/file-content.js';
import { type NodeFacts, openBeneath, openContent, type OpenNode } from '../host/node.js';
import type { OutputScan } from './output-scan.js';

/** A file's name in reports and storages. */
interface FileName {
  /** Path in the workspace as text, escaped where it must be. */
  readonly path: string;
  /** The same beneath the folder of its output; empty for a file that is the output itself. */
  readonly relativePath: string;
}

/** A file that was read to its end. */
interface HashedFile {
  readonly digest: Digest;
  /** Whether nothing can have changed the file since just before it was read; false when in doubt. */
  isUnchanged(content: FileHandle): Promise<boolean>;
}

/** A file that was read to its end and can be read once more. */
export interface FoundFile extends FileName, HashedFile {
  /**
   * Opens the file that was hashed; close it.
   *
   * @throws {@link ChangedError} when another file stands there by now.
   */
  open(): Promise<FileHandle>;
}

/** The file is not what it was. */
export class ChangedError extends Error {}

/** A path of names as text. */
export const pathOf = (names: readonly Buffer[]): string => names.map(escapeFileName).join('/');

/**
 * Reads a file to its end, once, whatever is looked for in it.
 *
 * @throws {@link ChangedError} when it is longer or shorter than it says.
 */
export async function hashFile(
  node: OpenNode,
  { signal, onChunk }: { readonly signal: AbortSignal; readonly onChunk?: OutputScan['push'] | undefined },
): Promise<HashedFile> {
  const isUnchanged = unchangedSince(node.facts);
  const { sizeBytes } = node.facts;
  const content = await openContent(node);
  try {
    let total = 0;
    const onBytes = (bytes: number): void => {
      total += bytes;
      if (total > sizeBytes) throw new ChangedError();
    };
    const digest = await digestContent(content, { sizeBytes, signal, onBytes, onChunk });
    if (digest.sizeBytes !== sizeBytes) throw new ChangedError();
    return { digest, isUnchanged };
  } finally {
    await content.close();
  }
}

/** Opens a file among many by its names, for handles are few; only if it is still the same. */
export async function openSameFile(
  workspace: FileHandle,
  names: readonly Buffer[],
  identity: string,
): Promise<FileHandle> {
  const { node } = await openBeneath(workspace, names);
  try {
    if (node?.facts.identity !== identity) throw new ChangedError();
    return await openContent(node);
  } finally {
    await node?.handle.close();
  }
}

/** Kernels stamp changes with a clock of a few milliseconds: two changes within one tick look like one. */
const TICK_NS = 100_000_000n;

function unchangedSince(facts: NodeFacts): HashedFile['isUnchanged'] {
  const isSettled = BigInt(Date.now()) * 1_000_000n - facts.changedNs > TICK_NS;
  return async (content) => {
    const { ctimeNs, size } = await content.stat({ bigint: true });
    return isSettled && ctimeNs === facts.changedNs && Number(size) === facts.sizeBytes;
  };
}

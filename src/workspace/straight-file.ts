/** Lets a large file of a storage go straight into a tar: counted, hashed and checked on the way, without a copy on this host. */
import { nodeCrypto } from '../base/node-crypto.js';
import { once } from '../host/chunks.js';
import { type Content, createUnhashedFile } from '../host/file-content.js';
import { lendChunk } from '../host/lent-chunks.js';
import { openChild } from '../host/node.js';
import type { SharedFolders } from '../host/shared-folders.js';
import { countAnnounced, requireAnnounced } from './announced.js';
import type { Budget } from './budget.js';
import { readStorage } from './storage-calls.js';
import type { Transfer } from './survey.js';
import { inPlace, STAGED_FILE_MODE } from './transfer.js';

/**
 * From this size on a copy costs more than it is worth. Smaller files are staged: several are read at a time then, which makes up for a storage that is slow to
 * answer, and a tar takes one after the other.
 */
export const STRAIGHT_BYTES = 64 * 1024 * 1024;

/** The content of a file that is still where it comes from. */
export interface StraightContent {
  readonly sizeBytes: number;
  /**
   * Exactly that many bytes, to be read once. They are not all right before it has ended.
   *
   * @throws what reading the storage does; `storage.failed` when size or checksum are not what was announced.
   */
  bytes(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Contents by the identities of the empty files in their places: a file system may spell a name otherwise than it was given. */
export type StraightContents = ReadonlyMap<string, StraightContent>;

/** How a file goes straight. */
export interface StraightContext {
  /** The folders beneath `inputs/`, by path. */
  readonly folders: SharedFolders;
  readonly budget: Budget;
  /** Whether the SHA-256 is asked for; one that the storage announced is checked in any case. */
  readonly isHashed: boolean;
  readonly signal: AbortSignal;
  /** All of it was read, and it is what was announced. */
  readonly onRead: (content: Content) => void;
}

/** A transfer from a storage. */
export interface StorageTransfer extends Transfer {
  readonly source: Extract<Transfer['source'], { kind: 'storage' }>;
}

/**
 * Makes an empty file in the place of one that goes straight, so that whatever cannot be beside it is refused at once, and has it counted: it will have
 * the size that was announced, or the run fails.
 *
 * @returns the empty file's identity, and the content.
 * @throws `workspace.too_large`; `storage.failed` where there is a file already.
 */
export async function placeStraightFile(
  transfer: StorageTransfer,
  context: StraightContext,
): Promise<readonly [identity: string, content: StraightContent]> {
  const { folders, budget, signal } = context;
  const { sizeBytes } = transfer;
  const count = budget.startFile(transfer.what, 'storage');
  count(sizeBytes);
  const identity = await inPlace(transfer, folders, async ({ handle }, name) => {
    await createUnhashedFile(handle, name, once(new Uint8Array()), { mode: STAGED_FILE_MODE, signal });
    const node = await openChild(handle, name);
    await node.handle.close();
    return node.facts.identity;
  });
  const bytes: StraightContent['bytes'] = (until) => announcedBytes(transfer, count, context, until);
  return [identity, { sizeBytes, bytes }];
}

async function* announcedBytes(
  transfer: StorageTransfer,
  count: (bytes: number) => void,
  { isHashed, onRead }: StraightContext,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { source, sha256 } = transfer;
  const hash = isHashed || sha256 !== null ? nodeCrypto().createHash('sha256') : null;
  let sizeBytes = 0;
  const onBytes = countAnnounced(transfer, (bytes) => {
    sizeBytes += bytes;
    // What was announced is counted already.
    if (sizeBytes > transfer.sizeBytes) count(sizeBytes - transfer.sizeBytes);
  });
  // Whoever reads a tar has several chunks of it at a time.
  for await (const chunk of readStorage(source.place, source.path, signal, { keeps: true })) {
    onBytes(chunk.byteLength);
    hash?.update(chunk);
    if (chunk.byteLength === 0) continue;
    lendChunk(chunk);
    yield chunk;
  }
  const content = { sizeBytes, sha256: hash?.digest('hex') ?? null };
  requireAnnounced(transfer, content);
  onRead(content);
}

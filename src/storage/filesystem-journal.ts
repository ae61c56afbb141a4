/** The journal of a filesystem storage's transaction: what it holds, and where, for any process to read. It changes nothing. */
import { type Digest, readContent } from '../host/file-content.js';
import { openBeneath, openContent, type OpenNode } from '../host/node.js';
import { walk } from '../host/walk.js';
import { closing } from './filesystem-places.js';
import { storageNames } from './storage-path.js';

/** One object of a transaction, as its journal has it. */
export interface JournalEntry extends Digest {
  readonly names: readonly string[];
  /** How many of the names lead to the folder it is written in: the others were not there yet. */
  readonly depth: number;
  readonly overwrite: boolean;
  readonly idempotencyKey: string;
}

/** What the names of entries in a journal end with. */
export const ENTRY_SUFFIX = '.json';
/** More than any transaction has. */
export const MAX_ENTRIES = 1_000_000;
const MAX_ENTRY_BYTES = 64 * 1024;

/** What the journal has of every object. */
export async function readEntries(journal: OpenNode, signal: AbortSignal): Promise<readonly JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const { names } of walk(journal.handle, { maxEntries: MAX_ENTRIES, maxDepth: 1, signal })) {
    const name = names.at(-1)?.toString() ?? '';
    const entry = name.endsWith(ENTRY_SUFFIX) ? await readEntry(journal, name) : null;
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

/** One entry; null for none, and for one that was cut off while it was written: then nothing was stored for it yet. */
export async function readEntry(journal: OpenNode, name: string): Promise<JournalEntry | null> {
  const { node } = await openBeneath(journal.handle, [name]);
  if (node?.facts.type !== 'file' || node.facts.sizeBytes > MAX_ENTRY_BYTES) {
    await node?.handle.close();
    return null;
  }
  return closing(node, async () => {
    const content = await openContent(node);
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of readContent(content, { signal: new AbortController().signal }))
        chunks.push(chunk);
      const entry = JSON.parse(Buffer.concat(chunks).toString()) as JournalEntry;
      // Whoever may write to the root may write here, too; a name must not lead out of it.
      const isWithin = storageNames(entry.names.join('/')).length === entry.names.length;
      const hasPlace = Number.isInteger(entry.depth) && entry.depth >= 0 && entry.depth < entry.names.length;
      return isWithin && hasPlace ? entry : null;
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) return null;
      throw error;
    } finally {
      await content.close();
    }
  });
}

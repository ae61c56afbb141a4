/** What of a run is kept on purpose, with a note in its folder by which any process can find, count and remove it. It decides nothing. */
import { chmod, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WorkspaceError } from '../errors.js';
import { type BootTime, bootTime, isEarlierBoot, msSince } from '../host/boot-clock.js';
import { once } from '../host/chunks.js';
import { createFile, readContent } from '../host/file-content.js';
import {
  errorCode,
  handlePath,
  openBeneath,
  openChild,
  openContent,
  openDirectory,
  type OpenNode,
} from '../host/node.js';
import { removeTree } from '../host/remove-tree.js';
import { walk } from '../host/walk.js';
import { openRunFolder, type Workspace } from './create.js';
import { INPUTS_FOLDER, KEPT_NOTE, WORKSPACE_FOLDER } from './layout.js';
import { toWorkspaceError } from './run-folder.js';

/** What is kept of one attempt. */
export interface KeptRun {
  readonly runId: string;
  readonly attempt: number;
  /** ISO, on the clock of this host. */
  readonly keptAt: string;
  readonly container: { readonly id: string; readonly name: string } | null;
  /** The run's folder beneath `workspaceRoot`. */
  readonly folder: string;
  /** The same if its files are kept; null when only a note of the container is in it. */
  readonly workspace: string | null;
  /** Of all files in the folder. */
  readonly sizeBytes: number;
}

/** What is to be noted of a kept run. */
export interface KeepOptions extends Pick<KeptRun, 'runId' | 'attempt' | 'keptAt' | 'container'> {
  /** Whose it is: only the runtimes of one instance remove it. */
  readonly instance: string;
  /** The files stay; else only the note does. */
  readonly keepsFiles: boolean;
  /** Files with more bytes than this are not kept. */
  readonly maxBytes: number;
  /** When it is kept, as it can be told within this boot; null where the platform does not tell. */
  readonly bootTime?: BootTime | null | undefined;
  readonly signal: AbortSignal;
}

/** What is kept of one attempt, and how long that has been so. */
export interface AgedRun {
  readonly run: KeptRun;
  readonly ageMs: number;
}

interface Note extends Omit<KeptRun, 'folder' | 'workspace'> {
  readonly schemaVersion: 1;
  readonly instance: string;
  readonly keepsFiles: boolean;
  readonly bootTime?: BootTime | null | undefined;
}

const MAX_NOTE_BYTES = 16 * 1024;
/** Set-user-id, set-group-id and sticky: nothing a job made may lend anybody rights. */
const SPECIAL_BITS = 0o7000;
const WALK = { maxEntries: Number.MAX_SAFE_INTEGER, maxDepth: 4_096 } as const;

/**
 * Keeps the folder of a run that is over, with what it needs no more taken away: special mode bits, and all files if only a note is wanted.
 *
 * @throws `workspace.too_large` for files that are more than may be kept; `workspace.failed`. Then the folder is to be removed.
 */
export async function keepWorkspace(workspace: Workspace, options: KeepOptions): Promise<KeptRun> {
  const { instance, keepsFiles, maxBytes, bootTime: keptTime, signal, ...facts } = options;
  try {
    const folder = await openRunFolder(workspace);
    try {
      const sizeBytes = keepsFiles ? await tame(folder, maxBytes, signal) : 0;
      if (!keepsFiles) {
        for (const name of [WORKSPACE_FOLDER, INPUTS_FOLDER])
          await removeTree(folder.handle, name, { signal });
      }
      const note: Note = { schemaVersion: 1, instance, keepsFiles, sizeBytes, bootTime: keptTime, ...facts };
      const text = once(Buffer.from(JSON.stringify(note)));
      await createFile(folder.handle, KEPT_NOTE, text, { mode: 0o600, signal, sync: true });
      return { ...facts, folder: workspace.path, workspace: keepsFiles ? workspace.path : null, sizeBytes };
    } finally {
      await folder.handle.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw toWorkspaceError(`${workspace.path} could not be kept`, error);
  }
}

/** Clears special bits and counts bytes. The container is gone or has ended, so nothing moves meanwhile. */
async function tame(folder: OpenNode, maxBytes: number, signal: AbortSignal): Promise<number> {
  let sizeBytes = 0;
  for await (const { names, facts, parent } of walk(folder.handle, { ...WALK, signal })) {
    // What lies at the top is our own.
    if (facts.type === 'file' && names.length > 1) sizeBytes += facts.sizeBytes;
    if (sizeBytes > maxBytes) {
      const message = `it holds more than the ${String(maxBytes)} bytes that may be kept (retention.maxBytes)`;
      throw new WorkspaceError('workspace.too_large', message);
    }
    // Links, which have no mode of their own, never have any of them.
    if ((facts.mode & SPECIAL_BITS) === 0) continue;
    const node = await openChild(parent, names.at(-1) ?? '');
    try {
      await chmod(handlePath(node.handle), facts.mode & 0o777);
    } finally {
      await node.handle.close();
    }
  }
  return sizeBytes;
}

/** What an instance keeps beneath a workspace root, oldest first by their stamps. A root that is not there keeps nothing. */
export async function listKept(
  root: string,
  instance: string,
  signal: AbortSignal,
): Promise<readonly KeptRun[]> {
  const kept = await findKept(root, instance, signal);
  return kept.map(({ run }) => run).sort((a, b) => Date.parse(a.keptAt) - Date.parse(b.keptAt));
}

/** The same, oldest first by their ages: what was kept in this boot is as old as the kernel's clock says, whatever the host's was set to. */
export async function listAged(
  root: string,
  instance: string,
  { nowMs, signal }: { readonly nowMs: number; readonly signal: AbortSignal },
): Promise<readonly AgedRun[]> {
  const now = bootTime();
  const kept = await findKept(root, instance, signal);
  return kept
    .map(({ run, keptTime }) => ({ run, ageMs: ageOf(run, keptTime, { now, nowMs }) }))
    .sort((a, b) => b.ageMs - a.ageMs);
}

/** What was kept before this boot is at least as old as that: a clock that was set back keeps nothing for ever. */
function ageOf(
  { keptAt }: KeptRun,
  keptTime: BootTime | null,
  { now, nowMs }: { readonly now: BootTime | null; readonly nowMs: number },
): number {
  const known = msSince(keptTime, now);
  if (known !== null) return known;
  const byStamps = nowMs - Date.parse(keptAt);
  return isEarlierBoot(keptTime, now) && now !== null ? Math.max(byStamps, now.ms) : byStamps;
}

async function findKept(
  root: string,
  instance: string,
  signal: AbortSignal,
): Promise<readonly { readonly run: KeptRun; readonly keptTime: BootTime | null }[]> {
  const kept: { readonly run: KeptRun; readonly keptTime: BootTime | null }[] = [];
  await inRoot(root, async (top, path) => {
    for await (const { names } of walk(top.handle, { ...WALK, enters: () => false, signal })) {
      const name = names.join('/');
      const note = await readNote(top, name, signal);
      if (note?.instance !== instance) continue;
      const { runId, attempt, keptAt, container, sizeBytes, keepsFiles } = note;
      const folder = join(path, name);
      const workspace = keepsFiles ? folder : null;
      const run = { runId, attempt, keptAt, container, folder, workspace, sizeBytes };
      kept.push({ run, keptTime: note.bootTime ?? null });
    }
  });
  return kept;
}

/** Removes the folder of a kept run; not there any more is success. Its container has to go first: the note is all that names it. */
export async function removeKept(root: string, { folder }: KeptRun, signal: AbortSignal): Promise<void> {
  await inRoot(root, async (top) => removeTree(top.handle, basename(folder), { signal }));
}

async function inRoot(root: string, work: (top: OpenNode, path: string) => Promise<void>): Promise<void> {
  let path: string;
  try {
    path = await realpath(root);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const top = await openDirectory(path);
  try {
    await work(top, path);
  } finally {
    await top.handle.close();
  }
}

/** Null where there is none that can be read: then the folder is not a kept one. */
async function readNote(top: OpenNode, name: string, signal: AbortSignal): Promise<Note | null> {
  const { node } = await openBeneath(top.handle, [name, KEPT_NOTE]);
  if (node === null) return null;
  try {
    if (node.facts.type !== 'file' || node.facts.sizeBytes > MAX_NOTE_BYTES) return null;
    const content = await openContent(node);
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of readContent(content, { signal })) chunks.push(chunk);
      return JSON.parse(Buffer.concat(chunks).toString()) as Note;
    } finally {
      await content.close();
    }
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  } finally {
    await node.handle.close();
  }
}

/** Lists what an input consists of, and makes its folders. It copies no file. */
import { checkRelativePath } from '../base/paths.js';
import { StorageError, WorkspaceError } from '../errors.js';
import { makeFolders } from '../host/folders.js';
import { errorCode, type OpenNode } from '../host/node.js';
import type { PlannedInput } from '../plan/run-plan.js';
import type { StorageStat } from '../storage/types.js';
import type { Budget } from './budget.js';
import type { LocatedSource } from './input-sources.js';
import { stagedName } from './layout.js';
import { describeInput } from './mounts.js';
import { isTemporaryPath } from './publication.js';
import { isNotFound, listStorage, statStorage, storageName } from './storage-calls.js';

/** Folders hold only what is mounted read-only: readable by any user the job may have. */
const FOLDER_MODE = 0o755;

/** One file to be staged. */
export interface Transfer {
  readonly source: LocatedSource;
  /** Names from `inputs/` down. */
  readonly names: readonly string[];
  /** For messages. */
  readonly what: string;
  readonly sizeBytes: number;
  /** Lower-case hex, where it is known. */
  readonly sha256: string | null;
}

/** What an input consists of; no type: it is not there. */
export interface Survey {
  readonly type: 'file' | 'directory' | null;
  readonly transfers: readonly Transfer[];
}

/** What a survey counts and where it makes folders. */
export interface SurveyContext {
  readonly inputs: OpenNode;
  readonly budget: Budget;
  readonly maxDepth: number;
  readonly signal: AbortSignal;
}

/** Nothing. */
export const MISSING: Survey = { type: null, transfers: [] };

/**
 * Asks the storage what an input is, and lists a folder. Nothing an adapter says is trusted: a name that would lead out is refused.
 *
 * @throws `storage.failed`; `workspace.too_large` for too many or too deep entries.
 */
export async function surveyInput(
  input: PlannedInput,
  source: LocatedSource,
  context: SurveyContext,
): Promise<Survey> {
  const name = stagedName(input.stagedAt);
  const what = describeInput(input);
  if (source.kind === 'bytes') {
    context.budget.addEntry(what);
    const sizeBytes = source.bytes.byteLength;
    return { type: 'file', transfers: [{ source, names: [name], what, sizeBytes, sha256: null }] };
  }
  const entry = await statStorage(source.place, source.path, context.signal);
  if (entry === null) return MISSING;
  context.budget.addEntry(what);
  if (entry.type === 'file') {
    return { type: 'file', transfers: [toTransfer(source, source.path, [name], what, entry)] };
  }
  try {
    return { type: 'directory', transfers: await surveyFolder(name, what, source, context) };
  } catch (error) {
    if (isNotFound(error)) return MISSING;
    throw error;
  }
}

async function surveyFolder(
  name: string,
  what: string,
  source: Extract<LocatedSource, { kind: 'storage' }>,
  context: SurveyContext,
): Promise<Transfer[]> {
  await makeStagedFolder([name], what, context);
  const transfers: Transfer[] = [];
  for await (const entry of listStorage(source.place, source.path, context.signal)) {
    if (entry.path === source.path && entry.type === 'directory') continue;
    const names = namesBeneath(source, what, entry.path);
    if (names.length > context.maxDepth) {
      const limit = `the limit of ${String(context.maxDepth)} (outputs.maxDepth)`;
      const problem = `${what}: ${JSON.stringify(entry.path)} is nested deeper than ${limit}`;
      throw new WorkspaceError('workspace.too_large', problem);
    }
    context.budget.addEntry(what);
    // Of a run that may not come to publish it; counted, as every entry a storage lists.
    if (isTemporaryPath(entry.path)) continue;
    if (entry.type === 'directory') await makeStagedFolder([name, ...names], what, context);
    else transfers.push(toTransfer(source, entry.path, [name, ...names], what, entry));
  }
  return transfers;
}

function namesBeneath(
  source: Extract<LocatedSource, { kind: 'storage' }>,
  what: string,
  entryPath: string,
): readonly string[] {
  const start = source.path === '' ? '' : `${source.path}/`;
  const relative = entryPath.startsWith(start) ? entryPath.slice(start.length) : null;
  const problem =
    relative === null ? `is not beneath ${JSON.stringify(source.path)}` : checkRelativePath(relative);
  if (relative !== null && problem === null) return relative.split('/');
  const entry = `${storageName(source.place.mountId)} lists ${JSON.stringify(entryPath)}`;
  throw new StorageError(
    'storage.failed',
    `${what}: ${entry}, but such a path ${problem ?? 'is not acceptable'}`,
  );
}

function toTransfer(
  source: Extract<LocatedSource, { kind: 'storage' }>,
  path: string,
  names: readonly string[],
  what: string,
  entry: StorageStat,
): Transfer {
  const sha256 = entry.sha256?.toLowerCase() ?? null;
  return { source: { ...source, path }, names, what, sizeBytes: entry.sizeBytes, sha256 };
}

async function makeStagedFolder(
  names: readonly string[],
  what: string,
  context: SurveyContext,
): Promise<void> {
  const folder = await openStagedFolder(context.inputs, names, what);
  await folder.handle.close();
}

/**
 * Opens a folder beneath `inputs/`, making what is missing. The handle is the caller's to close.
 *
 * @throws `storage.failed` when a storage calls the same path a file and a folder.
 */
export async function openStagedFolder(
  inputs: OpenNode,
  names: readonly string[],
  what: string,
): Promise<OpenNode> {
  try {
    return await makeFolders(inputs.handle, names, { mode: FOLDER_MODE });
  } catch (error) {
    if (errorCode(error) !== 'ENOTDIR') throw error;
    const path = JSON.stringify(names.slice(1).join('/'));
    throw new StorageError(
      'storage.failed',
      `${what}: the storage lists a file within ${path} as if it were a folder`,
      {
        cause: error,
      },
    );
  }
}

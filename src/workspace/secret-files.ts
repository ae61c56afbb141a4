/** Files with the secrets of one run, in the memory of this host and outside its workspace. It resolves no secret. */
import { chmod, readFile, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { JobRuntimeError, SecretError } from '../errors.js';
import { once } from '../host/chunks.js';
import { chownIfNeeded, createFile, type Owner } from '../host/file-content.js';
import { makeFolder } from '../host/folders.js';
import { errorCode, handlePath, openDirectory, type OpenNode } from '../host/node.js';
import { persistently } from '../host/persist.js';
import { removeTreeAt } from '../host/remove-tree.js';
import { SECRET_FOLDER_PREFIX } from './layout.js';
import { makeMarkedFolder, type OwnerMark } from './owner-mark.js';
import { prepareRoot, verifyFolders } from './run-folder.js';

/** What files are made, where, and for whom. */
export interface SecretFilesOptions {
  /** Made if it is missing; it must be a folder of the caller's that nobody else may write to. */
  readonly root: string;
  /** Whether the root may lie on a disk. */
  readonly allowDisk: boolean;
  /** Whose it is, written beside the files and not mounted, so that what a dead process left behind is known to be its. */
  readonly mark: OwnerMark;
  /** Who the container's processes are. */
  readonly user: Owner;
  /** Values by file name. */
  readonly values: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

/** Where the files of one run are, and `device:inode` of the two folders. */
export interface SecretPlace {
  readonly path: string;
  readonly identity: { readonly run: string; readonly files: string };
}

/** The files of one run. */
export interface SecretFiles {
  /** What is mounted: 0500, the files in it 0400, all of the run's user, in a folder that is closed to everybody else. */
  readonly path: string;
  /** The folder it lies in, and by which identity both are known again. */
  readonly place: SecretPlace;
  /** The value in one of them, as it was written. Rejects where it cannot be read. */
  read(name: string): Promise<string>;
  /**
   * Makes sure that the path still stands for the folder that was made, just before an engine is told to mount it.
   *
   * @throws `workspace.failed`.
   */
  verify(): Promise<void>;
  /**
   * Removes everything; what is not there any more is success.
   *
   * @throws `secret.failed` when something could not be removed.
   */
  remove(signal?: AbortSignal): Promise<void>;
}

/** What `statfs` says of a tmpfs (`TMPFS_MAGIC`, statfs(2)). */
const TMPFS = 0x0102_1994;
const FOLDER_MODE = 0o500;
const FILE_MODE = 0o400;
/** What is mounted, in the folder of the run. */
const FILES_FOLDER = 'files';

/**
 * Makes a folder beneath the root and writes each value into a file of its own. Whatever fails leaves nothing behind.
 *
 * @throws `secret.failed`, also for a root that is not on a tmpfs; `workspace.failed` for a root that is not the caller's alone;
 * `workspace.unsupported_platform`; the signal's reason.
 */
export async function createSecretFiles(options: SecretFilesOptions): Promise<SecretFiles> {
  const { signal } = options;
  signal.throwIfAborted();
  try {
    const root = await prepareRoot(resolve(options.root), 'secretsRoot');
    const path = await makeMarkedFolder(root, SECRET_FOLDER_PREFIX, options.mark);
    try {
      return await fillFolder(path, options);
    } catch (error) {
      await persistently(async () => removeTreeAt(path));
      throw error;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw toSecretError('the files of secrets could not be made', error);
  }
}

async function fillFolder(path: string, options: SecretFilesOptions): Promise<SecretFiles> {
  const { values, user, signal } = options;
  const run = await openDirectory(path);
  try {
    // Asked of the open folder: a path could lead elsewhere by the time a value is written.
    if (!options.allowDisk) await requireTmpfs(run, options.root);
    const files = await makeFolder(run.handle, FILES_FOLDER, { mode: 0o700 });
    try {
      for (const [name, value] of values) {
        const bytes = once(Buffer.from(value, 'utf8'));
        await createFile(files.handle, name, bytes, { mode: FILE_MODE, owner: user, signal });
      }
      await chownIfNeeded(files.handle, user, files.facts);
      await chmod(handlePath(files.handle), FOLDER_MODE);
    } finally {
      await files.handle.close();
    }
    return toSecretFiles(path, { run: run.facts.identity, files: files.facts.identity });
  } finally {
    await run.handle.close();
  }
}

/**
 * The files of a run that another process made, by their place.
 *
 * @throws `workspace.failed` when they are not there, or others.
 */
export async function reopenSecretFiles({ path, identity }: SecretPlace): Promise<SecretFiles> {
  const files = toSecretFiles(path, identity);
  await files.verify();
  return files;
}

function toSecretFiles(path: string, identity: SecretPlace['identity']): SecretFiles {
  const filesPath = join(path, FILES_FOLDER);
  return {
    path: filesPath,
    place: { path, identity },
    read: async (name) => readFile(join(filesPath, name), 'utf8'),
    verify: async () =>
      verifyFolders([
        [path, identity.run],
        [filesPath, identity.files],
      ]),
    async remove(signal) {
      try {
        await removeTreeAt(path, { identity: identity.run, signal });
      } catch (error) {
        signal?.throwIfAborted();
        throw toSecretError(`${path}, which holds secrets, could not be removed completely`, error);
      }
    },
  };
}

async function requireTmpfs({ handle }: OpenNode, root: string): Promise<void> {
  const { type } = await statfs(handlePath(handle));
  if (type === TMPFS) return;
  throw new SecretError(
    'secret.failed',
    `secrets are written to memory only, and ${root} does not lie on a tmpfs`,
    {
      hint: 'set secretsRoot to a folder on a tmpfs that the engine sees too, or let policy.secrets.allowDisk be true',
    },
  );
}

/** No message of a file system repeats what was to be written. */
function toSecretError(what: string, error: unknown): unknown {
  if (JobRuntimeError.isInstance(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const isFull = ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '');
  const hint = isFull ? 'give the tmpfs of secretsRoot more room, or set another secretsRoot' : undefined;
  return new SecretError('secret.failed', `${what}: ${message}`, { cause: error, hint });
}

/** Files that outlive a process and that others share: written whole or not at all, appended to in one write, read whatever else is there. It knows none of them. */
import { nodeCrypto } from '../base/node-crypto.js';
import { constants } from 'node:fs';
import { link, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from './node.js';

/** What stands where a file of ours would, and is none: it is somebody else's, and left alone. */
const FOREIGN = new Set(['EISDIR', 'EACCES', 'ELOOP']);

/** The text of a file; null where there is none that is ours. */
export async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (code === 'ENOENT' || FOREIGN.has(code)) return null;
    throw error;
  }
}

/** Makes a file that is there with all of its text, on the disk, or not at all; false where the name is taken. */
export async function writeWhole(folder: string, name: string, text: string): Promise<boolean> {
  return withDraft(folder, text, async (draft) => {
    const path = join(folder, name);
    // Opened before anything is there: who is short of descriptors would be told that a file is not written which is there.
    const parent = await open(folder, constants.O_RDONLY);
    try {
      await link(draft, path);
      await parent.sync().catch(async (error: unknown) => {
        await rm(path, { force: true });
        throw error;
      });
      return true;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      return false;
    } finally {
      await parent.close();
    }
  });
}

/** Puts a whole text in the place of what was there. */
export async function replaceWhole(folder: string, name: string, text: string): Promise<void> {
  await withDraft(folder, text, async (draft) => rename(draft, join(folder, name)));
}

async function withDraft<T>(
  folder: string,
  text: string,
  publish: (draft: string) => Promise<T>,
): Promise<T> {
  const draft = join(folder, `.${nodeCrypto().randomUUID()}`);
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    return await publish(draft);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Whether a file was last changed before (milliseconds since the epoch), as far as its time tells; false where there is none. */
export async function isOlder(path: string, beforeMs: number): Promise<boolean> {
  const facts = await stat(path).catch(() => null);
  return facts !== null && facts.mtimeMs < beforeMs;
}

/** One write to the end of a file that is there; false where there is none. */
export async function appendText(path: string, text: string, isDurable: boolean): Promise<boolean> {
  let file;
  try {
    // 'a' would make a file of a run that was ended meanwhile.
    file = await open(path, constants.O_WRONLY | constants.O_APPEND);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    await file.writeFile(text);
    if (isDurable) await file.datasync();
    return true;
  } finally {
    await file.close();
  }
}

/** The names in a folder that end so; drafts are not among them. */
export async function namesIn(folder: string, suffix: string): Promise<readonly string[]> {
  return (await allNames(folder)).filter((name) => name.endsWith(suffix) && !name.startsWith('.'));
}

/** Removes drafts of writers that died; those of before (milliseconds since the epoch) have no writer any more. */
export async function removeOldDrafts(folder: string, beforeMs: number): Promise<void> {
  for (const name of await allNames(folder)) {
    if (!/^\.[0-9a-f-]{36}$/.test(name)) continue;
    const path = join(folder, name);
    if (await isOlder(path, beforeMs)) await rm(path, { force: true });
  }
}

async function allNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

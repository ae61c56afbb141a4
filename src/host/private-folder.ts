/** Makes and checks a folder that nobody else may write to. */
import { lstat, mkdir } from 'node:fs/promises';
import { thisProcess } from './this-process.js';

/**
 * Makes the folder, 0700, if it is missing. Rejects when it is a link, another user's, or writable by others: whoever can write there decides
 * what is read back.
 */
export async function privateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const facts = await lstat(path);
  if (!facts.isDirectory()) throw new Error(`${path} is not a folder itself`);
  const uid = thisProcess.geteuid?.();
  if (uid !== undefined && facts.uid !== uid) {
    throw new Error(`${path} belongs to uid ${String(facts.uid)}, not to uid ${String(uid)}`);
  }
  if ((facts.mode & 0o022) !== 0) throw new Error(`${path} may be written to by others; make it 0700`);
}

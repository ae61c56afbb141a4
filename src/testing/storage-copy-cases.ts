/** Cases about copying to local files, for storages with `copyTo`. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, checkEqual, checkRejects, checkRejectsWith, type CaseOf } from './conformance-case.js';
import { storageCase, unaborted, type StorageTrial } from './storage-trial.js';

interface Copying extends StorageTrial {
  /** An empty folder on this machine. */
  readonly folder: string;
  readonly copy: (path: string, localPath: string, signal?: AbortSignal) => Promise<void>;
}

const CONTENT = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, index) => (index * 31) % 256));

function copyCase(name: string, body: (trial: Copying) => Promise<void>): CaseOf<StorageTrial> {
  return storageCase(name, async (trial) => {
    const { storage, within } = trial;
    if (storage.copyTo === undefined) return;
    const folder = await mkdtemp(join(tmpdir(), 'berthkit-conformance-'));
    try {
      await body({
        ...trial,
        folder,
        copy: async (path, localPath, signal = unaborted()) =>
          within('copyTo', Promise.resolve(storage.copyTo?.(path, localPath, { signal }))),
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** The cases. */
export const COPY_CASES: readonly CaseOf<StorageTrial>[] = [
  copyCase('copyTo makes a local file of the same bytes', async ({ at, copy, folder, write }) => {
    await write(at('file'), CONTENT);
    await copy(at('file'), join(folder, 'copy'));
    check((await readFile(join(folder, 'copy'))).equals(CONTENT), 'the bytes are the same');
  }),
  copyCase(
    'copyTo of what is not there, or a folder, is storage.not_found, and makes nothing',
    async ({ at, copy, folder, write }) => {
      await write(at('folder/file'), CONTENT);
      for (const path of [at('missing'), at('folder')]) {
        await checkRejects(copy(path, join(folder, 'copy')), ['storage.not_found'], `copyTo of ${path}`);
      }
      checkEqual(await readdir(folder), [], 'local files');
    },
  ),
  copyCase('copyTo leaves a local file that is there as it is', async ({ at, copy, folder, write }) => {
    await write(at('file'), CONTENT);
    const local = join(folder, 'copy');
    await writeFile(local, 'mine');
    await checkRejects(copy(at('file'), local), ['storage.failed'], 'copyTo onto a file');
    checkEqual(await readFile(local, 'utf8'), 'mine', 'the local file');
  }),
  copyCase("copyTo shares nothing with the storage's own file", async ({ at, copy, folder, read, write }) => {
    await write(at('file'), CONTENT);
    const local = join(folder, 'copy');
    await copy(at('file'), local);
    await writeFile(local, 'changed');
    check((await read(at('file'))).equals(CONTENT), 'the storage keeps its bytes');
  }),
  copyCase(
    'copyTo with an aborted signal rejects with its reason, and makes nothing',
    async ({ at, copy, folder, write }) => {
      await write(at('file'), CONTENT);
      const reason = new Error('enough');
      const late = copy(at('file'), join(folder, 'copy'), AbortSignal.abort(reason));
      await checkRejectsWith(late, reason, 'copyTo');
      checkEqual(await readdir(folder), [], 'local files');
    },
  ),
];

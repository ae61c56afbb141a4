/** Who is about to use images and who to remove some, said among the processes of one folder by files that are nothing but their names. */
import { nodeCrypto } from '../base/node-crypto.js';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { namesIn } from '../host/lasting-files.js';
import { privateFolder } from '../host/private-folder.js';

/** What keeps a removal and the beginning of a run apart. */
export interface ImageClaims {
  /**
   * No image of this repository is removed from now on, until it is released or the time is over. Resolves when no removal is under way that may
   * have begun without knowing of it.
   *
   * @throws the signal's reason; what keeps the folder from being written.
   */
  hold(repository: string, forMs: number, signal: AbortSignal): Promise<() => Promise<void>>;
  /** Whether a repository is held now, of all that are. */
  held(): Promise<(repository: string) => boolean>;
  /** Runs a removal: who holds something meanwhile waits for its end. Whoever removes asks what is held only now. */
  whileRemoving<T>(removal: () => Promise<T>): Promise<T>;
}

const HOLD = '.hold';
const REMOVAL = '.removal';
/** A removal that takes longer is one of a process that died. */
const REMOVAL_MS = 120_000;
const LOOK_EVERY_MS = 25;

const keyOf = (repository: string): string =>
  nodeCrypto().createHash('sha256').update(repository).digest('hex');

/** Claims in a folder, which is made with the first. `now`: milliseconds since the epoch. */
export function createImageClaims(folder: string, now: () => number): ImageClaims {
  /** Each side says what it will do before it looks at what the other says, so of two at the same time at least one sees the other. */
  const claim = async (key: string, forMs: number, suffix: string): Promise<() => Promise<void>> => {
    await privateFolder(folder);
    const path = join(folder, `${key}.${String(now() + forMs)}.${nodeCrypto().randomUUID()}${suffix}`);
    await writeFile(path, '', { flag: 'wx', mode: 0o600 });
    return async () => rm(path, { force: true });
  };
  /** Those whose time is not over; a process that died leaves others, which are removed. */
  const standing = async (suffix: string): Promise<readonly string[]> => {
    const names = await namesIn(folder, suffix);
    const isOver = (name: string): boolean => !(Number(name.split('.')[1]) > now());
    for (const name of names.filter(isOver)) await rm(join(folder, name), { force: true });
    return names.filter((name) => !isOver(name));
  };

  return {
    async hold(repository, forMs, signal) {
      signal.throwIfAborted();
      const release = await claim(keyOf(repository), forMs, HOLD);
      try {
        // One that begins now sees the hold.
        let earlier = await standing(REMOVAL);
        while (earlier.length > 0) {
          await pause(LOOK_EVERY_MS, undefined, { signal });
          const left = new Set(await standing(REMOVAL));
          earlier = earlier.filter((name) => left.has(name));
        }
        return release;
      } catch (error) {
        await release();
        signal.throwIfAborted();
        throw error;
      }
    },
    async held() {
      const keys = new Set((await standing(HOLD)).map((name) => name.split('.')[0]));
      return (repository) => keys.has(keyOf(repository));
    },
    async whileRemoving(removal) {
      const release = await claim('image', REMOVAL_MS, REMOVAL);
      try {
        return await removal();
      } finally {
        await release();
      }
    },
  };
}

/** Which images a runtime pulled and when they were last used, in a folder that outlives it and that processes share. It removes no image. */
import { nodeCrypto } from '../base/node-crypto.js';
import { rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isOlder, namesIn, readText, removeOldDrafts, replaceWhole } from '../host/lasting-files.js';
import { errorCode } from '../host/node.js';
import { privateFolder } from '../host/private-folder.js';

/** One image as it is remembered. */
interface RememberedImage {
  /** `sha256:…` of its configuration. */
  readonly id: string;
  /** Names it was pulled under, in their normal form. */
  readonly references: readonly string[];
  /** Milliseconds since the epoch. */
  readonly lastUsedAtMs: number;
}

/** The images of one instance. */
export interface PulledImages {
  list(): Promise<readonly RememberedImage[]>;
  /** It was pulled under this name, now. */
  add(id: string, reference: string): Promise<void>;
  /** It is used now; without effect for one that is not remembered. */
  noteUse(id: string): Promise<void>;
  /** It is there no more; without effect where it was used, or pulled again, since it was listed. */
  forget(image: RememberedImage): Promise<void>;
}

/** Where that is, and whose. */
export interface PulledImagesOptions {
  readonly folder: string;
  readonly instance: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface Entry {
  readonly instance: string;
  readonly id: string;
  readonly reference: string;
}

const SUFFIX = '.json';
const IMAGE_ID = /^sha256:[0-9a-f]{64}$/;
/** A draft this old has no writer any more. */
const DRAFT_MS = 3_600_000;

const hexOf = (id: string): string => id.slice('sha256:'.length);
const fileOf = ({ instance, id, reference }: Entry): string => {
  const hash = nodeCrypto()
    .createHash('sha256')
    .update(JSON.stringify([instance, reference]))
    .digest('hex');
  return `${hexOf(id)}.${hash}${SUFFIX}`;
};

/**
 * One file for each name of each image, whose time is that of its last use: nothing is read to be written again, so processes lose nothing to
 * each other, and a file that broke off costs one image, which then stays.
 */
export function createPulledImages({ folder, instance, now }: PulledImagesOptions): PulledImages {
  const touch = async (name: string): Promise<void> => {
    const at = new Date(now());
    try {
      await utimes(join(folder, name), at, at);
    } catch (error) {
      // Another process forgot it.
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  };
  const namesOf = async (id: string): Promise<readonly string[]> =>
    (await namesIn(folder, SUFFIX)).filter((name) => name.startsWith(`${hexOf(id)}.`));

  return {
    async list() {
      await removeOldDrafts(folder, now() - DRAFT_MS);
      const found = new Map<string, RememberedImage>();
      for (const name of await namesIn(folder, SUFFIX)) {
        const entry = toEntry((await readText(join(folder, name))) ?? '');
        if (entry?.instance !== instance || fileOf(entry) !== name) continue;
        const facts = await stat(join(folder, name)).catch(() => null);
        if (facts === null) continue;
        const { id, reference } = entry;
        const known = found.get(id) ?? { references: [], lastUsedAtMs: 0 };
        found.set(id, {
          id,
          references: [...known.references, reference],
          lastUsedAtMs: Math.max(known.lastUsedAtMs, Math.round(facts.mtimeMs)),
        });
      }
      return [...found.values()];
    },
    async add(id, reference) {
      // Without such an id it would not be known again: it is never removed.
      if (!IMAGE_ID.test(id)) return;
      await privateFolder(folder);
      const entry: Entry = { instance, id, reference };
      await replaceWhole(folder, fileOf(entry), JSON.stringify(entry));
      await touch(fileOf(entry));
    },
    async noteUse(id) {
      for (const name of await namesOf(id)) await touch(name);
    },
    async forget({ id, references, lastUsedAtMs }) {
      for (const reference of references) {
        const path = join(folder, fileOf({ instance, id, reference }));
        if (await isOlder(path, lastUsedAtMs + 1)) await rm(path, { force: true });
      }
    },
  };
}

function toEntry(text: string): Entry | null {
  try {
    const value = JSON.parse(text) as Partial<Entry> | null;
    const texts = [value?.instance, value?.id, value?.reference];
    const isEntry = texts.every((each) => typeof each === 'string') && IMAGE_ID.test(value?.id ?? '');
    return isEntry ? (value as Entry) : null;
  } catch {
    return null;
  }
}

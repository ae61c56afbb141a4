/** Opens a folder once for all who use it at the same time. It keeps nothing open that nobody uses. */
import type { OpenNode } from './node.js';

/** Lends the folder of a key for as long as the work takes. Rejects with what opening it, or the work, rejects with. */
export type SharedFolders = <T>(key: string, work: (folder: OpenNode) => Promise<T>) => Promise<T>;

interface Lent {
  readonly folder: Promise<OpenNode>;
  users: number;
}

/** Shares folders by keys, each of which stands for one folder. */
export function shareFolders(open: (key: string) => Promise<OpenNode>): SharedFolders {
  const lent = new Map<string, Lent>();
  return async (key, work) => {
    const one = lent.get(key) ?? { folder: open(key), users: 0 };
    lent.set(key, one);
    one.users += 1;
    try {
      return await work(await one.folder);
    } finally {
      one.users -= 1;
      if (one.users === 0) {
        // Forgotten before it is closed: who comes now opens it anew.
        lent.delete(key);
        await one.folder.then(
          async ({ handle }) => handle.close(),
          () => undefined,
        );
      }
    }
  };
}

/** Reads a small file of this host's configuration, wherever links lead. Opening a pipe would wait for ever, and a device might react: neither is opened. */
import { constants, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** What may be in such a file; none is near it. */
export const MAX_CONFIGURATION_BYTES = 8 * 1024 * 1024;

/** Why a node is none that is read: without a word of what is in it. */
export class NoSmallFile extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'NoSmallFile';
  }
}

/**
 * The text of a regular file.
 *
 * @throws {@link NoSmallFile} for a node of another kind, and for more than {@link MAX_CONFIGURATION_BYTES}; else the system's error.
 */
export async function readRegularText(path: string): Promise<string> {
  requireFile(await stat(path));
  // It may be another by now.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    requireFile(await handle.stat());
    const chunks: Uint8Array[] = [];
    let size = 0;
    // Bytes, not the size that is told: a file of the kernel's is empty by that.
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > MAX_CONFIGURATION_BYTES) {
        throw new NoSmallFile(`more than ${String(MAX_CONFIGURATION_BYTES)} bytes`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    await handle.close();
  }
}

function requireFile(stats: Stats): void {
  if (!stats.isFile()) throw new NoSmallFile('no regular file');
}

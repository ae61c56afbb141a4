/** Reads a container's output and keeps it, stream by stream. For tests: nothing bounds what it keeps. */
import type { OutputChunk } from '../engine/types.js';

/** Output that is being read. */
export interface OutputReader {
  /** Begins to read if that has not begun; resolves at the end, rejects if the stream breaks. */
  done(): Promise<void>;
  /** Resolves when standard output holds the text, or rejects when it ends without. */
  until(text: string): Promise<void>;
  bytes(): { readonly stdout: Buffer; readonly stderr: Buffer };
}

/** Reads `output`, at once or when it is first asked for. */
export function readOutput(output: AsyncIterable<OutputChunk>, atOnce: boolean): OutputReader {
  const parts: Record<OutputChunk['stream'], Uint8Array[]> = { stdout: [], stderr: [] };
  const watchers = new Set<() => void>();
  let reading: Promise<void> | null = null;

  const read = async (): Promise<void> => {
    for await (const { stream, bytes } of output) {
      parts[stream].push(Uint8Array.from(bytes));
      for (const look of watchers) look();
    }
  };
  const done = (): Promise<void> => {
    reading ??= read();
    // Whoever wants to know asks; an unasked failure must not end the process.
    reading.catch(() => undefined);
    return reading;
  };
  const holds = (text: string): boolean => Buffer.concat(parts.stdout).includes(text);
  if (atOnce) void done();

  return {
    done,
    async until(text) {
      const seen = new Promise<void>((resolve) => {
        const look = (): void => {
          if (holds(text)) resolve();
        };
        watchers.add(look);
        look();
      });
      await Promise.race([seen, done()]);
      if (!holds(text)) throw new Error(`output: it ended without ${JSON.stringify(text)}`);
    },
    bytes: () => ({ stdout: Buffer.concat(parts.stdout), stderr: Buffer.concat(parts.stderr) }),
  };
}

/** Moves the bytes of an attached container: standard input to it, its output to whoever takes it. It never touches the container. */
import type { Attachment, ContainerEngine, OutputChunk } from '../engine/types.js';
import { within } from './deadline.js';
import { engineCall } from './engine-call.js';
import type { EngineContact } from './engine-contact.js';

/** How long output may still arrive after the container's end without any progress. */
const DRAIN_MS = 5_000;
/** An ordinary end of the output comes at most this long before the end of its container is known. */
const SETTLE_MS = 250;

/**
 * Writes standard input and half-closes it. A source that fails is told, and nothing is closed: its job would take the end of its input for all of it. A job that
 * does not read it is no failure.
 */
export async function pumpStdin(
  attachment: Attachment,
  source: AsyncIterable<Uint8Array> | null,
  onBroken: (problem: string) => void,
): Promise<void> {
  const { stdin } = attachment;
  if (stdin === null || source === null) return;
  const chunks = source[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<Uint8Array>;
    try {
      next = await chunks.next();
    } catch (error) {
      onBroken(error instanceof Error ? error.message : String(error));
      return;
    }
    if (next.done === true) break;
    try {
      await stdin.write(next.value);
    } catch {
      // A job that does not read its input is no failure.
      await chunks.return?.().catch(() => undefined);
      return;
    }
  }
  await stdin.end().catch(() => undefined);
}

/** Output on its way. */
export interface OutputPump {
  /** Settles when the output has ended; false if it broke. */
  readonly done: Promise<boolean>;
  /** For after the container's end: settles when the output has ended, or stalls; false if it broke or stalled. */
  drained(): Promise<boolean>;
}

/** Reads the output to its end. */
export function pumpOutput(
  attachment: Attachment,
  onOutput: (chunk: OutputChunk) => Promise<void>,
): OutputPump {
  let progress = 0;
  const done = (async (): Promise<boolean> => {
    try {
      for await (const chunk of attachment.output) {
        progress += 1;
        await onOutput(chunk);
        progress += 1;
      }
      return true;
    } catch {
      return false;
    }
  })();
  return {
    done,
    async drained() {
      for (;;) {
        const before = progress;
        const outcome = await within(DRAIN_MS, done);
        if (outcome !== null) return outcome;
        if (progress === before) return false;
      }
    },
  };
}

/**
 * Whether the output ended while the container went on. A lost connection looks like an ordinary end, and what was written after it is missing; a job
 * that closes its own output looks the same and is counted as such too.
 */
export async function endedEarly(
  engine: ContainerEngine,
  id: string,
  outputDone: Promise<unknown>,
  { containerEnded, contact }: { readonly containerEnded: Promise<unknown>; readonly contact: EngineContact },
): Promise<boolean> {
  const ended = containerEnded.then(() => true);
  await Promise.race([outputDone, ended]);
  if ((await within(SETTLE_MS, ended)) === true) return false;
  try {
    const info = await engineCall('inspect', undefined, (signal) =>
      engine.containers.inspect(id, { signal }),
    );
    return info?.status === 'running' || info?.status === 'paused';
  } catch (error) {
    contact.fail(error);
    return true;
  }
}

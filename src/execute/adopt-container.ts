/** Follows a container that another process started, from now on to its end. What it wrote before is not asked for. */
import type { Attachment, ContainerEngine, OutputChunk } from '../engine/types.js';
import { attachInTime } from './attach.js';
import { type Ending, followContainer, type FollowOptions } from './follow-container.js';
import { listenTo } from './listening.js';

/** What that needs. */
export interface AdoptContainerOptions extends FollowOptions {
  readonly onOutput: (chunk: OutputChunk) => Promise<void>;
}

/** attach → (end | deadline | stop) → drain. Its output is never complete. */
export async function adoptContainer(options: AdoptContainerOptions, id: string): Promise<Ending> {
  const attachment = await attachLate(options.engine, id);
  const listening = listenTo(options, id, attachment);
  try {
    const ending = await followContainer(options, id, listening);
    return { ...ending, logsComplete: false };
  } finally {
    listening.close();
  }
}

/** A container that has ended meanwhile takes no attachment: how it ended is known all the same. */
async function attachLate(engine: ContainerEngine, id: string): Promise<Attachment> {
  try {
    return await attachInTime(engine, id, { stdin: false });
  } catch {
    return { output: nothing(), stdin: null, close: () => undefined };
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- an iteration that is over at once
async function* nothing(): AsyncGenerator<OutputChunk> {
  yield* [];
}

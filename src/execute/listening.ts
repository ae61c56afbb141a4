/** Listens to a container's output, and by another connection while the first is silent: one that died without a word is told from a job that says nothing. */
import type { Attachment, ContainerEngine, OutputChunk } from '../engine/types.js';
import { JobRuntimeError } from '../errors.js';
import { attachInTime } from './attach.js';
import { type OutputPump, pumpOutput } from './pump-streams.js';
import type { IdleWatch } from './watch-idle.js';

/** Who listens, and who is told. */
export interface ListenOptions {
  readonly engine: ContainerEngine;
  readonly onOutput: (chunk: OutputChunk) => Promise<void>;
  readonly onWarning: (message: string) => void;
}

/** Output that is listened to. */
export interface Listening {
  /** Settles when the first connection has ended. */
  readonly firstEnded: Promise<unknown>;
  /** From now on silence counts. */
  begin(idle: IdleWatch): void;
  /** Nothing was heard for a while, or the connection is known to be lost: listens by another one as well, until the first is heard. */
  listenHarder(): void;
  /** Whether silence is the job's: somebody listens, as far as can be known. */
  isHearing(): boolean;
  /** For after the container's end: settles when the output has ended, or stalls; false if any may be missing. */
  drained(): Promise<boolean>;
  /** Lets go of every connection. */
  close(): void;
}

interface Ear {
  readonly attachment: Attachment;
  readonly pump: OutputPump;
  hasEnded: boolean;
}

/** A second ear, which may become the first. */
interface Spare {
  readonly over: AbortController;
  state: 'asked' | 'refused' | 'attached';
  ear: Ear | null;
  takingOver: NodeJS.Timeout | undefined;
}

/** A connection that lives brings what the other one has brought within this time, also on a busy machine. */
const LAG_MS = 1_000;

/** Begins to listen to a container by its attachment, which is let go of with the rest. */
export function listenTo(
  { engine, onOutput, onWarning }: ListenOptions,
  id: string,
  attachment: Attachment,
): Listening {
  let idle: IdleWatch | null = null;
  let spare: Spare | null = null;
  let isLost = false;
  let isOver = false;

  const earOf = (connection: Attachment): Ear => {
    const ear: Ear = {
      attachment: connection,
      pump: pumpOutput(connection, async (chunk) => hear(ear, chunk)),
      hasEnded: false,
    };
    void ear.pump.done.then(() => (ear.hasEnded = true));
    return ear;
  };
  const hear = async (ear: Ear, chunk: OutputChunk): Promise<void> => {
    if (ear === current) {
      dropSpare();
      const pass = async (): Promise<void> => onOutput(chunk);
      await (idle === null ? pass() : idle.hear(pass));
    } else if (ear === spare?.ear) {
      // Not passed on: the first may be about to bring it.
      spare.takingOver ??= setTimeout(takeOver, LAG_MS);
      await idle?.hear(async () => Promise.resolve());
    }
  };
  const takeOver = (): void => {
    if (spare?.ear == null) return;
    // The first attachment also carries standard input, and is kept to the end.
    if (current !== first) current.attachment.close();
    current = spare.ear;
    spare = null;
    isLost = true;
    onWarning('the connection that carried the output was lost: what was written meanwhile is missing');
  };
  const dropSpare = (): void => {
    if (spare === null) return;
    clearTimeout(spare.takingOver);
    spare.over.abort();
    spare.ear?.attachment.close();
    spare = null;
  };
  const first = earOf(attachment);
  let current = first;

  return {
    firstEnded: first.pump.done,
    begin(watch) {
      idle = watch;
    },
    listenHarder() {
      // One that was not made is tried anew.
      if (spare?.state !== 'attached') dropSpare();
      if (spare !== null || isOver) return;
      const mine: Spare = { over: new AbortController(), state: 'asked', ear: null, takingOver: undefined };
      spare = mine;
      attachInTime(engine, id, { stdin: false, signal: mine.over.signal }).then(
        (connection) => {
          if (spare !== mine) {
            connection.close();
            return;
          }
          mine.state = 'attached';
          mine.ear = earOf(connection);
        },
        (error: unknown) => {
          const isUnreachable = JobRuntimeError.isInstance(error) && error.code === 'engine.unreachable';
          if (!isUnreachable) mine.state = 'refused';
        },
      );
    },
    isHearing: () => spare?.state === 'attached' || (spare?.state !== 'asked' && !current.hasEnded),
    async drained() {
      isOver = true;
      dropSpare();
      return (await current.pump.drained()) && !isLost;
    },
    close() {
      isOver = true;
      dropSpare();
      if (current !== first) current.attachment.close();
      first.attachment.close();
    },
  };
}

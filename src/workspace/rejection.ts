/** Why an output that is there cannot be taken. */
import type { NodeType } from '../host/node.js';

/** Whether an output is of the wrong kind, beyond a limit, holds a secret, or goes with one that does. */
export type RejectCause = 'kind' | 'limit' | 'secret' | 'held_back';

/** Ends the search for an output; its message is to be read after the output's name. */
export class RejectedError extends Error {
  readonly rejectCause: RejectCause;

  constructor(rejectCause: RejectCause, reason: string) {
    super(reason);
    this.rejectCause = rejectCause;
  }
}

/** What a node is called in messages. */
export const KINDS: Readonly<Record<NodeType, string>> = {
  file: 'a file',
  directory: 'a folder',
  symlink: 'a symbolic link',
  fifo: 'a FIFO',
  socket: 'a socket',
  device: 'a device',
};

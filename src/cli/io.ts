/** What the command line touches of the process, as one value that tests can give instead. No behaviour. */
import type { Readable, Writable } from 'node:stream';
import type { Environment, RuntimePorts } from '../index.js';

/** The signals that cancel a run. */
export const CANCEL_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One of them. */
export type CancelSignal = (typeof CANCEL_SIGNALS)[number];

/** The process as the commands see it. */
export interface CliIo {
  readonly env: Environment;
  /** Relative paths of the command line start here. */
  readonly cwd: string;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Standard error is a terminal: progress is shown there. */
  readonly isTerminal: boolean;
  /** Standard output is one too, so that the job's lines and ours meet. */
  readonly isOutputTerminal: boolean;
  readonly hasColor: boolean;
  readonly version: string;
  /** Who types, and where, for people who are told of it. */
  readonly user: string;
  /** Hears of signals until the function it gives back is called; meanwhile they do not end the process. */
  readonly onSignal: (listener: (signal: CancelSignal) => void) => () => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** Code the runtime gets; none from the real process. */
  readonly ports?: RuntimePorts | undefined;
}

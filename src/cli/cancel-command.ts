/** `berthkit cancel`: ends runs of an instance that other processes run, and waits until they have ended. */
import {
  type AnyJobRuntimeError,
  type CancelReport,
  type CancelRunOptions,
  JobRuntimeError,
} from '../index.js';
import type { Surroundings } from './command.js';
import { EXIT, exitCodeOfError } from './exit-code.js';
import { usageError } from './input-error.js';
import { cancelLine } from './render-instance.js';
import { errorLines } from './render-text.js';
import { withRuntime } from './with-runtime.js';

/** The flags as typed. */
export interface CancelFlags {
  readonly reason?: string | undefined;
  readonly wait?: string | undefined;
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
}

type Answer = CancelReport | { readonly runId: string; readonly error: AnyJobRuntimeError };

/** Prints what came of each and gives the exit code: that of the worst of them. */
export async function cancelCommand({
  io,
  console,
  runIds,
  flags,
}: Surroundings & { readonly runIds: readonly string[]; readonly flags: CancelFlags }): Promise<number> {
  const options: CancelRunOptions = { reason: flags.reason, by: io.user, waitMs: toWaitMs(flags.wait) };
  const answers = await withRuntime(io, flags.config, async (runtime) =>
    Promise.all(
      [...new Set(runIds)].map(async (runId): Promise<Answer> => {
        try {
          return await runtime.cancelRun(runId, options);
        } catch (error) {
          if (!JobRuntimeError.isInstance(error)) throw error;
          return { runId, error };
        }
      }),
    ),
  );
  const codes = answers.map(codeOf);
  if (flags.json === true) {
    await console.printJson({ ok: codes.every((code) => code === EXIT.succeeded), runs: answers });
  } else {
    for (const answer of answers) {
      if ('error' in answer) await console.note(errorLines(answer.error));
      else await console.print([cancelLine(answer)]);
    }
  }
  const worst = [EXIT.badInput, EXIT.ownError, EXIT.undone, EXIT.timedOut];
  return worst.find((code) => codes.includes(code)) ?? EXIT.succeeded;
}

function codeOf(answer: Answer): number {
  if ('error' in answer) return exitCodeOfError(answer.error);
  switch (answer.outcome) {
    case 'cancelled':
    case 'ended':
      return EXIT.succeeded;
    case 'owner_dead':
      return EXIT.undone;
    case 'pending':
      return EXIT.timedOut;
  }
}

function toWaitMs(seconds: string | undefined): number | undefined {
  if (seconds === undefined) return undefined;
  if (!/^\d{1,5}(\.\d{1,3})?$/.test(seconds) || Number(seconds) > 86_400) {
    throw usageError('--wait', `"${seconds}" is not a number of seconds from 0 to 86400`);
  }
  return Number(seconds) * 1_000;
}

/** `berthkit run`: a job from its definition to an exit code; signals cancel it. */
import { styleText } from 'node:util';
import type { RunOptions } from '../index.js';
import { listenForCancel } from './cancellation.js';
import { type Command, prepare, type Prepared } from './command.js';
import { exitCodeOfResult } from './exit-code.js';
import { readOutput } from './pairs.js';
import { createProgress } from './progress.js';
import { endLines } from './render-text.js';

/**
 * Runs the job, shows it, and gives the exit code when everything is cleaned up.
 *
 * @throws whatever `runJob` rejects with.
 */
export async function runCommand(command: Command): Promise<number> {
  const { io, console, flags } = command;
  const outputTo = flags.output === undefined ? undefined : await readOutput(flags.output, io.cwd);
  const prepared = await prepare(command);
  const cancellation = listenForCancel(io, (line) => void console.note([line]));
  try {
    const options = { ...runOptions(command, prepared), outputTo, signal: cancellation.signal };
    const result = await prepared.runtime.runJob(prepared.definition, options);
    if (flags.json === true) await console.printJson(result);
    // Of a success there is nothing to say but what progress has said, and a program that asked for JSON has it all.
    const isTold = result.status === 'succeeded' || (flags.json === true && !io.isTerminal);
    if (!isTold) await console.note(endLines(result));
    return exitCodeOfResult(result, cancellation.received());
  } finally {
    await prepared.runtime.close();
    cancellation.stop();
  }
}

function runOptions({ io, console, flags }: Command, { parameters, files }: Prepared): RunOptions {
  const emphasize = (text: string): string =>
    io.hasColor ? styleText('dim', text, { validateStream: false }) : text;
  const writeLine = (line: string): void => void console.writeLine(line);
  const isText = flags.json !== true;
  return {
    parameters,
    profile: flags.profile,
    ...(Object.keys(files).length === 0 ? {} : { files }),
    // With --json both are in the result, and nothing else may stand on standard output.
    ...(isText ? { stdout: console.out.sink, stderr: console.err.sink } : {}),
    ...(io.isTerminal ? { onEvent: createProgress(writeLine, emphasize) } : {}),
  };
}

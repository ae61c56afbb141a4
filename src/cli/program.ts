/** The command line itself: flags to a command, whatever comes of it to an exit code. */
import { Command as Parser, CommanderError } from 'commander';
import { type AnyJobRuntimeError, JobRuntimeError, RuntimeError } from '../index.js';
import type { Command, Flags } from './command.js';
import { type Console, createConsole } from './console.js';
import { EXIT, exitCodeOfError } from './exit-code.js';
import { explainCommand } from './explain-command.js';
import { usageError } from './input-error.js';
import { addInstanceCommands } from './instance-commands.js';
import type { CliIo } from './io.js';
import { CONFIG_OPTION, JSON_OPTION, type Perform, PROFILE_OPTION } from './options.js';
import { addPolicyCommands } from './policy-commands.js';
import { errorLines } from './render-text.js';
import { runCommand } from './run-command.js';
import { validateCommand } from './validate-command.js';

type Action = (command: Command) => Promise<number>;

const COMMANDS: readonly { readonly name: string; readonly summary: string; readonly action: Action }[] = [
  { name: 'validate', summary: 'check a definition against its schema and policy', action: validateCommand },
  {
    name: 'explain',
    summary: 'show the decision, the plan and the nearest docker run line',
    action: explainCommand,
  },
  { name: 'run', summary: 'run the job and exit as it did', action: runCommand },
];

/** Carries out a command line (without the names of node and script) and gives the exit code. Never throws. */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  const console = createConsole(io);
  const isJson = args.includes('--json');
  let code: number = EXIT.succeeded;
  const perform: Perform = async (work) => {
    code = await work({ io, console });
  };
  try {
    await createParser(io.version, console, isJson, perform).parseAsync(args, { from: 'user' });
  } catch (error) {
    code = await report(error, console, isJson);
  }
  const lost = console.out.failure();
  if (lost === null) return code;
  await console.note([`berthkit: standard output: ${lost.message}`]);
  return code === EXIT.succeeded ? EXIT.ownError : code;
}

function createParser(version: string, console: Console, isJson: boolean, perform: Perform): Parser {
  const parser = new Parser('berthkit')
    .description('Run job definitions in containers, under a policy.')
    .version(version, '--version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void console.out.write(text),
      // In JSON mode what is wrong is the document on standard output.
      writeErr: (text) => void (isJson ? undefined : console.err.write(text)),
    });
  for (const { name, summary, action } of COMMANDS) {
    parser
      .command(name)
      .description(summary)
      .argument('<definition>', 'JSON or YAML file; - for standard input')
      .option(
        '--file <path=local>',
        'copy a local file or folder into the workspace; repeatable',
        collect,
        [],
      )
      .option('--param <name=value>', 'a parameter: JSON, or else text; repeatable', collect, [])
      .option('--output <dir>', "folder for outputs with upload: 'caller'")
      .option(...CONFIG_OPTION)
      .option(...PROFILE_OPTION)
      .option(...JSON_OPTION)
      .action(async (file: string, flags: Flags) =>
        perform(async (given) => action({ ...given, file, flags })),
      );
  }
  addPolicyCommands(parser, perform);
  addInstanceCommands(parser, perform);
  return parser;
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

async function report(error: unknown, console: Console, isJson: boolean): Promise<number> {
  const isUsage = error instanceof CommanderError;
  // Help and version that were asked for.
  if (isUsage && error.exitCode === 0) return EXIT.succeeded;
  const typed = isUsage ? usageError('', error.message.replace(/^error: /, '')) : toTyped(error);
  if (isJson) await console.printJson({ error: typed });
  // The parser has said it already.
  else if (!isUsage) await console.note(errorLines(typed));
  return exitCodeOfError(typed);
}

function toTyped(error: unknown): AnyJobRuntimeError {
  if (JobRuntimeError.isInstance(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RuntimeError('runtime.failed', message, { cause: error });
}

/** The commands about the runs of an instance, as the parser knows them. What they do is elsewhere. */
import type { Command as Parser } from 'commander';
import { type CancelFlags, cancelCommand } from './cancel-command.js';
import { type DoctorFlags, doctorCommand } from './doctor-command.js';
import { CONFIG_OPTION, JSON_OPTION, type Perform } from './options.js';
import { type PsFlags, psCommand } from './ps-command.js';
import { type ReconcileFlags, reconcileCommand } from './reconcile-command.js';

/** Adds them to the parser. */
export function addInstanceCommands(parser: Parser, perform: Perform): void {
  parser
    .command('doctor')
    .description('examine the engine: what it is, and which limits it really enforces')
    .option('--image <reference>', 'try limits in containers of this image; it has to be there')
    .option(...CONFIG_OPTION)
    .option(...JSON_OPTION)
    .action(async (flags: DoctorFlags) => perform(async (given) => doctorCommand({ ...given, flags })));
  parser
    .command('ps')
    .description('list the runs of this instance that are not over, whichever process runs them')
    .option('--all', 'also the containers of other instances, and those that were kept')
    .option(...CONFIG_OPTION)
    .option(...JSON_OPTION)
    .action(async (flags: PsFlags) => perform(async (given) => psCommand({ ...given, flags })));
  parser
    .command('cancel')
    .description('cancel runs of this instance, whichever process runs them, and wait for their end')
    .argument('<run-id...>', 'as ps lists them')
    .option('--reason <text>', 'told with the result')
    .option('--wait <seconds>', 'how long to wait for their end; 120 if not given')
    .option(...CONFIG_OPTION)
    .option(...JSON_OPTION)
    .action(async (runIds: readonly string[], flags: CancelFlags) =>
      perform(async (given) => cancelCommand({ ...given, runIds, flags })),
    );
  parser
    .command('reconcile')
    .description('remove what dead processes of this instance left, and account for their runs')
    .option('--dry-run', 'only say what would be done')
    .option(...CONFIG_OPTION)
    .option(...JSON_OPTION)
    .action(async (flags: ReconcileFlags) => perform(async (given) => reconcileCommand({ ...given, flags })));
}

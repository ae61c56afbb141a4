/** `berthkit reconcile`: what dead processes of an instance left is removed, and their runs are accounted for. */
import type { Surroundings } from './command.js';
import { EXIT } from './exit-code.js';
import { reconcileLines } from './render-instance.js';
import { withRuntime } from './with-runtime.js';

/** The flags as typed. */
export interface ReconcileFlags {
  readonly dryRun?: boolean | undefined;
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Prints the report and gives the exit code: 1 if something could not be done. */
export async function reconcileCommand({
  io,
  console,
  flags,
}: Surroundings & { readonly flags: ReconcileFlags }): Promise<number> {
  const dryRun = flags.dryRun === true;
  const report = await withRuntime(io, flags.config, async (runtime) =>
    // It ends before a job would.
    runtime.reconcile({ dryRun, adopts: false }),
  );
  if (flags.json === true) await console.printJson(report);
  else await console.print(reconcileLines(report));
  return report.actions.every(({ problem }) => problem === null) ? EXIT.succeeded : EXIT.undone;
}

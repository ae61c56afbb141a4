/** `berthkit ps`: the runs of an instance that are not over. It changes nothing. */
import type { Surroundings } from './command.js';
import { EXIT } from './exit-code.js';
import { openRunLines } from './render-instance.js';
import { withRuntime } from './with-runtime.js';

/** The flags as typed. */
export interface PsFlags {
  readonly all?: boolean | undefined;
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Prints them and gives the exit code. */
export async function psCommand({
  io,
  console,
  flags,
}: Surroundings & { readonly flags: PsFlags }): Promise<number> {
  const all = flags.all === true;
  const runs = await withRuntime(io, flags.config, async (runtime) => runtime.openRuns({ all }));
  if (flags.json === true) await console.printJson({ runs });
  else await console.print(openRunLines(runs, all));
  return EXIT.succeeded;
}

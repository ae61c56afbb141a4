/** `berthkit doctor`: an engine is examined. It starts short containers and removes them. */
import type { Surroundings } from './command.js';
import { EXIT, exitCodeOfSignal } from './exit-code.js';
import type { CancelSignal } from './io.js';
import { doctorLines } from './render-doctor.js';
import { withRuntime } from './with-runtime.js';

/** The flags as typed. */
export interface DoctorFlags {
  readonly image?: string | undefined;
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Prints the report and gives the exit code: 1 unless the engine is healthy. A signal ends the examination, and what it made is removed. */
export async function doctorCommand({
  io,
  console,
  flags,
}: Surroundings & { readonly flags: DoctorFlags }): Promise<number> {
  const ended: { by: CancelSignal | null } = { by: null };
  const report = await withRuntime(io, flags.config, async (runtime) => {
    const stopListening = io.onSignal((signal) => {
      ended.by ??= signal;
      void runtime.close();
    });
    try {
      return await runtime.doctor({ image: flags.image });
    } finally {
      stopListening();
    }
  });
  if (flags.json === true) await console.printJson(report);
  else await console.print(doctorLines(report));
  if (ended.by !== null) return exitCodeOfSignal(ended.by);
  return report.healthy ? EXIT.succeeded : EXIT.unhealthy;
}

/** `berthkit doctor`: an engine is examined. It starts short containers and removes them. */
import { listenForCancel } from './cancellation.js';
import type { Surroundings } from './command.js';
import { EXIT, exitCodeOfSignal } from './exit-code.js';
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
  const say = (text: string): void => void console.note([text]);
  const cancellation = listenForCancel(io, say, 'the examination');
  try {
    const report = await withRuntime(io, flags.config, async (runtime) => {
      cancellation.signal.addEventListener('abort', () => void runtime.close(), { once: true });
      return runtime.doctor({ image: flags.image });
    });
    if (flags.json === true) await console.printJson(report);
    else await console.print(doctorLines(report));
    const signal = cancellation.received();
    if (signal !== null) return exitCodeOfSignal(signal);
    return report.healthy ? EXIT.succeeded : EXIT.unhealthy;
  } finally {
    cancellation.stop();
  }
}

/** A runtime for one command that is about no definition: made of its configuration, and closed when the command is over. */
import { createRuntime, type Runtime } from '../index.js';
import type { CliIo } from './io.js';
import { loadConfig } from './load-config.js';

/**
 * Does the work and closes.
 *
 * @throws `config.invalid`, and what the work throws.
 */
export async function withRuntime<T>(
  io: CliIo,
  configFile: string | undefined,
  work: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  const runtime = createRuntime(await loadConfig(io, configFile), io.ports);
  try {
    return await work(runtime);
  } finally {
    await runtime.close();
  }
}

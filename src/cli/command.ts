/** What the commands about one definition share: their flags, and what is read before each of them begins. */
import { createRuntime, type Runtime } from '../index.js';
import type { Console } from './console.js';
import type { CliIo } from './io.js';
import { loadConfig } from './load-config.js';
import { loadDocument } from './load-document.js';
import { readFiles, readParameters } from './pairs.js';

/** The flags as typed. Every command takes all of them, so that a line can be checked by changing one word of it. */
export interface Flags {
  readonly file: readonly string[];
  readonly param: readonly string[];
  readonly output?: string | undefined;
  readonly config?: string | undefined;
  readonly profile?: string | undefined;
  readonly json?: boolean | undefined;
}

/** What every command is given. */
export interface Surroundings {
  readonly io: CliIo;
  readonly console: Console;
}

/** One command to carry out. */
export interface Command extends Surroundings {
  readonly file: string;
  readonly flags: Flags;
}

/** What a command works on. */
export interface Prepared {
  readonly definition: unknown;
  readonly runtime: Runtime;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, { readonly path: string }>>;
}

/**
 * Reads everything the command line names.
 *
 * @throws `validation.invalid_job`, `config.invalid`.
 */
export async function prepare({ io, file, flags }: Command): Promise<Prepared> {
  const parameters = readParameters(flags.param);
  const files = await readFiles(flags.file, io.cwd);
  const config = await loadConfig(io, flags.config);
  const definition = await loadDocument(io, file, 'definition');
  return { definition, runtime: createRuntime(config, io.ports), parameters, files };
}

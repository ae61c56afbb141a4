/** Flags that several commands have, in the same words, and how a command is carried out. */
import type { Surroundings } from './command.js';

/** Carries out the work of a command; its exit code becomes that of the program. */
export type Perform = (work: (given: Surroundings) => Promise<number>) => Promise<void>;

/** `--config` */
export const CONFIG_OPTION = [
  '--config <file>',
  'JSON or YAML configuration, over that of the environment',
] as const;
/** `--profile` */
export const PROFILE_OPTION = ['--profile <name>', 'judge by this profile of the policy'] as const;
/** `--json` */
export const JSON_OPTION = ['--json', 'one JSON document on standard output and nothing else'] as const;

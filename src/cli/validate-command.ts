/** `berthkit validate`: whether a definition has the right shape and policy lets it run. Needs no engine. */
import { type Command, prepare } from './command.js';
import { EXIT } from './exit-code.js';
import { validationLines } from './render-text.js';

/** Prints the issues and gives the exit code. */
export async function validateCommand(command: Command): Promise<number> {
  const { console, file, flags } = command;
  const { runtime, definition } = await prepare(command);
  const validation = runtime.validate(definition, { profile: flags.profile });
  if (flags.json === true) await console.printJson(validation);
  else await console.print(validationLines(file, validation));
  return validation.ok ? EXIT.succeeded : EXIT.badInput;
}

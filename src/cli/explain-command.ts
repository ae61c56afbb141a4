/** `berthkit explain`: what would be done with a definition and why. Needs no engine. */
import { type Command, prepare } from './command.js';
import { EXIT } from './exit-code.js';
import { explanationLines } from './render-explanation.js';

/** Prints the explanation and gives the exit code. */
export async function explainCommand(command: Command): Promise<number> {
  const { console, file, flags } = command;
  const { runtime, definition, parameters } = await prepare(command);
  const explanation = runtime.explain(definition, { parameters, profile: flags.profile });
  if (flags.json === true) await console.printJson(explanation);
  else await console.print(explanationLines(file, explanation));
  return explanation.validation.ok ? EXIT.succeeded : EXIT.badInput;
}

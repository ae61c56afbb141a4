/** Times one phase of a run from outside, from one of its events to another, by the bench's own clock. */
import { assertSucceeded, type RunEvent, type RunOptions, type Runtime } from 'berthkit';

/** A part of a run with events at both ends. */
export type Phase = 'stage' | 'collect';

/** Milliseconds that one phase of one run took. The rest of the run is the untimed preparation and tidying up. */
export async function phaseMilliseconds(
  runtime: Runtime,
  phase: Phase,
  definition: unknown,
  options: RunOptions = {},
): Promise<number> {
  const at = new Map<RunEvent['type'], number>();
  const onEvent = ({ type }: RunEvent): void => {
    at.set(type, performance.now());
  };
  assertSucceeded(await runtime.runJob(definition, { ...options, onEvent }));
  const start = at.get(`${phase}_start`);
  const end = at.get(`${phase}_end`);
  if (start === undefined || end === undefined) throw new Error(`the run had no phase "${phase}"`);
  return end - start;
}

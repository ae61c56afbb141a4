/** What is left within this process after some work: descriptors and timers that were not there before. */
import { setTimeout as sleep } from 'node:timers/promises';
import { activeTimers, openDescriptors } from './descriptors.js';
import type { Recorder } from './history.js';

/** How long what is closed may take to be gone. */
const GONE_MS = 5_000;

/** Does the work and records what is left of it here. */
export async function recordingLeftovers(record: Recorder, work: () => Promise<void>): Promise<void> {
  const before = { descriptors: openDescriptors(), timers: activeTimers() };
  await work();
  await recordLeftovers(record, before);
}

interface OpenBefore {
  readonly descriptors: ReadonlyMap<string, string>;
  readonly timers: number;
}

async function recordLeftovers(record: Recorder, before: OpenBefore): Promise<void> {
  const until = performance.now() + GONE_MS;
  const descriptors = (): readonly string[] =>
    [...openDescriptors()]
      .filter(([key, what]) => before.descriptors.get(key) !== what)
      .map(([, what]) => what);
  const timers = (): number => activeTimers() - before.timers;
  while ((descriptors().length > 0 || timers() > 0) && performance.now() < until) await sleep(50);
  // The pause itself was a timer, which is counted for a moment after it is over.
  await new Promise((resolve) => setImmediate(resolve));
  for (const name of descriptors()) record({ kind: 'left', what: 'descriptor', name, runId: null });
  if (timers() > 0) record({ kind: 'left', what: 'timer', name: `${String(timers())} more`, runId: null });
}

/** A process that does many short runs and tells its parent what it looked like all along, and what is left. Started by `endure.ts`. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDescriptors } from '../chaos/descriptors.js';
import { performShortRun } from './jobs.js';
import { LEAKS } from './leaks.js';
import { AT_ONCE, type EngineKind, openPlace } from './place.js';
import { collectGarbage, type Sample, takeSample } from './sample.js';
import { countTimers } from './timers.js';

/** Looks that are judged; the runs before the first are the warm-up, in which code is compiled and pools are filled. */
const SAMPLES = 12;

/** How long what is closed may take to be gone. */
const GONE_MS = 10_000;

const [kind = 'fake', runsText = '0', leakNames = ''] = process.argv.slice(2);
const runs = Number(runsText);
const leaks = leakNames.split(',').flatMap((name) => LEAKS[name] ?? []);
const controller = new AbortController();
const { signal } = controller;
setMaxListeners(0, signal);
const left: string[] = [];
process.on('warning', ({ message }) => left.push(`a warning of Node: ${message}`));
const timers = countTimers();
const before = { descriptors: openDescriptors(), timers: timers() };

const place = await openPlace(kind as EngineKind);
let turn = 0;
const perform = async (until: number): Promise<void> => {
  const work = async (): Promise<void> => {
    while (turn < until) {
      const mine = turn;
      turn += 1;
      await performShortRun(place.runtime, mine, signal);
      for (const leak of leaks) leak(signal);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  place.refresh();
};

const samples: Sample[] = [];
try {
  for (let index = 0; index <= SAMPLES; index += 1) {
    await perform(Math.ceil((runs * (index + 1)) / (SAMPLES + 1)));
    const outside = { runs: turn, ...(await place.count()) };
    if (index > 0) samples.push(await takeSample(signal, timers, outside));
  }
} finally {
  left.push(...(await place.close()));
}

const openStill = (): readonly string[] =>
  [...openDescriptors()]
    .filter(([key, what]) => before.descriptors.get(key) !== what)
    .map(([, what]) => what);
const moreTimers = (): number => timers() - before.timers;
const until = performance.now() + GONE_MS;
for (;;) {
  // The pause was a timer itself, and the end of one is told a little later.
  await collectGarbage();
  if ((openStill().length === 0 && moreTimers() <= 0) || performance.now() >= until) break;
  await sleep(50);
}
left.push(...openStill().map((what) => `a descriptor: ${what}`));
if (moreTimers() > 0) left.push(`${String(moreTimers())} timers`);
process.send?.({ samples, left });
process.disconnect();

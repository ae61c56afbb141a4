/** What this process holds at one moment in which no run is under way. It judges nothing. */
import { getEventListeners } from 'node:events';
import { openDescriptors } from '../chaos/descriptors.js';

/** One look. */
export interface Sample {
  /** How many runs had ended by then. */
  readonly runs: number;
  /** Of the process, after a collection of garbage. */
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly descriptors: number;
  /** All timers there are, also those that do not keep the process alive. */
  readonly timers: number;
  /** On the one signal that all runs were given. */
  readonly listeners: number;
  /** Containers of these runs on the engine. */
  readonly containers: number;
  /** Their volumes there. */
  readonly volumes: number;
  /** Folders beneath the roots of workspaces and secrets. */
  readonly folders: number;
  /** Runs the store holds as not ended. */
  readonly openRuns: number;
}

/** What only who performs the runs can count. */
export type Outside = Pick<Sample, 'runs' | 'containers' | 'volumes' | 'folders' | 'openRuns'>;

/** Looks, once garbage is collected. */
export async function takeSample(
  signal: AbortSignal,
  timers: () => number,
  outside: Outside,
): Promise<Sample> {
  await collectGarbage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    ...outside,
    residentBytes: rss,
    heapBytes: heapUsed,
    descriptors: openDescriptors().size,
    timers: timers(),
    listeners: getEventListeners(signal, 'abort').length,
  };
}

/** The process needs `--expose-gc`. A timer of `AbortSignal.timeout` goes with its signal. */
export async function collectGarbage(): Promise<void> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run this with --expose-gc');
  // What was let go of in the first pass may let go of more; what is to be done at its end is done in between.
  for (let pass = 0; pass < 3; pass += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
  }
  await new Promise((resolve) => setImmediate(resolve));
}

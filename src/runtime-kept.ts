/** What the runs of a runtime left on purpose: listed, and swept by age and size when runs end and when it is told to. It starts nothing by itself. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { ContainerEngine } from './engine/types.js';
import { engineCall } from './execute/engine-call.js';
import { withinTime } from './host/time-limit.js';
import { type KeptRun, listAged, listKept, removeKept } from './workspace/kept.js';

/** What the kept things of a runtime need. */
export interface KeptOptions {
  readonly config: () => RuntimeConfig;
  readonly engine: () => Promise<ContainerEngine>;
  readonly instance: string;
  readonly clock: { now(): number; monotonic(): number };
}

/** The kept things of one runtime. */
export interface KeptThings {
  /** Something was kept: the next look is due. */
  noteKept(): void;
  /** Sweeps in the background if that is due: after something was kept, and once in a while for what others kept. */
  sweepIfDue(): void;
  /** Sweeps now and gives what is left, oldest first. Never rejects: what could not be removed is still there, and tried again. */
  sweep(): Promise<readonly KeptRun[]>;
  /** For a runtime that closes: sweeps if it has before, or kept something; one that only looked around removes nothing. */
  settle(): Promise<readonly KeptRun[]>;
}

const SWEEP_EVERY_MS = 60_000;
const SWEEP_MS = 60_000;

/** Reads and removes nothing before it is asked to. */
export function createKeptThings(options: KeptOptions): KeptThings {
  const { clock } = options;
  let isDue = false;
  let isUsed = false;
  let sweptAtMs: number | null = null;
  let last: Promise<readonly KeptRun[]> = Promise.resolve([]);
  let next: Promise<readonly KeptRun[]> | null = null;

  const sweep = async (): Promise<readonly KeptRun[]> => {
    isDue = false;
    isUsed = true;
    sweptAtMs = clock.monotonic();
    // One after the other: two at a time would count the same things twice. One that has not begun looks for all who ask until it does.
    next ??= last.then(async () => {
      next = null;
      return withinTime(SWEEP_MS, async (signal) => sweepOnce(options, signal));
    });
    last = next;
    return last;
  };
  return {
    noteKept() {
      isDue = true;
      isUsed = true;
    },
    sweepIfDue() {
      if (!isDue && sweptAtMs !== null && clock.monotonic() - sweptAtMs < SWEEP_EVERY_MS) return;
      void sweep();
    },
    sweep,
    settle: async () => (isUsed ? sweep() : listNow(options)),
  };
}

async function listNow({ config, instance }: KeptOptions): Promise<readonly KeptRun[]> {
  const { workspaceRoot } = config();
  return withinTime(SWEEP_MS, async (signal) => listKept(workspaceRoot, instance, signal)).catch(() => []);
}

async function sweepOnce(options: KeptOptions, signal: AbortSignal): Promise<readonly KeptRun[]> {
  const { workspaceRoot, retention } = options.config();
  try {
    const kept = await listAged(workspaceRoot, options.instance, { nowMs: options.clock.now(), signal });
    const left: KeptRun[] = [];
    for (const [index, { run: each, ageMs }] of kept.entries()) {
      const younger = kept.slice(index);
      const isOld = ageMs > retention.maxAgeMs;
      const bytes = younger.reduce((sum, { run }) => sum + run.sizeBytes, 0);
      const isTooMuch = bytes > retention.maxBytes || younger.length > retention.maxRuns;
      if (!(isOld || isTooMuch) || !(await isRemoved(each, options, signal))) left.push(each);
    }
    return left;
  } catch {
    // A root that cannot be read, or a sweep that took too long: the next one looks again.
    return [];
  }
}

/** The container first: the note in the folder is all that names it. */
async function isRemoved(kept: KeptRun, options: KeptOptions, signal: AbortSignal): Promise<boolean> {
  try {
    if (kept.container !== null) await removeContainer(kept, kept.container.id, options, signal);
    await removeKept(options.config().workspaceRoot, kept, signal);
    return true;
  } catch {
    return false;
  }
}

async function removeContainer(
  kept: KeptRun,
  id: string,
  { config, engine, instance }: KeptOptions,
  signal: AbortSignal,
): Promise<void> {
  const { containers } = await engine();
  const info = await engineCall('inspect', signal, (call) => containers.inspect(id, { signal: call }));
  const prefix = config().labelPrefix;
  // The note alone is no proof: the container must say the same of itself.
  const isOurs =
    info?.labels[`${prefix}.run-id`] === kept.runId && info.labels[`${prefix}.instance`] === instance;
  if (info !== null && isOurs) await containers.remove(id, { signal });
}

/** Runs of one scene, all at once, in this process: with a runtime as an application has it, at the mercy of what is aimed at them. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createRuntime,
  dockerEngine,
  fileRunStore,
  filesystemStorage,
  JobRuntimeError,
  type RunEvent,
  type RunHandle,
  type RunOptions,
  type RunOutcome,
  RUN_STEPS,
  type RunStore,
  type Runtime,
  type RunStepName,
  type StorageAdapter,
} from 'berthkit';
import { join } from 'node:path';
import { type Barrier, createBarrier } from './barrier.js';
import type { Defect } from './defects.js';
import { faultySecret, streamsOf } from './faulty-inputs.js';
import { faultyStorage } from './faulty-storage.js';
import type { FaultName, SharedFault } from './faults.js';
import type { AskedRun, Recorder } from './history.js';
import { comesTo, definitionOf, MOUNTS, optionsOf, publishedBy } from './jobs.js';
import { createJumpingClock, type JumpingClock } from './jumping-clock.js';
import type { Place } from './place.js';
import type { Progress } from './progress.js';
import type { PlannedRun, Scene } from './scene.js';
import { limitAfter } from './time-limits.js';

/** What runs are performed with. */
export interface PerformOptions {
  readonly scene: Scene;
  readonly place: Place;
  /** The engine as the runtime reaches it. */
  readonly host: string;
  /** The image of a slot. */
  readonly image: (slot: number) => string;
  readonly record: Recorder;
  readonly defect: Defect | null;
  readonly progress: Progress;
  /** Hears every event, after it was recorded. */
  readonly onEvent: (event: RunEvent) => void;
  /** Carries out a fault that strikes all; what it gives is called when all runs have ended. */
  readonly strike: (fault: SharedFault) => Promise<(() => Promise<void>) | null>;
}

/** A runtime without runs has nothing to wait for. */
const CLOSE_MS = 60_000;

/** Performs all runs and resolves when they have ended and their runtime is closed. */
export async function performRuns(options: PerformOptions): Promise<void> {
  const { scene, progress } = options;
  const clock = createJumpingClock();
  const undo: (() => Promise<void>)[] = [];
  const barrier = createBarrier(meetingOf(scene), async () => {
    if (scene.kind === 'calls') return;
    progress.strikeAll(scene.kind);
    const after = await options.strike(scene.kind);
    if (after !== null) undo.push(after);
  });
  const engine = dockerEngine({ host: options.host });
  const own = new Map<string, Runtime>();
  const stage = { ...options, barrier, clock, engine: options.defect?.engine?.(engine) ?? engine };
  const shared = makeRuntime(stage);
  try {
    for (const { runId, aims } of scene.runs) {
      // What a runtime asks once, and proves once, is asked and proven for each of these.
      if (aims.some(({ step }) => ONCE.includes(step))) own.set(runId, makeRuntime(stage));
    }
    await inTurns(scene, barrier, async (run) => performRun(stage, run, own.get(run.runId) ?? shared));
  } finally {
    for (const work of undo) await work();
    await Promise.all([shared, ...own.values()].map(async (runtime) => closeInTime(runtime, options.record)));
    await engine.close();
    clock.restore();
  }
}

async function closeInTime(runtime: Runtime, record: Recorder): Promise<void> {
  const isClosed = await inTime(
    runtime.close().then(() => true),
    async (signal) => sleep(CLOSE_MS, undefined, { signal }),
  );
  if (isClosed === null) record({ kind: 'left', what: 'runtime', name: 'that was closed', runId: null });
}

/** What the work comes to; null when the time is over first. */
async function inTime<T>(work: Promise<T>, over: (signal: AbortSignal) => Promise<void>): Promise<T | null> {
  const done = new AbortController();
  const timeUp = over(done.signal).then(
    () => null,
    () => null,
  );
  try {
    return await Promise.race([work, timeUp]);
  } finally {
    done.abort();
  }
}

/** The steps after which a runtime does what it does for its first run only. */
const ONCE: readonly RunStepName[] = ['planned', 'workspace_ready'];

/** Where each run is awaited when one fault is to strike all. */
function meetingOf({ kind, runs }: Scene): ReadonlyMap<string, RunStepName> {
  if (kind === 'calls' || kind === 'process_stopped') return new Map();
  return new Map(
    runs.flatMap(({ runId, aims: [aim] }) => (aim === undefined ? [] : [[runId, aim.step] as const])),
  );
}

const LATE = RUN_STEPS.indexOf('started');
const LATE_MS = 15_000;

/** Those that are awaited late begin first: nobody is held for longer than a store may take. */
async function inTurns(
  { kind, runs }: Scene,
  barrier: Barrier,
  perform: (run: PlannedRun) => Promise<void>,
): Promise<void> {
  const isLate = ({ aims: [aim] }: PlannedRun): boolean =>
    kind !== 'calls' && aim !== undefined && RUN_STEPS.indexOf(aim.step) > LATE;
  const late = runs.filter(isLate);
  const performing = late.map(perform);
  await barrier.allThere(
    late.map(({ runId }) => runId),
    LATE_MS,
  );
  await Promise.all([...performing, ...runs.filter((run) => !isLate(run)).map(perform)]);
}

interface Stage extends PerformOptions {
  readonly barrier: Barrier;
  readonly clock: JumpingClock;
  readonly engine: ReturnType<typeof dockerEngine>;
}

function makeRuntime(stage: Stage): Runtime {
  const { place, record, progress, defect, engine, onEvent } = stage;
  const { work: workspaceRoot, secrets: secretsRoot, state: stateDir, instanceId } = place;
  const store = fileRunStore(join(stateDir, 'runs'));
  const storage = (mount: keyof typeof MOUNTS): StorageAdapter =>
    faultyStorage(
      defect?.storage?.(filesystemStorage(place.storage[mount])) ?? filesystemStorage(place.storage[mount]),
      progress,
      { hasTransactions: mount === 'transaction', record },
    );
  const runtime = createRuntime(
    {
      ...{ workspaceRoot, secretsRoot, instanceId, stateDir },
      // The small disks of some scenes are smaller than what is asked for by default.
      workspace: { minFreeBytes: 0, minFreeInodes: 0, transport: stage.scene.transport },
      policy: { secrets: { allowDisk: true } },
      maxConcurrentRuns: 16,
      recovery: { firstPassMs: null, everyMs: null },
    },
    {
      engine,
      runStore: heldStore(defect?.store?.(store) ?? store, stage),
      storage: {
        [MOUNTS.in]: storage('in'),
        [MOUNTS.transaction]: storage('transaction'),
        [MOUNTS.plain]: storage('plain'),
      },
      resolveSecret: async (_reference, { runId, metadata }) =>
        faultySecret(runId, metadata['scene'] ?? '', progress),
      onEvent: (event) => {
        record({ kind: 'event', event });
        onEvent(event);
      },
    },
  );
  return defect?.runtime?.(runtime) ?? runtime;
}

const AT_ONCE: readonly FaultName[] = ['clock_forward', 'clock_back', 'process_stopped'];

/** Tells how far runs are, lets what is aimed at a step strike there, and holds who waits for the others. */
function heldStore(store: RunStore, { record, progress, barrier, clock, strike }: Stage): RunStore {
  return {
    ...store,
    append: async (runId, step) => {
      await store.append(runId, step);
      record({ kind: 'step', runId, attempt: step.attempt, step: step.name });
      progress.reach(runId, step.name);
      for (;;) {
        const aim = progress.takeAim(runId, ({ fault }) => AT_ONCE.includes(fault));
        if (aim === null) break;
        if (aim.fault === 'clock_forward' || aim.fault === 'clock_back') {
          clock.jump(aim.fault === 'clock_forward' ? 'forward' : 'back');
        } else if (aim.fault === 'process_stopped') {
          await strike(aim.fault);
        }
      }
      await barrier.arrive(runId, step.name);
    },
  };
}

async function performRun(stage: Stage, run: PlannedRun, runtime: Runtime): Promise<void> {
  const { runId } = run;
  const definition = definitionOf(run, stage.image(run.slot));
  const isTransaction = run.outputs === 'transaction';
  const asked = { outputs: publishedBy(run), isTransaction, maxAttempts: run.maxAttempts };
  const first = { ...asked, runId, joins: null, comesTo: comesTo(run) };
  stage.record({ kind: 'asked', run: first });
  const options = (): RunOptions => ({ ...optionsOf(run), ...streamsOf(run, stage.progress) });
  const handle = runtime.startJob(definition, options());
  void cancelWhenDue(run, handle);
  const ending = settle(stage, first, handle).then(() => {
    stage.progress.end(runId);
    stage.barrier.leave(runId);
  });
  if (run.isJoined) {
    // Who comes second joins; who comes at the same time may be the first.
    while (stage.progress.stepOf(runId) === null && !stage.progress.hasEnded(runId)) await sleep(5);
    const joiner = { ...asked, runId: `${runId}-joined`, joins: runId, comesTo: null };
    stage.record({ kind: 'asked', run: joiner });
    const second = runtime.startJob(definition, { ...options(), runId: joiner.runId });
    void cancelWhenDue(run, second);
    await settle(stage, joiner, second);
  }
  await ending;
}

const CANCEL_AFTER_MS = 300;

async function cancelWhenDue({ ending }: PlannedRun, handle: RunHandle): Promise<void> {
  if (ending !== 'cancelled') return;
  for await (const { type } of handle.events) {
    if (type !== 'container_started') continue;
    await sleep(CANCEL_AFTER_MS);
    handle.cancel('the caller has changed its mind');
  }
}

async function settle(stage: Stage, run: AskedRun, handle: RunHandle): Promise<void> {
  const { record, progress } = stage;
  const { runId } = run;
  const outcome = await inTime(outcomeOf(handle), async (signal) => standsStill(stage, run, signal));
  if (outcome?.outcome === 'error' && outcome.error.kind === 'validation') {
    throw new Error(`a run that was to be accepted was not: ${outcome.error.message}`);
  }
  if (outcome !== null) {
    record({ kind: 'settled', runId, outcome });
    return;
  }
  const { lastStep, afterMs } = standing(run, progress);
  record({ kind: 'unsettled', runId, lastStep, afterMs });
}

/** Where a run is, or the one it waits for, and for how long. */
function standing(
  { runId, joins }: AskedRun,
  progress: Progress,
): { readonly lastStep: RunStepName | null; readonly afterMs: number } {
  const isWaiting = joins !== null && !progress.hasEnded(joins) && progress.stepOf(runId) === null;
  const moved = [runId, ...(joins === null ? [] : [joins])].map((id) => progress.movedAt(id));
  return {
    lastStep: progress.stepOf(isWaiting ? joins : runId),
    afterMs: performance.now() - Math.max(...moved),
  };
}

const LOOK_EVERY_MS = 1_000;

/** Resolves when a run has not come any further for as long as it may take to its end. */
async function standsStill({ scene, progress }: Stage, run: AskedRun, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { lastStep, afterMs } = standing(run, progress);
    if (afterMs > limitAfter(lastStep, scene.kind !== 'calls')) return;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

async function outcomeOf({ result }: RunHandle): Promise<RunOutcome> {
  try {
    return { outcome: 'result', result: await result };
  } catch (error) {
    // As it would stand in a log, with everything that hangs on it.
    const shown = JobRuntimeError.isInstance(error) ? error.toJSON() : { message: String(error) };
    return { outcome: 'error', error: { name: 'none', code: 'none', ...shown } as never };
  }
}

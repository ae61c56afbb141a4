/** Removes what processes that are proven dead left behind, accounts for their runs or has them adopted, and does nothing else. */
import type { TransportSetting } from '../config/runtime-config.js';
import type { ContainerEngine, ContainerSummary, VolumeSpec } from '../engine/types.js';
import { JobRuntimeError } from '../errors.js';
import { engineCall } from '../execute/engine-call.js';
import { askStore } from './ask-store.js';
import { type Taken, type TakeOptions, takeRuns } from './take-runs.js';
import { finishRun, type FinishOptions } from './finish-runs.js';
import type { LeaseWatch, OwnerJudge } from './judge-owner.js';
import { type OwnershipKey, ownershipOf } from './ownership.js';
import type { LeftAlone, ReconcileAction, ReconcileReport } from './report.js';
import { RUN_FOLDER_PREFIX, SECRET_FOLDER_PREFIX } from '../workspace/layout.js';
import { findFolders, type FoundFolder } from './run-folders.js';
import { type KeptRun, listKept } from '../workspace/kept.js';

/** What a pass works on. */
export interface ReconcileOptions extends OwnershipKey, FinishOptions, TakeOptions {
  readonly engine: () => Promise<ContainerEngine>;
  readonly workspaceRoot: string;
  /** Where files of secrets are. */
  readonly secretsRoot: string;
  readonly leases: LeaseWatch;
  /** How runs have their files on the engine. `bind`: it is not asked for volumes. */
  readonly transport: TransportSetting;
  /** Whether a run of this runtime has ended and could not remove all that was its. */
  readonly isLeftover: (runId: string) => boolean;
  /** Told what was done in a pass that could not be brought to its end. */
  readonly onBrokenOff: (actions: readonly ReconcileAction[]) => void;
}

interface Pass extends Omit<ReconcileOptions, 'engine'> {
  readonly judge: OwnerJudge;
  /** Whose the open runs are by now: a lease moves, labels and marks stay. */
  readonly holders: ReadonlyMap<string, string>;
  readonly runs: Taken;
  /** What runs left on purpose: it stays, whoever left it, until it is too old or too much. */
  readonly kept: readonly KeptRun[];
  readonly actions: ReconcileAction[];
  readonly leftAlone: LeftAlone[];
}

const FAILED = 'nothing was reconciled';

/** What is said where volumes cannot be listed; a proxy may say that there is no such call. */
const REFUSALS: readonly string[] = ['engine.failed', 'engine.not_found', 'engine.unsupported'];

type Thing = Pick<ReconcileAction, 'action' | 'what' | 'name' | 'runId' | 'owner'>;
/** How it is known that a thing may go; or why it stays, null where that goes without saying. */
type Finding = { readonly proof: string } | { readonly stays: Pick<LeftAlone, 'why' | 'detail'> | null };

/**
 * One pass: secrets first, which need no engine, then containers, the volumes and the folders that were mounted into them, and in the end the runs they belonged
 * to. What cannot be done is reported and does not keep the rest from being done.
 *
 * @throws what the store throws when runs cannot be listed, and then nothing was touched; what the engine throws when it cannot be asked, and then nothing was but
 * secrets.
 */
export async function reconcileOnce(options: ReconcileOptions): Promise<ReconcileReport> {
  const { signal } = new AbortController();
  const kept = await listKept(options.workspaceRoot, options.instance, signal);
  const { store, instance } = options;
  const judge = options.leases.look(await askStore(FAILED, async () => store.listLeases(instance)));
  const open = await askStore(FAILED, async () => store.listOpen({ instance }));
  const told = { actions: [], leftAlone: [] };
  const runs = await takeRuns(open, judge, options, told);
  const holders = new Map(open.map(({ runId, owner }) => [runId, owner]));
  const pass: Pass = { ...options, judge, kept, holders, runs, ...told };
  await reconcileFolders(
    pass,
    'secrets',
    await findFolders(pass.secretsRoot, SECRET_FOLDER_PREFIX),
    async ({ remove }) => remove(),
  );
  await reconcileEngine(pass, options);
  await reconcileFolders(
    pass,
    'workspace',
    await findFolders(pass.workspaceRoot, RUN_FOLDER_PREFIX),
    async (folder) => removeUnmounted(pass, folder),
  );
  for (const run of open) {
    const { runId, owner } = run;
    await settle(pass, { action: 'finished', what: 'run', name: runId, runId, owner }, async (proof) => {
      requireGone(pass, runId);
      await finishRun(run, proof, options);
      options.taken.delete(runId);
    });
  }
  const { dryRun, at, actions, leftAlone } = pass;
  return { dryRun, at, actions, leftAlone };
}

async function reconcileEngine(pass: Pass, options: ReconcileOptions): Promise<void> {
  let found: Awaited<ReturnType<typeof listAll>>;
  try {
    found = await listAll(options);
  } catch (error) {
    if (!pass.dryRun) pass.onBrokenOff(pass.actions);
    throw error;
  }
  await reconcileContainers(pass, found);
  await reconcileVolumes(pass, found);
}

interface OnEngine {
  readonly engine: ContainerEngine;
  readonly containers: readonly ContainerSummary[];
  readonly volumes: readonly VolumeSpec[];
}

/** All there are: what only looks like ours is to be reported, too. */
async function listAll(options: ReconcileOptions): Promise<OnEngine> {
  const engine = await options.engine();
  const volumes = await listVolumes(options, engine);
  const containers = await engineCall('list', undefined, (signal) => engine.containers.list({}, { signal }));
  return { engine, containers, volumes };
}

async function reconcileContainers(
  pass: Pass,
  { engine: { containers }, containers: found }: OnEngine,
): Promise<void> {
  for (const container of found) {
    const ownership = ownershipOf(container, pass);
    if (ownership === null) continue;
    if (ownership.kind !== 'owned') {
      const { kind: why, detail } = ownership;
      pass.leftAlone.push({ what: 'container', name: container.name, runId: null, why, detail });
      continue;
    }
    const { owner, runId } = ownership;
    if (pass.kept.some((each) => each.container?.id === container.id)) {
      leaveKept(pass, { what: 'container', name: container.name, runId });
      continue;
    }
    await settle(
      pass,
      { action: 'removed', what: 'container', name: container.name, runId, owner },
      async () => engineCall('remove', undefined, (signal) => containers.remove(container.id, { signal })),
    );
  }
}

async function listVolumes(
  { transport, labelPrefix }: ReconcileOptions,
  { volumes }: ContainerEngine,
): Promise<readonly VolumeSpec[]> {
  if (volumes === undefined || transport === 'bind') return [];
  const labels = { [`${labelPrefix}.managed`]: 'true' };
  try {
    return await engineCall('list volumes', undefined, (signal) => volumes.list(labels, { signal }));
  } catch (error) {
    // One that lets nobody use volumes has none of ours; if it was something else, a later pass finds them.
    const isRefused = JobRuntimeError.isInstance(error) && REFUSALS.includes(error.code);
    if (isRefused && transport === 'auto') return [];
    throw error;
  }
}

async function reconcileVolumes(pass: Pass, { engine, volumes }: OnEngine): Promise<void> {
  for (const volume of volumes) {
    const { name } = volume;
    const ownership = ownershipOf(volume, pass);
    if (ownership === null) continue;
    if (ownership.kind !== 'owned' || !ownership.isHelper) {
      const { why, detail } =
        ownership.kind === 'owned'
          ? ({ why: 'look_alike', detail: 'it is of the kind "job", which no volume is' } as const)
          : { why: ownership.kind, detail: ownership.detail };
      pass.leftAlone.push({ what: 'volume', name, runId: null, why, detail });
      continue;
    }
    const { owner, runId } = ownership;
    await settle(pass, { action: 'removed', what: 'volume', name, runId, owner }, async () =>
      engineCall('remove a volume', undefined, async (signal) => engine.volumes?.remove(name, { signal })),
    );
  }
}

async function reconcileFolders(
  pass: Pass,
  what: 'secrets' | 'workspace',
  folders: readonly FoundFolder[],
  remove: (folder: FoundFolder) => Promise<void>,
): Promise<void> {
  for (const folder of folders) {
    const { path, mark, maker } = folder;
    const runId = mark?.runId ?? null;
    const owner = mark?.owner ?? maker;
    if (owner === null || (mark !== null && mark.instance !== pass.instance)) {
      const why = mark === null ? 'look_alike' : 'other_instance';
      const detail =
        mark === null
          ? 'nothing in it that this version understands says whose it is'
          : `it is of the instance "${mark.instance}"`;
      pass.leftAlone.push({ what, name: path, runId, why, detail });
      continue;
    }
    if (pass.kept.some((each) => each.folder === path)) {
      leaveKept(pass, { what, name: path, runId });
      continue;
    }
    await settle(pass, { action: 'removed', what, name: path, runId, owner }, async () => remove(folder));
  }
}

function leaveKept({ leftAlone }: Pass, thing: Pick<LeftAlone, 'what' | 'name' | 'runId'>): void {
  leftAlone.push({ ...thing, why: 'kept', detail: 'its run kept it on purpose' });
}

/** A folder goes only after the container it is mounted into: a job that still runs must not lose its files one by one. */
async function removeUnmounted({ actions }: Pass, { mark, remove }: FoundFolder): Promise<void> {
  const isHeld = actions.some(
    ({ what, runId, problem }) => what === 'container' && runId === mark?.runId && problem !== null,
  );
  if (isHeld) throw new Error('its container could not be removed');
  await remove();
}

/** Who waits for the end of a run may count on it that nothing of the run goes on. */
function requireGone({ actions }: Pass, runId: string): void {
  const left = actions.find((each) => each.runId === runId && each.problem !== null);
  if (left !== undefined) throw new Error(`its ${left.what} could not be removed`);
}

/** Does away with what belongs to an owner that is proven dead; anything else is left alone, and said so unless it is this process's own. */
async function settle(pass: Pass, thing: Thing, work: (proof: string) => Promise<void>): Promise<void> {
  const { what, name, runId } = thing;
  const finding = await findingOf(pass, thing);
  if ('proof' in finding) {
    const { proof } = finding;
    const problem = pass.dryRun ? null : await problemOf(async () => work(proof));
    const taken = what === 'run' && runId !== null ? pass.runs.finish.get(runId) : undefined;
    pass.actions.push({ ...thing, proof, notAdopted: taken?.notAdopted ?? null, problem });
  } else if (finding.stays !== null) {
    pass.leftAlone.push({ what, name, runId, ...finding.stays });
  }
}

async function findingOf(pass: Pass, { runId, owner, what, name }: Thing): Promise<Finding> {
  const { judge, runs, holders } = pass;
  if (runId !== null && runs.others.has(runId)) return { stays: null };
  const byLabel = judge(owner);
  const holder = runId === null ? undefined : holders.get(runId);
  if (byLabel.state === 'self' && runId !== null && what !== 'run') {
    return leftBySelf(pass, runId, { what, name });
  }
  const taken = runId === null ? undefined : runs.finish.get(runId);
  const mayGo = byLabel.state === 'dead' || what === 'run';
  if (taken !== undefined && mayGo) return { proof: taken.proof };
  // What a dead process made may be another one's by now.
  const { state, proof } = byLabel.state === 'dead' && holder !== undefined ? judge(holder) : byLabel;
  if (state === 'dead') return { proof };
  return {
    stays: state === 'self' ? null : { why: state === 'alive' ? 'alive' : 'owner_unknown', detail: proof },
  };
}

/** What a run of this runtime left when it ended, because it could not be removed then. */
async function leftBySelf(
  { isLeftover, workspaceRoot, instance }: Pass,
  runId: string,
  { what, name }: Pick<Thing, 'what' | 'name'>,
): Promise<Finding> {
  if (!isLeftover(runId)) return { stays: null };
  // Looked at again: what it kept on purpose it may have kept since.
  const kept = await listKept(workspaceRoot, instance, new AbortController().signal);
  const isKept = kept.some((each) => (what === 'container' ? each.container?.name : each.folder) === name);
  return isKept ? { stays: null } : { proof: 'its run has ended, and could not remove it' };
}

async function problemOf(work: () => Promise<void>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The runs of an instance that are not over, whichever process runs them: by the store, and by the containers on the engine. It touches none. */
import type { ContainerEngine, ContainerInfo, ContainerSummary } from './engine/types.js';
import { engineCall } from './execute/engine-call.js';
import type { OwnerState } from './host/process-identity.js';
import { askStore } from './recovery/ask-store.js';
import type { OwnerJudge } from './recovery/judge-owner.js';
import { type OwnershipKey, ownershipOf } from './recovery/ownership.js';
import { lastStep } from './recovery/stored-steps.js';
import type { RunStepName, RunStore, StoredRun } from './run-store/types.js';
import { listKept } from './workspace/kept.js';

/** A run that is not over, as it can be seen from outside the process that runs it. JSON-safe. */
export interface OpenRun {
  readonly runId: string;
  readonly instance: string;
  /** Null where it has none, and where only its container is known. */
  readonly jobSlug: string | null;
  /** As the definition names it; the image's id where only the container is known. */
  readonly image: string | null;
  /** `queued`: it waits for its first place. `kept`: it has ended, and its container was kept on purpose. */
  readonly state: 'queued' | 'running' | 'kept';
  /** What it came to last; null where it has come to nothing yet, and where only its container is known. */
  readonly step: RunStepName | null;
  readonly attempt: number;
  /** ISO; of the container where only that is known. Null where even that does not tell. */
  readonly startedAt: string | null;
  readonly container: Pick<ContainerInfo, 'id' | 'name' | 'status'> | null;
  /** The process that runs it, as in the label `owner`. */
  readonly owner: string;
  /** Whether that process is there. `unknown`: nothing proves either. */
  readonly ownerState: OwnerState['state'];
  /** How that is known. */
  readonly proof: string;
}

/** Where to look. */
export interface OpenRunsOptions extends OwnershipKey {
  readonly engine: ContainerEngine;
  readonly store: RunStore;
  readonly workspaceRoot: string;
  readonly judge: OwnerJudge;
  /** Also other instances' containers, and those that were kept. */
  readonly all: boolean;
}

interface FoundContainer {
  readonly runId: string;
  readonly owner: string;
  readonly instance: string;
  readonly attempt: number;
  readonly createdAt: string | null;
  readonly info: ContainerInfo;
  readonly isKept: boolean;
}

/**
 * Oldest first.
 *
 * @throws what the engine and the store throw when containers and runs cannot be listed.
 */
export async function listOpenRuns(options: OpenRunsOptions): Promise<readonly OpenRun[]> {
  const { store, instance, judge } = options;
  const open = await askStore('open runs cannot be listed', async () => store.listOpen({ instance }));
  const containers = await findContainers(options);
  const isOf = (run: StoredRun, { runId, instance: theirs }: FoundContainer): boolean =>
    runId === run.runId && theirs === run.instance;
  const remembered = open.map((run) =>
    fromStore(run, containers.findLast((each) => isOf(run, each)) ?? null, judge),
  );
  const others = containers
    .filter((each) => !open.some((run) => isOf(run, each)))
    .filter(({ isKept }) => options.all || !isKept)
    .map((each) => fromContainer(each, judge));
  return [...remembered, ...others].sort((a, b) => (a.startedAt ?? '').localeCompare(b.startedAt ?? ''));
}

async function findContainers(options: OpenRunsOptions): Promise<readonly FoundContainer[]> {
  const { engine, labelPrefix, instance, workspaceRoot, all } = options;
  const labels = {
    [`${labelPrefix}.managed`]: 'true',
    ...(all ? {} : { [`${labelPrefix}.instance`]: instance }),
  };
  const listed = await engineCall('list', undefined, async (signal) =>
    engine.containers.list(labels, { signal }),
  );
  const kept = await listKept(workspaceRoot, instance, new AbortController().signal);
  const found: FoundContainer[] = [];
  for (const summary of listed) {
    const facts = factsOf(summary, labelPrefix);
    if (facts === null) continue;
    const info = await engineCall('inspect', undefined, async (signal) =>
      engine.containers.inspect(summary.id, { signal }),
    );
    // It went meanwhile.
    if (info === null) continue;
    found.push({ ...facts, info, isKept: kept.some(({ container }) => container?.id === summary.id) });
  }
  return found;
}

/** Null for what only looks like ours. */
function factsOf(
  summary: ContainerSummary,
  labelPrefix: string,
): Omit<FoundContainer, 'info' | 'isKept'> | null {
  const label = (key: string): string | undefined => summary.labels[`${labelPrefix}.${key}`];
  const instance = label('instance') ?? '';
  const ownership = ownershipOf(summary, { labelPrefix, instance });
  if (ownership?.kind !== 'owned' || ownership.isHelper) return null;
  const { owner, runId } = ownership;
  return {
    runId,
    owner,
    instance,
    attempt: Number(label('attempt')),
    createdAt: label('created-at') ?? null,
  };
}

function fromStore(run: StoredRun, container: FoundContainer | null, judge: OwnerJudge): OpenRun {
  const step = lastStep(run.steps);
  const { state, proof } = judge(run.owner);
  return {
    runId: run.runId,
    instance: run.instance,
    jobSlug: run.jobSlug,
    image: run.plan.image.reference,
    state: step === undefined || step.name === 'planned' ? 'queued' : 'running',
    step: step?.name ?? null,
    attempt: step?.attempt ?? 1,
    startedAt: run.startedAt,
    container: shown(container),
    owner: run.owner,
    ownerState: state,
    proof,
  };
}

function fromContainer(found: FoundContainer, judge: OwnerJudge): OpenRun {
  const { runId, instance, attempt, createdAt, owner, isKept, info } = found;
  const { state, proof } = judge(owner);
  return {
    runId,
    instance,
    jobSlug: null,
    image: info.imageId,
    state: isKept ? 'kept' : 'running',
    step: null,
    attempt,
    startedAt: info.startedAt ?? createdAt,
    container: shown(found),
    owner,
    ownerState: state,
    proof,
  };
}

function shown(found: FoundContainer | null): OpenRun['container'] {
  if (found === null) return null;
  const { id, name, status } = found.info;
  return { id, name, status };
}

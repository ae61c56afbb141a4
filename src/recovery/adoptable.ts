/** Whether a dead process's run can be taken over where it stands: by what it wrote down, and by its container as it is now. It touches nothing. */
import { REDACTION_MARK } from '../base/redact.js';
import type { ContainerInfo } from '../engine/types.js';
import type { BootTime } from '../host/boot-clock.js';
import type { ContainerFacts, RunStep, StoredRun } from '../run-store/types.js';
import { lastStep } from './stored-steps.js';

/** A run that can be taken over, and from where. */
export interface AdoptableRun {
  readonly run: StoredRun;
  readonly attempt: number;
  readonly facts: ContainerFacts;
  /** When its container was started, ISO. */
  readonly startedAt: string;
  /** The same on the clock of its boot; null where nobody wrote it down. */
  readonly startedBootTime: BootTime | null;
  readonly info: ContainerInfo;
}

/** What is known of it besides. */
export interface AdoptableFacts {
  readonly labelPrefix: string;
  /** Null where there is none of that run. */
  readonly info: ContainerInfo | null;
  /** The kernel says that its process is gone. A lease that ran out is no such proof: whoever comes back would find another at its work. */
  readonly isCertainlyDead: boolean;
  /** Null: any; storages are somebody else's to judge. */
  readonly mountIds: readonly string[] | null;
}

/** The run, or in words why not. */
export function adoptable(run: StoredRun, known: AdoptableFacts): AdoptableRun | string {
  const { info, labelPrefix, mountIds } = known;
  if (!known.isCertainlyDead) return 'only its lease says that its process is dead';
  const step = lastStep(run.steps);
  const facts = factsOf(run.steps, step?.attempt);
  if (step === undefined || facts === null || !['created', 'started'].includes(step.name)) {
    return `it had come to "${step?.name ?? 'nothing'}", where nothing runs that could be followed`;
  }
  if (info?.id !== facts.containerId) return 'its container is gone';
  if (info.status !== 'running') return `its container is "${info.status}"`;
  if (info.startedAt === null) return 'its container was never started';
  if (info.labels[`${labelPrefix}.spec-hash`] !== run.plan.planHash) {
    return 'it was planned anew after it was written down';
  }
  if (facts.needsItsProcess !== null) return facts.needsItsProcess;
  if (JSON.stringify(run.plan.outputs).includes(REDACTION_MARK)) {
    return 'what it is to hand out was masked when it was written down';
  }
  const mounts = run.plan.outputs.flatMap(({ upload }) =>
    upload === null || upload === 'caller' ? [] : [upload.backendMountId],
  );
  const unknown = mounts.find((id) => mountIds !== null && !mountIds.includes(id));
  if (unknown !== undefined) return `this runtime has no storage "${unknown}", where its outputs go`;
  const { attempt } = step;
  const started = run.steps.find((each) => each.name === 'started' && each.attempt === attempt) as
    Extract<RunStep, { name: 'started' }> | undefined;
  const startedBootTime = started?.bootTime ?? null;
  return { run, attempt, facts, info, startedAt: started?.at ?? info.startedAt, startedBootTime };
}

function factsOf(steps: readonly RunStep[], attempt: number | undefined): ContainerFacts | null {
  for (const step of steps) {
    if (step.name === 'created' && step.attempt === attempt) return step.container ?? null;
  }
  return null;
}

/** What an attempt came to before its container, as its process wrote it down; null where it wrote nothing of it. */
export function containerFactsOf({ steps }: StoredRun, attempt: number): ContainerFacts | null {
  return factsOf(steps, attempt);
}

/** Decides run by run who deals with what a dead process left of it: adopted, taken over to be finished, or another's to deal with. It removes nothing. */
import type { OwnerState } from '../host/process-identity.js';
import type { StoredRun } from '../run-store/types.js';
import type { OwnerJudge } from './judge-owner.js';
import type { LeftAlone, ReconcileAction } from './report.js';

/** Looks whether a run can be adopted. In words why not, or what adopts it: true if this process was the one to. */
export type Adopt = (run: StoredRun, owner: OwnerState) => Promise<string | (() => Promise<boolean>)>;

/** How runs are taken. */
export interface TakeOptions {
  /** Null: none is adopted. */
  readonly adopt: Adopt | null;
  /** False: what could be adopted is left to another runtime. */
  readonly adopts: boolean;
  /** Makes this process the owner of a run; false where another was first. */
  readonly takeOver: (run: StoredRun) => Promise<boolean>;
  /** Proofs, by the id of the run, for those this runtime took over before and could not finish. */
  readonly taken: Map<string, string>;
  readonly dryRun: boolean;
}

/** Who deals with which open run. */
export interface Taken {
  /** To be finished now: how it is known that its process is dead, and why it was not adopted. */
  readonly finish: ReadonlyMap<string, { readonly proof: string; readonly notAdopted: string | null }>;
  /** Adopted, or another's: nothing of it is touched. */
  readonly others: ReadonlySet<string>;
}

/** Goes through the open runs of dead owners, and tells what became of those it takes or leaves. */
export async function takeRuns(
  open: readonly StoredRun[],
  judge: OwnerJudge,
  options: TakeOptions,
  told: { readonly actions: ReconcileAction[]; readonly leftAlone: LeftAlone[] },
): Promise<Taken> {
  const finish = new Map<string, { readonly proof: string; readonly notAdopted: string | null }>();
  const others = new Set<string>();
  for (const run of open) {
    const { runId } = run;
    const owner = judge(run.owner);
    const before = owner.state === 'self' ? options.taken.get(runId) : undefined;
    if (before !== undefined) finish.set(runId, { proof: before, notAdopted: null });
    if (owner.state !== 'dead') continue;
    const outcome = await takeRun(run, owner, options);
    if ('notAdopted' in outcome) {
      finish.set(runId, { proof: owner.proof, notAdopted: outcome.notAdopted });
      continue;
    }
    others.add(runId);
    if ('why' in outcome) told.leftAlone.push({ what: 'run', name: runId, runId, ...outcome });
    else told.actions.push({ ...actionOf(run, owner.proof), ...outcome });
  }
  return { finish, others };
}

type Outcome =
  | { readonly notAdopted: string | null }
  | Pick<LeftAlone, 'why' | 'detail'>
  | Pick<ReconcileAction, 'action' | 'problem'>;

async function takeRun(run: StoredRun, owner: OwnerState, options: TakeOptions): Promise<Outcome> {
  try {
    const answer = options.adopt === null ? null : await options.adopt(run, owner);
    if (typeof answer === 'function') {
      if (!options.adopts) return { why: 'adoptable', detail: owner.proof };
      const isOurs = options.dryRun || (await answer());
      return isOurs ? { action: 'adopted', problem: null } : ANOTHERS;
    }
    if (options.dryRun) return { notAdopted: answer };
    if (!(await options.takeOver(run))) return ANOTHERS;
    options.taken.set(run.runId, owner.proof);
    return { notAdopted: answer };
  } catch (error) {
    return { action: 'finished', problem: error instanceof Error ? error.message : String(error) };
  }
}

const ANOTHERS = { why: 'alive', detail: 'another process deals with it' } as const;

const actionOf = (
  { runId, owner }: StoredRun,
  proof: string,
): Omit<ReconcileAction, 'action' | 'problem'> => ({
  ...{ what: 'run', name: runId, runId, owner, proof, notAdopted: null },
});

/** How a runtime deals with what dead processes of its instance left: when asked, of its own accord, and when a run meets one of theirs. */
import { notify } from './base/notify.js';
import type { RuntimeConfig } from './config/runtime-config.js';
import type { ContainerEngine } from './engine/types.js';
import { askStore } from './recovery/ask-store.js';
import { createLeaseWatch, type OwnerJudge } from './recovery/judge-owner.js';
import { handedOver, type HandedOver } from './recovery/handed-over.js';
import type { HeldLease } from './recovery/owner-lease.js';
import type { ReconcileReport } from './recovery/report.js';
import { createSweeper } from './recovery/sweeper.js';
import type { AdoptedRun } from './run-adoption.js';
import type { CallerIdentity } from './run-context.js';
import { orphanEnd, orphanOutcome } from './run-orphan.js';
import type { RunStore, StoredRun } from './run-store/types.js';
import { loadDeeds } from './runtime-loading.js';
import type { ResolvedPorts } from './runtime-ports.js';
import type { RuntimeReports } from './runtime-reports.js';
import type { RuntimeRuns } from './runtime-runs.js';

/** What recovery is made of. */
export interface RuntimeRecoveryOptions {
  readonly config: RuntimeConfig;
  readonly ports: ResolvedPorts;
  readonly engine: () => Promise<ContainerEngine>;
  readonly store: RunStore;
  readonly identity: { readonly instance: string; readonly owner: string };
  readonly machine: string | null;
  readonly caller: CallerIdentity | null;
  /** Hears of every pass that is no dry run. */
  readonly reports: Pick<
    RuntimeReports,
    'reconciled' | 'reconcileBrokenOff' | 'reconcileFailed' | 'orphanEnded'
  >;
  readonly lease: Pick<HeldLease, 'ensure'>;
  readonly runs: Pick<RuntimeRuns, 'isLive'>;
  readonly isClosing: () => boolean;
  /** Removes what was kept for long enough. */
  readonly sweepKept: () => Promise<unknown>;
  /** Follows a run that was taken over. */
  readonly adopt: (adopted: AdoptedRun) => void;
}

/** Recovery of one runtime. */
export interface RuntimeRecovery {
  /** `adopts` false: what could be adopted is left to another runtime. */
  reconcile(how: { readonly dryRun: boolean; readonly adopts: boolean }): Promise<ReconcileReport>;
  /** A run of this runtime could not remove all that is its: the next pass tries again. */
  readonly noteLeftover: (runId: string) => void;
  /** How many runs, or examinations, of this runtime have left something. */
  readonly leftovers: number;
  /** Judges owners by what is known now. */
  readonly judge: () => Promise<OwnerJudge>;
  /** Reconciles if the process of an open run is proven dead; says whether it is. */
  readonly recoverIfDead: (run: StoredRun) => Promise<boolean>;
  /** The runtime is used, for a run of this id: passes of its own accord begin, unless they are switched off. */
  begin(runId: string): void;
  /** Resolves when no pass of its own accord is under way, nor will be. */
  stop(): Promise<void>;
  /** Leaves to other runtimes of this process what this one could not remove. */
  handOver(): void;
}

/** A store may have to look at all it remembers. */
const FORGET_EVERY_MS = 3_600_000;

/** Recovery that has not begun. */
export function createRuntimeRecovery(options: RuntimeRecoveryOptions): RuntimeRecovery {
  const { config, ports, store, identity, machine, caller, reports } = options;
  const { instance, owner: self } = identity;
  const { leaseExpiryMs, firstPassMs, everyMs, rememberMs } = config.recovery;
  const { clock, storage } = ports;
  const leases = createLeaseWatch({ self, machine, leaseExpiryMs, monotonic: () => clock.monotonic() });
  let forgetAtMs = Number.NEGATIVE_INFINITY;
  const isoAt = (milliseconds: number): string => new Date(milliseconds).toISOString();

  const leftovers = new Set<string>();
  const others = handedOver(instance, config.workspaceRoot);
  const taken = new Map<string, string>();
  const adoption = { ...options, storage, begin: options.adopt };

  const pass = async (dryRun: boolean, adopts: boolean): Promise<ReconcileReport> => {
    const { createAdoption, reconcileOnce, secretsRootOf, takeOver } = await loadDeeds();
    const at = isoAt(clock.now());
    const report = await reconcileOnce({
      engine: options.engine,
      onBrokenOff: reports.reconcileBrokenOff,
      labelPrefix: config.labelPrefix,
      instance,
      workspaceRoot: config.workspaceRoot,
      secretsRoot: secretsRootOf({ config, caller }),
      store,
      storage,
      leases,
      transport: config.workspace.transport,
      dryRun,
      adopts,
      adopt: config.recovery.mode === 'adopt' ? createAdoption(adoption, adopts) : null,
      taken,
      takeOver: async (run) => {
        await options.lease.ensure();
        return takeOver(store, run, self);
      },
      isLeftover: (runId) => (leftovers.has(runId) || others.has(runId)) && !options.runs.isLive(runId),
      at,
      endOf: (run, facts) => orphanOutcome(run, facts, at),
      onEnd: (run, end) => {
        const event = Object.freeze(orphanEnd(run, end, at));
        reports.orphanEnded(event);
        notify(ports.onEvent, event);
      },
    });
    if (!dryRun) forgetGone(leftovers, report);
    if (!dryRun) forgetRemoved(others, report);
    // What is not forgotten now is by a later pass: nothing is too early for a clock that was set ahead.
    if (!dryRun && clock.monotonic() >= forgetAtMs) {
      forgetAtMs = clock.monotonic() + FORGET_EVERY_MS;
      await store.forget(isoAt(Math.min(clock.now(), clock.even()) - rememberMs)).catch(() => undefined);
    }
    return report;
  };
  const reconcile = async (automatic: boolean, adopts: boolean): Promise<ReconcileReport> => {
    try {
      const report = await pass(false, adopts);
      reports.reconciled(report, automatic);
      return report;
    } catch (error) {
      reports.reconcileFailed(error, automatic);
      throw error;
    }
  };
  const judge = async (): Promise<OwnerJudge> =>
    leases.look(await askStore('owners cannot be judged', async () => store.listLeases(instance)));
  const sweeper = createSweeper({
    firstPassMs,
    everyMs,
    async pass() {
      await options.sweepKept();
      await reconcile(true, true);
    },
  });

  return {
    judge,
    get leftovers() {
      return leftovers.size;
    },
    reconcile: async ({ dryRun, adopts }) => (dryRun ? pass(true, adopts) : reconcile(false, adopts)),
    noteLeftover: (runId) => {
      leftovers.add(runId);
    },
    async recoverIfDead({ owner }) {
      if ((await judge())(owner).state !== 'dead') return false;
      await reconcile(true, true);
      return true;
    },
    begin(runId) {
      others.forget(runId);
      sweeper.begin();
    },
    stop: async () => sweeper.stop(),
    handOver() {
      others.leave(leftovers);
    },
  };
}

/** Nothing found of it is no proof here: it may lie where this runtime does not look. */
function forgetRemoved(others: HandedOver, { actions }: ReconcileReport): void {
  const failed = new Set(actions.flatMap(({ runId, problem }) => (problem === null ? [] : [runId])));
  for (const { runId } of actions) if (runId !== null && !failed.has(runId)) others.forget(runId);
}

/** What a pass found nothing of any more, or removed. */
function forgetGone(leftovers: Set<string>, { actions }: ReconcileReport): void {
  const left = new Set(actions.flatMap(({ runId, problem }) => (problem === null ? [] : [runId])));
  for (const runId of leftovers) if (!left.has(runId)) leftovers.delete(runId);
}

/** How a runtime deals with what dead processes of its instance left: when asked, of its own accord, and when a run meets one of theirs. */
import { notify } from './base/notify.js';
import type { RuntimeConfig } from './config/runtime-config.js';
import type { ContainerEngine } from './engine/types.js';
import { askStore } from './recovery/ask-store.js';
import { createLeaseWatch, type OwnerJudge } from './recovery/judge-owner.js';
import { reconcileOnce } from './recovery/reconcile.js';
import type { ReconcileReport } from './recovery/report.js';
import { createSweeper } from './recovery/sweeper.js';
import type { CallerIdentity } from './run-context.js';
import { orphanEnd, orphanOutcome } from './run-orphan.js';
import { secretsRootOf } from './run-secrets.js';
import type { RunStore, StoredRun } from './run-store/types.js';
import type { ResolvedPorts } from './runtime-ports.js';
import type { RuntimeReports } from './runtime-reports.js';

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
  readonly reports: Pick<RuntimeReports, 'reconciled' | 'reconcileFailed'>;
}

/** Recovery of one runtime. */
export interface RuntimeRecovery {
  reconcile(dryRun: boolean): Promise<ReconcileReport>;
  /** Judges owners by what is known now. */
  readonly judge: () => Promise<OwnerJudge>;
  /** Reconciles if the process of an open run is proven dead; says whether it is. */
  readonly recoverIfDead: (run: StoredRun) => Promise<boolean>;
  /** The runtime is used: passes of its own accord begin, unless they are switched off. */
  begin(): void;
  /** Resolves when no pass of its own accord is under way, nor will be. */
  stop(): Promise<void>;
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

  const pass = async (dryRun: boolean): Promise<ReconcileReport> => {
    const at = isoAt(clock.now());
    const report = await reconcileOnce({
      engine: await options.engine(),
      labelPrefix: config.labelPrefix,
      instance,
      workspaceRoot: config.workspaceRoot,
      secretsRoot: secretsRootOf({ config, caller }),
      store,
      storage,
      leases,
      dryRun,
      at,
      endOf: (run, facts) => orphanOutcome(run, facts, at),
      onEnd: (run, end) => {
        notify(ports.onEvent, Object.freeze(orphanEnd(run, end, at)));
      },
    });
    // What is not forgotten now is by a later pass.
    if (!dryRun && clock.monotonic() >= forgetAtMs) {
      forgetAtMs = clock.monotonic() + FORGET_EVERY_MS;
      await store.forget(isoAt(clock.now() - rememberMs)).catch(() => undefined);
    }
    return report;
  };
  const reconcile = async (automatic: boolean): Promise<ReconcileReport> => {
    try {
      const report = await pass(false);
      reports.reconciled(report, automatic);
      return report;
    } catch (error) {
      reports.reconcileFailed(error, automatic);
      throw error;
    }
  };
  const judge = async (): Promise<OwnerJudge> =>
    leases.look(await askStore('owners cannot be judged', async () => store.listLeases(instance)));
  const sweeper = createSweeper({ firstPassMs, everyMs, pass: async () => reconcile(true) });

  return {
    judge,
    reconcile: async (dryRun) => (dryRun ? pass(true) : reconcile(false)),
    async recoverIfDead({ owner }) {
      if ((await judge())(owner).state !== 'dead') return false;
      await reconcile(true);
      return true;
    },
    begin() {
      sweeper.begin();
    },
    stop: async () => sweeper.stop(),
  };
}

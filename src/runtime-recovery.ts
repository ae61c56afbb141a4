/** How a runtime deals with what dead processes of its instance left: when asked, of its own accord, and when a run meets one of theirs. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { ContainerEngine } from './engine/types.js';
import { createLeaseWatch } from './recovery/judge-owner.js';
import { reconcileOnce } from './recovery/reconcile.js';
import type { ReconcileAction, ReconcileReport } from './recovery/report.js';
import { createSweeper } from './recovery/sweeper.js';
import type { CallerIdentity } from './run-context.js';
import { orphanEnd, orphanOutcome } from './run-orphan.js';
import { secretsRootOf } from './run-secrets.js';
import type { RunStore, StoredRun } from './run-store/types.js';
import type { ResolvedPorts } from './runtime-ports.js';

/** What recovery is made of. */
export interface RuntimeRecoveryOptions {
  readonly config: RuntimeConfig;
  readonly ports: ResolvedPorts;
  readonly engine: () => Promise<ContainerEngine>;
  readonly store: RunStore;
  readonly identity: { readonly instance: string; readonly owner: string };
  readonly machine: string | null;
  readonly caller: CallerIdentity | null;
  /** Hears what was done, not what would be. */
  readonly onAction: (action: ReconcileAction) => void;
}

/** Recovery of one runtime. */
export interface RuntimeRecovery {
  reconcile(dryRun: boolean): Promise<ReconcileReport>;
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
  const { config, ports, store, identity, machine, caller } = options;
  const { instance, owner: self } = identity;
  const { leaseExpiryMs, firstPassMs, everyMs, rememberMs } = config.recovery;
  const { clock, storage } = ports;
  const leases = createLeaseWatch({ self, machine, leaseExpiryMs, monotonic: () => clock.monotonic() });
  let forgetAtMs = Number.NEGATIVE_INFINITY;
  const isoAt = (milliseconds: number): string => new Date(milliseconds).toISOString();

  const reconcile = async (dryRun: boolean): Promise<ReconcileReport> => {
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
        notify(ports, run, end, at);
      },
    });
    if (!dryRun) report.actions.forEach(options.onAction);
    // What is not forgotten now is by a later pass.
    if (!dryRun && clock.monotonic() >= forgetAtMs) {
      forgetAtMs = clock.monotonic() + FORGET_EVERY_MS;
      await store.forget(isoAt(clock.now() - rememberMs)).catch(() => undefined);
    }
    return report;
  };
  const sweeper = createSweeper({ firstPassMs, everyMs, pass: async () => reconcile(false) });

  return {
    reconcile,
    async recoverIfDead({ owner }) {
      const judge = leases.look(await store.listLeases(instance));
      if (judge(owner).state !== 'dead') return false;
      await reconcile(false);
      return true;
    },
    begin() {
      sweeper.begin();
    },
    stop: async () => sweeper.stop(),
  };
}

function notify(
  { onEvent }: ResolvedPorts,
  run: StoredRun,
  ...end: [Parameters<typeof orphanEnd>[1], string]
): void {
  try {
    onEvent?.(Object.freeze(orphanEnd(run, ...end)));
  } catch {
    // What a listener throws is its own affair.
  }
}

/** Whether a runtime would take a run now, and if not, why. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { ContainerEngine, EngineInfo } from './engine/types.js';
import { DISABLED_MESSAGE } from './job/validate.js';
import { engineCall } from './execute/engine-call.js';

/** An answer, as of `checkedAt`. */
export interface Readiness {
  readonly ready: boolean;
  /** Why not; null when ready. */
  readonly reason: string | null;
  /** ISO. */
  readonly checkedAt: string;
  readonly details: {
    readonly engine: EngineInfo | null;
    /** What an operator should know although runs are taken. */
    readonly warnings: readonly string[];
  };
}

/** Asks the engine, unless the configuration alone already says no. Never throws. */
export async function checkReadiness(
  config: RuntimeConfig,
  engine: () => Promise<ContainerEngine>,
  checkedAt: string,
): Promise<Readiness> {
  const warnings =
    config.policy.images.allow.length === 0
      ? ['policy.images.allow is empty: any image that is not denied may run']
      : [];
  const notReady = (reason: string): Readiness => ({
    ready: false,
    reason,
    checkedAt,
    details: { engine: null, warnings },
  });
  if (!config.enabled) return notReady(DISABLED_MESSAGE);
  try {
    const reached = await engine();
    const info = await engineCall('info', undefined, (signal) => reached.info({ signal }));
    return { ready: true, reason: null, checkedAt, details: { engine: info, warnings } };
  } catch (error) {
    return notReady(error instanceof Error ? error.message : String(error));
  }
}

/** Refuses a run that needs what the engine does not have. It asks the engine only where there is something to need. */
import type { ContainerEngine } from './engine/types.js';
import { EngineError } from './errors.js';
import { oddPaths, unmetNeeds } from './plan/engine-needs.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Run } from './run-context.js';

/**
 * Before anything is created.
 *
 * @throws `engine.gpu_unavailable`, `engine.unsupported`, both with `details.field`; `engine.unreachable`.
 */
export async function requireNeeds(run: Run, plan: RunPlan, engine: ContainerEngine): Promise<void> {
  const { gpu, runtime } = plan.container;
  if (gpu === null && runtime === null && oddPaths(plan).length === 0) return;
  const info = await run.engineInfo();
  const gaps = [...(info.gaps ?? []), ...(engine.capabilities.gpu ? [] : (['gpus'] as const))];
  const [unmet] = unmetNeeds(plan, run.config, { ...info, gaps });
  if (unmet === undefined) return;
  const { code, field, message, hint } = unmet;
  throw new EngineError(code, `${field}: ${message}`, { hint, details: { field } });
}

/** Further scenes for pairs that struck too seldom, each pair in a run of its own where nothing else keeps it from striking. Pure. */
import { kindOf, MAX_RUNS_AT_ONCE, toAim } from './plan-scenes.js';
import type { Pair } from './faults.js';
import { planRunFor } from './plan-run.js';
import { createRandom } from './random.js';
import { type Scene, SCENE_KINDS } from './scene.js';

/** One run a pair; the same pairs and seed give the same scenes, but for their numbers. */
export function makeUpScenes(
  pairs: readonly Pair[],
  { seed, firstIndex }: { readonly seed: number; readonly firstIndex: number },
): readonly Scene[] {
  const batches = SCENE_KINDS.flatMap((kind) => {
    const own = pairs.filter(({ fault }) => kindOf(fault) === kind);
    return Array.from({ length: Math.ceil(own.length / MAX_RUNS_AT_ONCE) }, (_, batch) => ({
      kind,
      pairs: own.slice(batch * MAX_RUNS_AT_ONCE, (batch + 1) * MAX_RUNS_AT_ONCE),
    }));
  });
  return batches.map(({ kind, pairs: own }, batch) => {
    const index = firstIndex + batch;
    // Not of the index: asked for alone, a scene is the same again.
    const random = createRandom(seed);
    const runs = own.map((pair, slot) => {
      const runId = `s${String(seed)}-${String(index)}-${String(slot)}`;
      return planRunFor(random, { runId, slot, aims: [toAim(pair, random)] });
    });
    return { index, kind, transport: 'auto', runs };
  });
}

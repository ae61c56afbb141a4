/** Tries every limit in containers of one image, one after the other, and says what was seen. It chooses among images that may be used. */
import { ENFORCED_LIMITS } from '../base/enforced-limits.js';
import { judgeLimit, LIMIT_PROBES, type ProbeEnd } from './judge-limits.js';
import { remedyFor, UNSEEN_REMEDY } from './limit-remedies.js';
import { BOUNDS_PROBE, CPU_PROBE, MEMORY_PROBE, PIDS_PROBE, type Probe } from './probes.js';
import type { DoctorImage, LimitCheck } from './report.js';
import { type ProbeParts, runProbe } from './run-probe.js';

/** What the containers showed. */
export interface TriedLimits {
  /** What they were made of; null: of no image could one be run. */
  readonly image: DoctorImage | null;
  readonly ends: Readonly<Record<Exclude<Probe['name'], 'transport'>, ProbeEnd>>;
}

/** Never rejects. The first container tells which of the images can be used at all. */
export async function tryLimits(
  images: readonly DoctorImage[],
  partsFor: (image: DoctorImage) => ProbeParts,
): Promise<TriedLimits> {
  let problem = 'there is no image to try it with';
  for (const image of images) {
    const parts = partsFor(image);
    const bounds = await runProbe(parts, BOUNDS_PROBE);
    if (!bounds.ran) {
      problem = `${image.reference}: ${bounds.problem}`;
      continue;
    }
    return {
      image,
      ends: {
        bounds,
        memory: await runProbe(parts, MEMORY_PROBE),
        pids: await runProbe(parts, PIDS_PROBE),
        cpu: await runProbe(parts, CPU_PROBE),
      },
    };
  }
  return untried(problem);
}

/** Nothing was tried, and why. */
export function untried(problem: string): TriedLimits {
  const end: ProbeEnd = { ran: false, problem };
  return { image: null, ends: { bounds: end, memory: end, pids: end, cpu: end } };
}

/** One check for each limit, in the order of their list. */
export function limitChecks(
  { ends }: TriedLimits,
  accepted: readonly LimitCheck['limit'][],
): readonly LimitCheck[] {
  return ENFORCED_LIMITS.map((limit) => {
    const { state, evidence } = judgeLimit(limit, ends[LIMIT_PROBES[limit].probe]);
    const remedy = { enforced: null, not_enforced: remedyFor(limit), not_checked: UNSEEN_REMEDY }[state];
    return { limit, state, evidence, remedy, accepted: accepted.includes(limit) };
  });
}

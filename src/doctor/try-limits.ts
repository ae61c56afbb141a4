/** Tries every limit in containers of one image, one after the other, and says what was seen. It chooses among images that may be used. */
import { ENFORCED_LIMITS } from '../base/enforced-limits.js';
import { wasSignaled } from '../execute/signals.js';
import {
  type EndedProbe,
  type Finding,
  judgeLimit,
  LIMIT_PROBES,
  type ProbeEnd,
  type UnrunProbe,
} from './judge-limits.js';
import { remedyFor, UNSEEN_REMEDIES } from './limit-remedies.js';
import {
  BOUNDS_PROBE,
  CPU_PROBE,
  MEMORY_PROBE,
  PIDS_PROBE,
  type Probe,
  ROOMY_MEMORY_PROBE,
  WIDE_PIDS_PROBE,
} from './probes.js';
import type { DoctorImage, LimitCheck } from './report.js';
import { type ProbeParts, runProbe } from './run-probe.js';

/** What the containers showed. */
export type TriedLimits = LimitsOfImage | UntriedLimits;

type ProbeEnds = Readonly<Record<Exclude<Probe['name'], 'transport'>, ProbeEnd>>;

interface LimitsOfImage {
  /** What they were made of. */
  readonly image: DoctorImage;
  readonly ends: ProbeEnds;
}

/** Of no image could one be run. */
export interface UntriedLimits {
  readonly image: null;
  readonly why: UnrunProbe;
  readonly ends: ProbeEnds;
}

/** Never rejects. The first container tells which of the images can be used at all. */
export async function tryLimits(
  images: readonly DoctorImage[],
  partsFor: (image: DoctorImage) => ProbeParts,
): Promise<TriedLimits> {
  let last = untried('there is no image to try it with', 'image');
  for (const image of images) {
    const parts = partsFor(image);
    const bounds = withShell(await runProbe(parts, BOUNDS_PROBE));
    if (!bounds.ran) {
      last = untried(`${image.reference}: ${bounds.problem}`, bounds.cause);
      continue;
    }
    return {
      image,
      ends: {
        bounds,
        memory: await tryMemory(parts),
        pids: await tryPids(parts),
        cpu: await runProbe(parts, CPU_PROBE),
      },
    };
  }
  return last;
}

/** Whatever it meets, the first program says a word: what ends by itself without one is no shell, or has none of what a shell has. */
function withShell(end: ProbeEnd): ProbeEnd {
  if (!end.ran || end.seen.size > 0 || end.stopped !== null || end.exitCode === null) return end;
  if (wasSignaled(end.exitCode)) return end;
  const problem = `the image has no sh that works: it wrote nothing and ended with ${String(end.exitCode)}`;
  return { ran: false, problem, cause: 'image' };
}

/**
 * An engine may miss why a process was killed, and a runtime may show no control group that could tell. It is asked once more; then what tells is that the same
 * ends well where there is enough.
 */
async function tryMemory(parts: ProbeParts): Promise<ProbeEnd> {
  const first = await runProbe(parts, MEMORY_PROBE);
  if (!isUnconfirmedKill(first)) return first;
  const second = await runProbe(parts, MEMORY_PROBE);
  if (!isUnconfirmedKill(second)) return second;
  const roomy = await runProbe(parts, ROOMY_MEMORY_PROBE);
  const isWell = roomy.ran && roomy.seen.has('survived');
  return isWell ? { ...second, survivedWithBytes: roomy.limits.memoryBytes } : second;
}

function isUnconfirmedKill(end: ProbeEnd): end is EndedProbe {
  const finding = judgeLimit('memory', end);
  return finding.state === 'not_checked' && finding.cause === 'unconfirmed';
}

/** A runtime that has processes of its own may not get as far as the first word with what is enough for a shell. */
async function tryPids(parts: ProbeParts): Promise<ProbeEnd> {
  const narrow = await runProbe(parts, PIDS_PROBE);
  const isTooNarrow = narrow.ran
    ? narrow.seen.size === 0 && narrow.stopped === null
    : narrow.cause === 'start';
  return isTooNarrow ? runProbe(parts, WIDE_PIDS_PROBE) : narrow;
}

/** Nothing was tried, and why. */
export function untried(problem: string, cause: UnrunProbe['cause']): UntriedLimits {
  const why: UnrunProbe = { ran: false, problem, cause };
  return { image: null, why, ends: { bounds: why, memory: why, pids: why, cpu: why } };
}

/** One check for each limit, in the order of their list. */
export function limitChecks(
  { ends }: TriedLimits,
  accepted: readonly LimitCheck['limit'][],
): readonly LimitCheck[] {
  return ENFORCED_LIMITS.map((limit) => {
    const finding = judgeLimit(limit, ends[LIMIT_PROBES[limit].probe]);
    const { state, evidence } = finding;
    return { limit, state, evidence, remedy: remedyOf(limit, finding), accepted: accepted.includes(limit) };
  });
}

function remedyOf(limit: LimitCheck['limit'], finding: Finding): string | null {
  if (finding.state === 'not_checked') return UNSEEN_REMEDIES[finding.cause];
  return finding.state === 'enforced' ? null : remedyFor(limit);
}

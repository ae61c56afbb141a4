/** Which limits that were promised cannot be relied on, by what the last examination saw and as policy wants it. Pure. */
import type { EnforcedLimit } from '../base/enforced-limits.js';
import type { SecurityPolicy } from '../policy/policy.js';
import type { DoctorSummary } from './report.js';

/** Limits that keep a run from being made, and why in words. */
export interface UnmetLimits {
  readonly limits: readonly EnforcedLimit[];
  readonly message: string;
}

/** Null: nothing is in the way. `examined` null: there was no examination yet. */
export function unmetLimits(
  promised: readonly EnforcedLimit[],
  security: Pick<SecurityPolicy, 'acceptUnenforced' | 'requireEnforcement'>,
  examined: DoctorSummary | null,
): UnmetLimits | null {
  const wanted = promised.filter((limit) => !security.acceptUnenforced.includes(limit));
  const broken = wanted.filter((limit) => examined?.notEnforced.includes(limit) === true);
  if (broken.length > 0) {
    return {
      limits: broken,
      message: `policy demands what the engine does not enforce: ${broken.join(', ')}`,
    };
  }
  const unseen = wanted.filter((limit) => examined === null || examined.notChecked.includes(limit));
  if (!security.requireEnforcement || unseen.length === 0) return null;
  return {
    limits: unseen,
    message: `policy.security.requireEnforcement demands limits that doctor() saw enforced; it did not see ${unseen.join(', ')}`,
  };
}

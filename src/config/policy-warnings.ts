/** What an operator should know of a policy that can be used but is laxer than it may look. Pure. */
import type { Policy } from '../policy/policy.js';
import type { PolicyRule } from '../policy/rule.js';
import { choosePolicy } from './profile.js';

/** Warnings of the policy and of each profile, in which only what the policy itself does not say already stands. */
export function policyWarnings(policy: Policy, rules: readonly PolicyRule[]): readonly string[] {
  const own = new Set(rules.map(({ id }) => id));
  const base = warningsOf(policy, own);
  const ofProfiles = Object.keys(policy.profiles).flatMap((name) => {
    const chosen = choosePolicy(policy, name);
    if (!chosen.ok) return [];
    return warningsOf(chosen.value, own)
      .filter((warning) => !base.includes(warning))
      .map((warning) => `profile "${name}": ${warning}`);
  });
  return [...base, ...ofProfiles];
}

/** Of a policy that names no images. */
export const EVERY_IMAGE_ALLOWED = 'policy.images.allow is empty: any image that is not denied may run';

function warningsOf({ images, mode, modes }: Policy, ownRules: ReadonlySet<string>): readonly string[] {
  const warnings: string[] = [];
  if (images.allow.length === 0) {
    warnings.push(EVERY_IMAGE_ALLOWED);
  }
  if (mode !== 'enforce') warnings.push(`policy.mode is "${mode}": its rules do not refuse a run`);
  for (const [id, own] of Object.entries(modes)) {
    if (!id.startsWith('policy.') && !ownRules.has(id)) {
      warnings.push(`policy.modes names "${id}", which is no rule of this runtime`);
    } else if (own !== 'enforce') {
      warnings.push(`policy.modes has "${own}" for ${id}: the rule does not refuse a run`);
    }
  }
  return warnings;
}

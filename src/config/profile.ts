/** Chooses the policy a caller names: the base, or the base with what a profile changes. Pure. */
import { nearestName } from '../base/nearest-name.js';
import type { Issue } from '../errors.js';
import type { Policy } from '../policy/policy.js';
import { parseProfile } from './parse.js';
import type { RuntimeConfig } from './runtime-config.js';

/** A choice, or what is wrong with the name. */
export type Chosen<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issue: Issue };

/** The policy of a profile, with no profiles of its own; without a name the policy itself. */
export function choosePolicy(policy: Policy, profile: string | undefined): Chosen<Policy> {
  if (profile === undefined) return { ok: true, value: policy };
  const name: unknown = profile;
  // An inherited name, such as `constructor`, is no profile.
  if (typeof name === 'string' && Object.hasOwn(policy.profiles, name)) {
    return { ok: true, value: parseProfile(policy, name) };
  }
  const known = Object.keys(policy.profiles);
  const nearest = typeof name === 'string' ? nearestName(name, known) : undefined;
  const advice = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  return {
    ok: false,
    issue: {
      code: 'validation.unknown_profile',
      path: 'options.profile',
      message: `must be one of policy.profiles (${known.join(', ') || 'there are none'})${advice}`,
      hint: 'leave it out for the policy itself; the operator decides by policy.profiles',
    },
  };
}

/** A configuration with the policy of a profile in place of its own; without a name the configuration itself. */
export function chooseConfig(config: RuntimeConfig, profile: string | undefined): Chosen<RuntimeConfig> {
  if (profile === undefined) return { ok: true, value: config };
  const chosen = choosePolicy(config.policy, profile);
  return chosen.ok ? { ok: true, value: Object.freeze({ ...config, policy: chosen.value }) } : chosen;
}

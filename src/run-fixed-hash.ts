/** Hashes of what a run was asked for and judged by, each made once. */
import type { RunRequest } from './plan/container-spec.js';
import type { Policy } from './policy/policy.js';
import { hashOf } from './receipt.js';

const known = new WeakMap<RunRequest | Policy, string>();

/**
 * As {@link hashOf}, for what is not changed any more. Record, journal and receipt of a run all want the same hashes, and a policy is that of every run.
 */
export function fixedHashOf(value: RunRequest | Policy): string {
  const standing = known.get(value);
  if (standing !== undefined) return standing;
  const made = hashOf(value);
  known.set(value, made);
  return made;
}

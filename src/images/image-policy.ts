/** What `policy.images` says of an image that is named or pulled by itself, as it is judged for jobs. */
import { parseImageReference } from '../base/image-reference.js';
import type { PolicyError } from '../errors.js';
import type { RunPlan } from '../plan/run-plan.js';
import { denialOf } from '../policy/denial.js';
import { allowedHint } from '../policy/hint.js';
import type { ImagePolicy } from '../policy/policy.js';
import { evaluateImagePolicy } from '../policy/rules/image.js';

/** A refusal of a call about images, by the rule that jobs are refused by, and the argument it is about. */
export function imageDenial(
  rule: 'policy.image' | 'policy.image_digest' | 'policy.pull_policy' | 'policy.network',
  path: string,
  message: string,
  hint: string | null,
): PolicyError {
  return denialOf([{ rule, path, message, severity: 'error', hint }]);
}

/** @throws `policy.denied` for a name that may not be used; `path` is the argument that names it. */
export function requireAllowedName(reference: string, policy: ImagePolicy, path = 'reference'): void {
  const { allowed, reason } = evaluateImagePolicy(reference, policy);
  if (allowed) return;
  const hint = allowedHint(policy.allow, reference, 'policy.images');
  throw imageDenial('policy.image', path, `the image may not be used: ${reason}`, hint);
}

/**
 * When an image may be pulled: whether it is here or not, where that is permitted.
 *
 * @throws `policy.denied` for a name that may not be used or is without the digest that is demanded, and where nothing may be pulled.
 */
export function requireAllowedPull(reference: string, policy: ImagePolicy): RunPlan['image']['pullPolicies'] {
  requireAllowedName(reference, policy);
  const parsed = parseImageReference(reference);
  if (policy.requireDigest && parsed.ok && parsed.reference.digest === null) {
    const why = 'it must be named by its digest, as policy.images.requireDigest demands';
    throw notPulled('policy.image_digest', why, DIGEST_HINT);
  }
  const { allowedPullPolicies } = policy;
  const permitted = (['always', 'ifNotPresent'] as const).find((each) => allowedPullPolicies.includes(each));
  if (permitted !== undefined) return [permitted];
  throw notPulled(
    'policy.pull_policy',
    'policy.images.allowedPullPolicies permits "never" alone',
    'bring it to the engine beforehand',
  );
}

const DIGEST_HINT = 'write the image as name@sha256:…; images.resolveDigest(name) says which';

const notPulled = (rule: Parameters<typeof imageDenial>[0], why: string, hint: string): PolicyError =>
  imageDenial(rule, 'reference', `the image may not be pulled: ${why}`, hint);

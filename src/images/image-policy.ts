/** What `policy.images` says of an image that is named or pulled by itself, as it is judged for jobs. */
import { parseImageReference } from '../base/image-reference.js';
import { PolicyError } from '../errors.js';
import type { RunPlan } from '../plan/run-plan.js';
import { allowedHint } from '../policy/hint.js';
import type { ImagePolicy } from '../policy/policy.js';
import { evaluateImagePolicy } from '../policy/rules/image.js';

/** @throws `policy.denied` for a name that may not be used. */
export function requireAllowedName(reference: string, policy: ImagePolicy): void {
  const { allowed, reason } = evaluateImagePolicy(reference, policy);
  if (allowed) return;
  throw new PolicyError('policy.denied', `the image may not be used: ${reason}`, {
    hint: allowedHint(policy.allow, reference, 'policy.images'),
  });
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
    throw notPulled('it must be named by its digest, as policy.images.requireDigest demands', DIGEST_HINT);
  }
  const { allowedPullPolicies } = policy;
  const permitted = (['always', 'ifNotPresent'] as const).find((each) => allowedPullPolicies.includes(each));
  if (permitted !== undefined) return [permitted];
  throw notPulled(
    'policy.images.allowedPullPolicies permits "never" alone',
    'bring it to the engine beforehand',
  );
}

const DIGEST_HINT = 'write the image as name@sha256:…; images.resolveDigest(name) says which';

const notPulled = (why: string, hint: string): PolicyError =>
  new PolicyError('policy.denied', `the image may not be pulled: ${why}`, { hint });

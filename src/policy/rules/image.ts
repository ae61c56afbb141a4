/** Which images may run: deny first, then allow; a digest where it is demanded; and when images are pulled. */
import { withoutCredentials } from '../../base/credentials.js';
import { matchesImagePattern, parseImagePattern } from '../../base/image-pattern.js';
import { parseImageReference } from '../../base/image-reference.js';
import { listed } from '../hint.js';
import type { ImagePolicy } from '../policy.js';
import { allowed, type BuiltInRule, denied, deniedBy, notApplicable, standing } from '../rule.js';

/** What image policy said of one reference. */
export interface ImageDecision {
  readonly allowed: boolean;
  /** The pattern that decided; null when none did. */
  readonly matchedPattern: string | null;
  readonly reason: string;
  /** `host/path:tag` or `host/path@digest`; null for what is no reference. */
  readonly canonical: string | null;
}

/**
 * Judges one image reference by allow and deny lists alone. Deny rules run first; an empty allow list allows all that is not denied. A pattern that
 * cannot be understood denies.
 */
export function evaluateImagePolicy(
  image: string,
  { allow, deny = [] }: Pick<ImagePolicy, 'allow'> & Partial<Pick<ImagePolicy, 'deny'>>,
): ImageDecision {
  const parsed = parseImageReference(image);
  if (!parsed.ok) {
    return {
      allowed: false,
      matchedPattern: null,
      reason: `no image reference: ${parsed.problem}`,
      canonical: null,
    };
  }
  const { reference } = parsed;
  const { canonical } = reference;
  const refuse = (reason: string, matchedPattern: string | null): ImageDecision => ({
    allowed: false,
    matchedPattern,
    reason,
    canonical,
  });
  for (const [list, patterns] of [
    ['deny', deny],
    ['allow', allow],
  ] as const) {
    for (const [index, text] of patterns.entries()) {
      const place = `images.${list}[${String(index)}] ${JSON.stringify(withoutCredentials(text))}`;
      const pattern = parseImagePattern(text, list);
      if (!pattern.ok) return refuse(`${place} is no pattern: ${pattern.problem}`, text);
      if (!matchesImagePattern(pattern.pattern, reference)) continue;
      if (list === 'deny') return refuse(`denied by ${place} as ${canonical}`, text);
      return {
        allowed: true,
        matchedPattern: text,
        reason: `allowed by ${place} as ${canonical}`,
        canonical,
      };
    }
  }
  if (allow.length === 0) {
    const reason = `${canonical} is allowed because images.allow is empty`;
    return { allowed: true, matchedPattern: null, reason, canonical };
  }
  return refuse(`${canonical} matches no pattern of images.allow`, null);
}

/** `policy.image` */
export const imageRule: BuiltInRule = {
  id: 'policy.image',
  isRelaxable: true,
  judge(subject, { policy }) {
    const decision = evaluateImagePolicy(subject.image, policy.images);
    if (decision.allowed) return allowed('policy.image', decision.reason);
    const { allow } = policy.images;
    // Not being on the allow list is all that a mode can relax: a denied image, or what is no reference at all, never runs.
    const isUnlisted = decision.canonical !== null && decision.matchedPattern === null;
    const hint = isUnlisted
      ? `images that may run: ${listed(allow, subject.image)}; the operator may add to policy.images.allow`
      : 'choose another image, or ask the operator about policy.images.deny';
    const objection = { path: 'docker.image', message: decision.reason, hint };
    return {
      ...denied('policy.image', [objection]),
      isAlwaysEnforced: !isUnlisted,
    };
  },
};

const NOT_DEMANDED = standing(notApplicable('policy.image_digest', 'images.requireDigest is off'));
const HAS_DIGEST = standing(allowed('policy.image_digest', 'the image is named by its digest'));

/** `policy.image_digest` */
export const imageDigestRule: BuiltInRule = {
  id: 'policy.image_digest',
  isRelaxable: true,
  judge(subject, { policy }) {
    if (!policy.images.requireDigest) return NOT_DEMANDED;
    const parsed = parseImageReference(subject.image);
    const hasDigest = parsed.ok && parsed.reference.digest !== null;
    const objection = {
      path: 'docker.image',
      message: 'the image must be named by its digest, as images.requireDigest demands',
      hint: 'write the image as name@sha256:…',
    };
    return deniedBy('policy.image_digest', hasDigest ? [] : [objection], HAS_DIGEST);
  },
};

/** `policy.pull_policy` */
export const pullPolicyRule: BuiltInRule = {
  id: 'policy.pull_policy',
  isRelaxable: true,
  judge({ pullPolicies }, { policy }) {
    const permitted = policy.images.allowedPullPolicies;
    const asked = pullPolicies.length === 0 ? (['ifNotPresent'] as const) : pullPolicies;
    const objections = asked.flatMap((each, index) =>
      permitted.includes(each)
        ? []
        : [
            {
              path: `docker.imagePullPolicy${asked.length === 1 ? '' : `.${String(index)}`}`,
              message: `pull policy "${each}" is not permitted; allowed: ${permitted.join(', ')}`,
              // A policy permits at least one, or it is none.
              hint: `use ${permitted.map((one) => `"${one}"`).join(' or ')}`,
            },
          ],
    );
    if (objections.length > 0) return denied('policy.pull_policy', objections);
    const policies = asked.map((each) => `"${each}"`).join(', then ');
    return allowed('policy.pull_policy', `pull policy ${policies} is permitted`);
  },
};

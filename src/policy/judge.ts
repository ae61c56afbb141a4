/** Keeps a request and its decision together, so that no plan can be made of a request that was not judged. */
import { freezeMade } from '../base/deep-freeze.js';
import type { RunRequest } from '../plan/container-spec.js';
import type { PolicyDecision } from '../result.js';
import { type EvaluateOptions, evaluatePolicy } from './evaluate.js';
import type { Policy } from './policy.js';
import { toPolicySubject } from './subject.js';

/** Nobody but this file has the constructor, and no copy has the private mark. A set of those made would be dearer to keep. */
class Judged {
  readonly #isJudged = true;
  readonly request: RunRequest;
  readonly decision: PolicyDecision;

  constructor(request: RunRequest, decision: PolicyDecision) {
    this.request = request;
    this.decision = decision;
    Object.freeze(this);
  }

  static isOne(value: object): value is Judged {
    return #isJudged in value;
  }
}

/** A frozen request with what policy said of it. Only {@link judgeRequest} makes one. */
export type JudgedRequest = Judged;

/** Judges a copy of the request, so that nothing can change it afterwards. */
export function judgeRequest(
  request: RunRequest,
  policy: Policy,
  options: EvaluateOptions = {},
): JudgedRequest {
  return judgeFrozen(freezeMade(structuredClone(request)), policy, options);
}

/** The same without a copy, for a request that is frozen all the way down already, and in no part anybody else's. */
export function judgeFrozen(request: RunRequest, policy: Policy, options: EvaluateOptions): JudgedRequest {
  return new Judged(request, freezeMade(evaluatePolicy(toPolicySubject(request), policy, options)));
}

/** Whether a value was really made by {@link judgeRequest} of this build. */
export function isJudged(value: object): value is JudgedRequest {
  return Judged.isOne(value);
}

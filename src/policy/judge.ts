/** Keeps a request and its decision together, so that no plan can be made of a request that was not judged. */
import { freezeMade } from '../base/deep-freeze.js';
import type { RunRequest } from '../plan/container-spec.js';
import type { PolicyDecision } from '../result.js';
import { type EvaluateOptions, evaluatePolicy } from './evaluate.js';
import type { Policy } from './policy.js';
import { toPolicySubject } from './subject.js';

declare const judged: unique symbol;

/** A frozen request with what policy said of it. Only {@link judgeRequest} makes one. */
export interface JudgedRequest {
  readonly request: RunRequest;
  readonly decision: PolicyDecision;
  readonly [judged]: true;
}

const made = new WeakSet<object>();

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
  const decision = evaluatePolicy(toPolicySubject(request), policy, options);
  const judgedRequest = freezeMade({ request, decision }) as JudgedRequest;
  made.add(judgedRequest);
  return judgedRequest;
}

/** Whether a value was really made by {@link judgeRequest} of this build. */
export function isJudged(value: object): value is JudgedRequest {
  return made.has(value);
}

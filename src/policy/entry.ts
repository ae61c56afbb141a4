/** What `berthkit/policy` exports: judging definitions without an engine. Synchronous, pure, no I/O. */
export { parsePolicy } from '../config/parse.js';
export type { DataChange } from '../base/data-changes.js';
export { DEFAULT_POLICY } from './defaults.js';
export {
  diffPolicies,
  type DiffPoliciesOptions,
  type PolicyBounds,
  type PolicyDifference,
} from './diff-policies.js';
export { evaluatePolicy, type EvaluateOptions } from './evaluate.js';
export { evaluateJob, type EvaluateJobOptions, type JobEvaluation } from './evaluate-job.js';
export type * from './policy.js';
export { evaluateImagePolicy, type ImageDecision } from './rules/image.js';
export type { Caller, MaxRetry, MaxTimeouts, PolicyRule } from './rule.js';
export type * from './subject.js';
export { type PolicyCase, type PolicyCaseResult, testPolicy } from './test-policy.js';
export type * from '../result.js';
export type * from '../plan/container-spec.js';
export type { Issue } from '../errors.js';

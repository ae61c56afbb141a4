/** The front door: everything `berthkit` exports, by name. No code of its own. */
export { createRuntime } from './runtime.js';
export type { CloseReport, Runtime } from './runtime-contract.js';
export type { CancelReport, CancelRunOptions } from './runtime-cancels.js';
export type { OpenRun } from './runtime-open-runs.js';
export type { RunHandle } from './run-handle.js';
export type { RunFilter, RunState, RunSummary } from './run-summary.js';
export type { Definitions, JobOutcome } from './run-jobs.js';
export type { RunJobsOptions } from './run-jobs-options.js';
export type { ExplainOptions, RunOptions } from './run-options.js';
export type { Clock, RuntimePorts } from './runtime-ports.js';
export type { ImageToVerify, ImageVerdict, ImageVerifier } from './execute/verify-image.js';
export type * from './images/call-options.js';
export type { ImageTransferOptions, PulledImageInfo, RuntimeImages } from './images/image-calls.js';
export type * from './images/build-calls.js';
export type * from './images/gc-report.js';
export type { SinkTarget } from './execute/sink.js';
export type { FileContent, FileEntry } from './workspace/file-content.js';
export type { KeptRun } from './workspace/kept.js';
export type { NodeResolver } from './workspace/stage.js';
export type { Readiness } from './readiness.js';
export type * from './doctor/report.js';
export { ENFORCED_LIMITS, type EnforcedLimit } from './base/enforced-limits.js';
export { GPU_CAPABILITIES } from './base/gpu-capabilities.js';
export type * from './recovery/report.js';
export { parseConfig } from './config/parse.js';
export { configFromEnv, type Environment, type EnvironmentOptions } from './config/environment.js';
export { DEFAULT_CONFIG } from './config/defaults.js';
export type {
  Recovery,
  Retention,
  RetentionWhen,
  RuntimeConfig,
  RuntimeConfigInput,
  TimeoutLimits,
  Timeouts,
  TransportSetting,
} from './config/runtime-config.js';
export type * from './policy/policy.js';
export type { PolicyRule } from './policy/rule.js';
export type { PolicySubject } from './policy/subject.js';
export { validateJob, type ValidateOptions, type Validation, type ValidJob } from './job/validate.js';
export type { ParsedJob } from './job/schema.js';
export { type CompileOptions, compileJob } from './job/compile.js';
export { jobDefinitionJsonSchema } from './job/json-schema.js';
export type * from './job/definition.js';
export type * from './plan/container-spec.js';
export type * from './plan/run-plan.js';
export type { SpecDifference } from './plan/attestation.js';
export type { Explanation } from './plan/explain.js';
export { assertSucceeded } from './assert-succeeded.js';
export * from './error-codes.js';
export * from './errors.js';
export { REASONS } from './result.js';
export type * from './result.js';
export type * from './receipt-types.js';
export { type ReceiptCheck, type ReceiptParts, type ReceiptProof, verifyReceipt } from './receipt.js';
export type * from './events.js';
export type * from './audit.js';
export type * from './runtime-events.js';
export { METRICS_CONTENT_TYPE } from './metrics.js';
export type { DurationStats, RuntimeStats, StatsAmounts, StatsPhase, StatsTotals } from './stats.js';
export type { Logger } from './log-lines.js';
export type * from './outcome.js';
export { dockerEngine, type DockerEngineOptions } from './engine/docker/docker-engine.js';
export {
  type EngineEndpoint,
  resolveEndpoint,
  type ResolveEndpointOptions,
} from './engine/docker/endpoint.js';
export { dockerRegistryAuth } from './engine/docker/registry-auth.js';
export type { SshOptions } from './engine/docker/ssh-connection.js';
export type { EngineTls, EngineTlsFiles } from './engine/docker/tls.js';
export type * from './engine/applied-spec.js';
export type * from './engine/types.js';
export { filesystemStorage } from './storage/filesystem.js';
export { type MemoryStorage, memoryStorage } from './storage/memory.js';
export type * from './storage/types.js';
export { RUN_STEPS } from './run-store/types.js';
export type * from './run-store/types.js';
export { fileRunStore } from './run-store/file.js';
export { memoryRunStore, type MemoryRunStoreOptions } from './run-store/memory.js';
export { envSecrets, type EnvSecretsOptions } from './secrets/env.js';
export { type StaticSecret, staticSecrets } from './secrets/static.js';
export { combineSecrets } from './secrets/combine.js';
export type * from './secrets/types.js';

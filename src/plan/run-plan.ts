/** What will be done, resolved but secret-free: JSON-safe, loggable, with placeholders for what only a run knows. */
import type { ProxyKind } from '../base/proxy-variables.js';
import type { PolicyDecision } from '../result.js';
import type {
  ConfigFileRequest,
  ContainerSpec,
  InputRequest,
  JobIdentity,
  OutputRequest,
  PullPolicy,
  RetryRequest,
  SecretDelivery,
  SecretReference,
} from './container-spec.js';

/** Placeholders in a plan; a run puts its own values in their place. */
export const PLACEHOLDER = {
  imageId: '<imageId>',
  /** The run's own folder: `workspace/` is the writable part, `inputs/` its read-only sibling. */
  workspace: '<workspace>',
  /** The run's folder for secrets delivered as files, on a tmpfs of the host. */
  secrets: '<secrets>',
  runId: '<runId>',
  attempt: '<attempt>',
  containerName: '<containerName>',
  instance: '<instance>',
  owner: '<owner>',
  createdAt: '<createdAt>',
  planHash: '<planHash>',
} as const;

/** An input with the places it will appear at. */
export interface PlannedInput extends InputRequest {
  /** Where it is staged: `<workspace>/inputs/<index>`. */
  readonly stagedAt: string;
  /** Absolute container paths at which it is mounted read-only; normalised, without duplicates. */
  readonly targets: readonly string[];
}

/** A variable that gets a secret. */
export interface PlannedSecret {
  readonly name: string;
  readonly secret: SecretReference;
  /** `file`: the file is `/run/secrets/<name>`, and the variable holds that path. */
  readonly as: SecretDelivery;
}

/** A variable that gets the address of a proxy, if the operator's Docker client is told of one; else it is not set. */
export interface PlannedProxy {
  readonly name: string;
  readonly proxy: ProxyKind;
}

/** The configuration file with the places it will appear at. */
export interface PlannedConfigFile extends ConfigFileRequest {
  readonly stagedAt: string;
  readonly targets: readonly string[];
}

/** Deadlines and the grace period in force, in milliseconds. */
export interface PlannedTimeouts {
  /** How long the run may wait for a place. */
  readonly queueMs: number;
  readonly pullMs: number;
  readonly stageMs: number;
  readonly secretsMs: number;
  readonly runMs: number;
  readonly collectMs: number;
  /** Without output; null: for ever. */
  readonly idleOutputMs: number | null;
  readonly stopGraceMs: number;
}

/** Whether and when another attempt is made, all decided. */
export type PlannedRetry = { readonly [K in keyof RetryRequest]-?: NonNullable<RetryRequest[K]> };

/** Bounds of staging, collecting and logging in force. */
export interface PlannedLimits {
  readonly inputBytes: number | null;
  /** What the writable part of the workspace may hold while the job runs; null: no bound. */
  readonly workspaceBytes: number | null;
  readonly workspaceEntries: number | null;
  /** What the job may write to its root file system; null: no bound, or it is read-only. */
  readonly rootBytes: number | null;
  readonly downloadBytes: number;
  readonly fileBytes: number;
  readonly uploadBytes: number;
  readonly outputBytes: number;
  readonly entries: number;
  readonly depth: number;
  /** stdout and stderr together, beyond which the run is killed; null: never. */
  readonly logBytes: number | null;
}

/** Everything one run will do. Frozen; `planHash` covers every other field. */
export interface RunPlan {
  readonly schemaVersion: 1;
  /** Lower-case hex SHA-256 of the canonical JSON of the rest. */
  readonly planHash: string;
  readonly job: JobIdentity;
  readonly image: {
    readonly reference: string;
    /** At least one. In this order: the next one is gone by where the one before did not bring the image. */
    readonly pullPolicies: readonly PullPolicy[];
    readonly platform: string | null;
  };
  readonly container: ContainerSpec;
  readonly workspaceMountPath: string;
  readonly inputs: readonly PlannedInput[];
  readonly outputs: readonly OutputRequest[];
  readonly configFile: PlannedConfigFile | null;
  readonly parameters: unknown;
  /** Distinct references, in order of first use. */
  readonly secrets: readonly SecretReference[];
  /** Which variable of `container.environment` gets which secret, and how. */
  readonly secretEnvironment: readonly PlannedSecret[];
  /** Which variable of `container.environment` gets which proxy; empty unless `engine.dockerProxies` is on. */
  readonly proxyEnvironment: readonly PlannedProxy[];
  readonly stdin: string | null;
  /** For each attempt anew. */
  readonly timeouts: PlannedTimeouts;
  readonly retry: PlannedRetry;
  readonly limits: PlannedLimits;
  /** What covers each `VOLUME` of the image, which is known only once the image is. */
  readonly volumeMask: { readonly sizeBytes: number; readonly inodes: number };
  /** Patterns of the image's variables that the job is given empty, unless it sets them; absent: none. */
  readonly emptiedImageVariables?: readonly string[] | undefined;
  readonly decision: PolicyDecision;
}

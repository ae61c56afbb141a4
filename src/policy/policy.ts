/** The operator's policy as data: what jobs may ask for and what they get. No judgement here. */
import type { EnforcedLimit } from '../base/enforced-limits.js';
import type { NetworkMode, PullPolicy, Resources } from '../plan/container-spec.js';

/**
 * What becomes of a violation. `enforce`: the run is refused. `warn`: the run is allowed, and the violation is a warning of decision, result and
 * events. `audit`: the run is allowed, and the violation stands in the decision's `audited` alone.
 */
export type PolicyMode = 'enforce' | 'warn' | 'audit';

/** Which images may run. Deny rules first. */
export interface ImagePolicy {
  /** Patterns with `*` and `?`; empty means any image, which readiness reports as a warning. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Only references that name a digest. */
  readonly requireDigest: boolean;
  readonly allowedPullPolicies: readonly PullPolicy[];
}

/** Which network a container gets. */
export interface NetworkPolicy {
  /** Every container runs without a network, whatever else is set. */
  readonly enforceIsolation: boolean;
  readonly defaultMode: NetworkMode;
  readonly allowedModes: readonly NetworkMode[];
  /** A job may ask for another mode than the default; only without isolation. */
  readonly allowOverride: boolean;
}

/** Whether a job may have a GPU. */
export interface GpuPolicy {
  readonly enabled: boolean;
  /**
   * Whether a job is refused before anything is created for it where the engine shows no sign of a GPU (`engine.gpu_unavailable`). Off for engines
   * whose GPUs cannot be seen, for example by the hook of NVIDIA's toolkit alone; what is missing then shows at the start.
   */
  readonly preflight: boolean;
}

/** Limits: what a job gets that asks for nothing, and the most any job may ask for (null: no bound). */
export interface LimitsPolicy {
  readonly default: Resources;
  readonly max: {
    readonly cpus: number | null;
    readonly memoryBytes: number | null;
    readonly pidsLimit: number | null;
    readonly shmBytes: number | null;
    /** Bound on every soft and hard value of a ulimit, by name; a name not listed may not be asked for. */
    readonly ulimits: Readonly<Record<string, number>>;
    /** Bytes of stdout and stderr together beyond which the run is killed; null: never. */
    readonly outputBytes: number | null;
    /** Sum of all tmpfs sizes a job asks for. */
    readonly tmpfsBytes: number | null;
  };
}

/** The hardening of every container; each knob may be relaxed by the operator, never by a job. */
export interface SecurityPolicy {
  readonly readOnlyRootFilesystem: boolean;
  readonly noNewPrivileges: boolean;
  readonly init: boolean;
  /** Capabilities kept although all are dropped, for example `CHOWN`. */
  readonly capabilities: readonly string[];
  /** Numeric `uid[:gid]` for jobs that ask for none; null: the caller's, or 65534 when the caller is root. */
  readonly user: string | null;
  /** Whether a job may ask for uid 0. */
  readonly allowRoot: boolean;
  /** Whether programs in `/tmp` and other tmpfs may be executed. */
  readonly tmpExec: boolean;
  /** Size of `/tmp`, and of any tmpfs whose size a job leaves open. */
  readonly tmpBytes: number;
  readonly tmpInodes: number;
  /** Size of the tmpfs over each `VOLUME` of an image. */
  readonly volumeBytes: number;
  /** What a job may write to its root file system where that is not read-only, in bytes; null: no bound. It is watched while the job runs. */
  readonly rootBytes: number | null;
  /** OCI runtime of every job that asks for none, for example `runsc`; null: the engine's default. */
  readonly runtime: string | null;
  /** Runtimes a job may ask for by name, besides `runtime`; empty: no other. */
  readonly allowedRuntimes: readonly string[];
  /** Prefixes a `mountPath` must lie in; empty: anywhere outside the built-in deny-list. */
  readonly mountRoots: readonly string[];
  /** Names of environment variables a job may not set; `*` and `?` wildcards. */
  readonly deniedEnvironment: readonly string[];
  /**
   * Names of variables that a job is given empty where its image has them and it does not set them itself, for example `LD_*`; `*` and `?` wildcards.
   */
  readonly emptiedImageVariables: readonly string[];
  /** Whether a run is refused where the engine cannot tell what it applied to a container; else that is a warning of the run. */
  readonly requireAttestation: boolean;
  /** Limits without which runs go on where `doctor()` saw that the engine does not enforce them; every other such limit refuses the runs it was promised to. */
  readonly acceptUnenforced: readonly EnforcedLimit[];
  /** Whether a run is refused unless `doctor()` of this process saw every limit it was promised, and that is not accepted, enforced. */
  readonly requireEnforcement: boolean;
}

/** Which secrets jobs may have, and how they get them. */
export interface SecretsPolicy {
  /** Wildcards over `source:key` of secret references. */
  readonly allow: readonly string[];
  /** `file`: a job that wants a secret in a variable is refused; `any`: as the job asks. */
  readonly delivery: 'any' | 'file';
  /** Whether files of secrets may lie on a disk, of this host or in a volume of the engine; without it they are made on a tmpfs or not at all. */
  readonly allowDisk: boolean;
  /**
   * What becomes of the outputs of a run of which one holds a secret: `report`, they are stored and the result names the secret; `block`, none is
   * stored and the job that left them has failed (`output_rejected`).
   */
  readonly onLeak: 'report' | 'block';
}

/** Rights on storage: `mountId` or `mountId:prefix`, the id may be `*`. */
export interface StoragePolicy {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** Everything an operator decides about jobs. */
export interface Policy {
  readonly images: ImagePolicy;
  readonly network: NetworkPolicy;
  readonly gpu: GpuPolicy;
  readonly limits: LimitsPolicy;
  readonly security: SecurityPolicy;
  readonly secrets: SecretsPolicy;
  readonly storage: StoragePolicy;
  /**
   * What becomes of violations, of built-in rules and the operator's own alike. Always enforced whatever this says: the shape of definitions,
   * `images.deny`, and the rules on network, GPU, user, mounts, variables, secrets and storage.
   */
  readonly mode: PolicyMode;
  /** The same for single rules by their ids; wins over `mode`. */
  readonly modes: Readonly<Record<string, PolicyMode>>;
  /** Other policies by name, each as what it changes of this one. Only a caller can name one, for a run; no definition can. */
  readonly profiles: Readonly<Record<string, PolicyOverrides>>;
}

/** Any part of a policy; what is absent is the default. */
export type PolicyInput = ConfigInput<Policy>;

/** What a profile changes: any part of a policy but profiles; objects merge key by key, arrays are replaced as wholes. */
export type PolicyOverrides = ConfigInput<Omit<Policy, 'profiles'>>;

/**
 * Every object key optional, at every depth; arrays are replaced as wholes. Sizes (`…Bytes`) and durations (`…Ms`) may be text with a unit, for
 * example `512MiB` or `5m`.
 */
export type ConfigInput<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? {
        readonly [K in keyof T]?:
          (K extends `${string}Bytes` | `${string}Ms` ? T[K] | string : ConfigInput<T[K]>) | undefined;
      }
    : T;

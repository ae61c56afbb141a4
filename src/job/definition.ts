/** A job definition as its author writes it: the input type, by hand so that `as const satisfies JobDefinition` works. */
import type {
  Backoff,
  NetworkMode,
  PullPolicy,
  ResourceRequest,
  RetryRequest,
  SecretDelivery,
  SecretReference,
} from '../plan/container-spec.js';

/** A storage mount: a positive integer, a numeric string, or a name `[a-z][a-z0-9-]{0,63}`. */
export type MountId = number | string;

/** One environment variable in the list form: a literal or a secret reference, never both. */
export type EnvironmentEntry =
  | {
      readonly name: string;
      readonly value: string;
      readonly secret?: undefined;
      readonly as?: undefined;
    }
  | ({ readonly name: string; readonly value?: undefined } & SecretEntry);

/** A secret by reference, and how the job gets it: in the variable (`env`, the default), or in a file whose path the variable holds. */
export interface SecretEntry {
  readonly secret: SecretReference;
  readonly as?: SecretDelivery | undefined;
}

/** Environment as a map; the list form is equivalent. */
export type EnvironmentMap = Readonly<Record<string, string | SecretEntry>>;

/** Where an input's bytes come from. */
export type InputSourceDefinition =
  | { readonly type: 'filestorePath'; readonly backendMountId: MountId; readonly path: string }
  | { readonly type: 'filestoreNode'; readonly nodeId: number | string }
  | { readonly type: 'inline'; readonly content: string; readonly encoding?: 'utf8' | 'base64' | undefined };

/** One read-only input. */
export interface InputDefinition {
  /** `[A-Za-z0-9._-]{1,100}`, unique regardless of case. */
  readonly id?: string | undefined;
  readonly source: InputSourceDefinition;
  /** Relative to the workspace, at most 512 characters. */
  readonly workspacePath: string;
  /** Absolute; a second place where the same bytes appear. */
  readonly mountPath?: string | undefined;
  readonly optional?: boolean | undefined;
  /** Only `false` is accepted: inputs are read-only. */
  readonly writable?: false | undefined;
}

/** How an output is published. */
export interface UploadDefinition {
  readonly backendMountId: MountId;
  /**
   * May use `${runId} ${attempt} ${jobSlug} ${jobDefinitionId} ${jobVersion} ${startedAt} ${startedDate}`. For a folder or a glob it names a
   * folder: files keep their path beneath the output's folder, or beneath the folders before the glob's first wildcard.
   */
  readonly pathTemplate: string;
  readonly contentType?: string | undefined;
  /** What the output has to be; default: whatever is there. */
  readonly mode?: 'file' | 'directory' | undefined;
  readonly overwrite?: boolean | undefined;
}

/** One output the job writes beneath the workspace. */
export interface OutputDefinition {
  readonly id?: string | undefined;
  /**
   * A file, a folder with everything beneath it, or a glob: `*` and `?` stand for characters within one name, `**` for any number of folders;
   * everything else stands for itself.
   */
  readonly workspacePath: string;
  /** A storage, or `'caller'`: handed to the `outputTo` of the run's options. */
  readonly upload?: UploadDefinition | 'caller' | undefined;
  /** Default false: without it a job that succeeded has failed (`output_missing`). */
  readonly optional?: boolean | undefined;
  /** Collected, and missed, only after a success, only after any other end, or (the default) always. */
  readonly when?: 'success' | 'failure' | 'always' | undefined;
  /**
   * Links, FIFOs, sockets and devices within a folder or matched by a glob: left out and listed (the default), or the whole output is refused.
   * In the place of the output itself they are always refused.
   */
  readonly specialFiles?: 'skip' | 'refuse' | undefined;
}

/** The file that tells the job who it is and its parameters. */
export interface ConfigFileDefinition {
  readonly filename: string;
  readonly mountPath?: string | undefined;
  readonly format?: 'json' | 'yaml' | 'text' | 'binary' | undefined;
}

/** The `docker` part of a definition. Unknown keys are refused. */
export interface DockerJob {
  /** 1 to 512 characters. */
  readonly image: string;
  /** A list is gone through in its order, until one brings the image. Default `ifNotPresent`. */
  readonly imagePullPolicy?: PullPolicy | readonly PullPolicy[] | undefined;
  readonly platform?: string | undefined;
  readonly entryPoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly args?: readonly string[] | undefined;
  readonly workingDirectory?: string | undefined;
  /** Default `/workspace`. */
  readonly workspaceMountPath?: string | undefined;
  readonly networkMode?: NetworkMode | undefined;
  readonly requiresGpu?: boolean | undefined;
  readonly environment?: readonly EnvironmentEntry[] | EnvironmentMap | undefined;
  readonly configFile?: ConfigFileDefinition | undefined;
  readonly inputs?: readonly InputDefinition[] | undefined;
  readonly outputs?: readonly OutputDefinition[] | undefined;
  /** Sizes may be written `512m`, `1GiB`. */
  readonly resources?: ResourceDefinition | undefined;
  /** `runtime`: the OCI runtime, for example `runsc`; one of those the operator lets jobs ask for. Default: the operator's. */
  readonly security?: { readonly runtime?: string | undefined } | undefined;
  /** Numeric `uid[:gid]`. */
  readonly user?: string | undefined;
  readonly stdin?: string | undefined;
  readonly tmpfs?:
    readonly { readonly path: string; readonly sizeBytes?: number | string | undefined }[] | undefined;
}

/** Limits as a job writes them. */
export interface ResourceDefinition extends Omit<ResourceRequest, 'memoryBytes' | 'shmBytes'> {
  readonly memoryBytes?: number | string | undefined;
  readonly shmBytes?: number | string | undefined;
}

/** {@link RetryRequest} with `backoff` spelt `strategy`. */
export interface RetryPolicyDefinition extends Omit<RetryRequest, 'backoff' | 'on'> {
  readonly strategy?: Backoff | undefined;
}

/** A job definition. Unknown keys beside the known ones pass through. */
export interface JobDefinition {
  /** 1 to 100 characters, `[a-z0-9][a-z0-9-_]*`, any case. */
  readonly slug?: string | undefined;
  readonly id?: string | undefined;
  /** Text of 1 to 128 characters, or a whole number; the job's configuration file holds it as it is. */
  readonly version?: string | number | undefined;
  /** 1,000 to 86,400,000; shorthand for `timeouts.runMs`. */
  readonly timeoutMs?: number | undefined;
  /** Further attempts; absent: the operator's default. */
  readonly retry?: RetryRequest | undefined;
  /** The same in the spelling of the software behind the Docker Job Runtime document; not beside `retry`. */
  readonly retryPolicy?: RetryPolicyDefinition | undefined;
  readonly defaultParameters?: Readonly<Record<string, unknown>> | undefined;
  readonly docker: DockerJob;
  readonly [other: string]: unknown;
}

/** The images of the `ContainerEngine` port, as a contract. No implementation. */
import type { NetworkMode, Resources } from '../plan/container-spec.js';
import type { RegistryCredentials } from '../secrets/types.js';
import type { CallOptions } from './call-options.js';

/** What `images.inspect` says. */
export interface ImageInfo {
  /** `sha256:…` of the image configuration. */
  readonly id: string;
  /** `name@sha256:…` under which registries know it; empty for an image that was built or loaded here. */
  readonly repoDigests: readonly string[];
  readonly repoTags: readonly string[];
  readonly volumes: readonly string[];
  readonly entryPoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string | null;
  readonly user: string | null;
  readonly environment: readonly string[];
  readonly operatingSystem: string;
  readonly architecture: string;
  /** Of the architecture, for example `v7`; null where the image names none. */
  readonly variant: string | null;
  readonly sizeBytes: number;
}

/** One step of a pull. */
export interface PullProgress {
  /** Null for what is said of the image as a whole. */
  readonly layer: string | null;
  /** The engine's own words. */
  readonly status: string;
  readonly currentBytes: number | null;
  readonly totalBytes: number | null;
}

/**
 * What stood in the way of a pull, as far as an engine tells; `details.reason` of an `image.pull_failed`.
 */
export type PullFailureReason =
  | 'too_many_requests'
  | 'unknown_host'
  | 'connection_refused'
  | 'no_answer'
  | 'registry_error'
  | 'missing_blob'
  | 'certificate'
  | 'plain_http'
  | 'no_space';

/** What a pull says it brought. */
export interface PulledImage {
  /** `sha256:…` of the manifest, or of the index it was chosen from; null where the engine does not say. */
  readonly digest: string | null;
}

/** What a pull or a push goes by. */
export interface TransferOptions extends CallOptions {
  /** For the registry of the reference, and for no other; absent: none are sent. */
  readonly credentials?: RegistryCredentials | undefined;
  /** Told how each layer gets on. */
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
}

/** What a push says it sent. */
export interface PushedImage {
  /** `sha256:…` under which the registry knows it now; null where the engine does not say. */
  readonly digest: string | null;
}

/** One image in a list. */
export interface ImageSummary {
  /** `sha256:…` of its configuration. */
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** When it was built, by the clock of whoever built it, ISO; null where it does not say. */
  readonly createdAt: string | null;
}

/** One step an image was made by. */
export interface ImageStep {
  /** In the builder's words. */
  readonly createdBy: string;
  readonly createdAt: string | null;
  /** What it added. */
  readonly sizeBytes: number;
}

/** What an image is built by. */
export interface BuildOptions extends CallOptions {
  /** The name it gets, taken from whatever had it. */
  readonly tag: string;
  /** Path within the context. */
  readonly dockerfile: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** The stage that is wanted; null: the last. */
  readonly target: string | null;
  /** `os/architecture[/variant]`; null: the engine's. */
  readonly platform: string | null;
  /** Every step is done again. */
  readonly noCache: boolean;
  /** Base images are pulled also where they are here. */
  readonly pull: boolean;
  /** Of the steps, each of which has these bounds. */
  readonly networkMode: NetworkMode;
  readonly resources: Pick<Resources, 'cpus' | 'memoryBytes' | 'shmBytes' | 'ulimits'>;
  /** For base images, by registry. */
  readonly credentials: Readonly<Record<string, RegistryCredentials>>;
  /** What the builder writes, in its own words. */
  readonly onOutput?: ((text: string) => void) | undefined;
}

/** Images. */
export interface EngineImages {
  /**
   * Pulls one image: a tag or digest is always given, never "all tags". No retries; an aborted signal ends the pull.
   * @throws `image.not_found`, `image.unauthorized`, `image.platform_mismatch` (not published for `platform`), `image.digest_mismatch` (its bytes are
   * not those of its digest), `image.pull_failed` with a {@link PullFailureReason} where it is known; each also for an error inside a stream
   * that began with success.
   */
  pull(
    reference: string,
    options?: TransferOptions & { readonly platform?: string | undefined },
  ): Promise<PulledImage>;
  /** What is known of an image here, or null. Takes a reference or an id. */
  inspect(reference: string, options?: CallOptions): Promise<ImageInfo | null>;
  /** All images that have a name here, or had one. Optional, as all that follows; what is missing is `engine.unsupported` to whoever needs it. */
  list?(options?: CallOptions): Promise<readonly ImageSummary[]>;
  /**
   * Takes a name away from an image; the last one takes the image with it. Takes a reference, or an id of an image with one name at most. Not there is success.
   * @throws `engine.conflict` for an image a container was made of, or an id with several names.
   */
  remove?(reference: string, options?: CallOptions): Promise<void>;
  /**
   * Gives an image that is here another name, which is taken from whatever had it.
   * @throws `engine.image_not_found`.
   */
  tag?(reference: string, target: string, options?: CallOptions): Promise<void>;
  /**
   * What an image was made of, newest first.
   * @throws `engine.image_not_found`.
   */
  history?(reference: string, options?: CallOptions): Promise<readonly ImageStep[]>;
  /**
   * Sends an image to the registry its name says.
   * @throws `engine.image_not_found`, `image.unauthorized`, `image.push_failed`, as `pull` does; also for an error inside a stream that began with success.
   */
  push?(reference: string, options?: TransferOptions): Promise<PushedImage>;
  /**
   * The image with its names as an uncompressed tar, as `docker save` makes it. Breaking off lets go of the connection.
   * @throws `engine.image_not_found`; while it is read, `engine.unreachable`, also for a connection that ends early where the engine tells.
   */
  export?(reference: string, options?: CallOptions): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Takes in a tar that `export` made, and gives the names and the ids of images without one that were in it. A name is taken from whatever had it.
   * @throws what the source throws; `engine.failed` for what is no such tar.
   */
  import?(tar: AsyncIterable<Uint8Array>, options?: CallOptions): Promise<readonly string[]>;
  /**
   * Builds an image from an uncompressed tar. No step runs before the whole of it was read; an aborted signal, or a tar that breaks off, ends the build and
   * leaves no image and no container of it.
   * @throws `image.build_failed` with `details.exitCode` and `details.step`, each null where the engine does not tell, also for an error inside a stream that
   * began with success; what the tar throws.
   */
  build?(context: AsyncIterable<Uint8Array>, options: BuildOptions): Promise<ImageInfo>;
  /**
   * The digest a registry has for a reference now. Nothing is pulled.
   * @throws `image.not_found`, `image.unauthorized`, `image.pull_failed`, as `pull` does; `engine.unsupported` where the engine cannot ask without pulling.
   */
  resolveDigest?(
    reference: string,
    options?: CallOptions & { readonly credentials?: RegistryCredentials | undefined },
  ): Promise<string>;
}

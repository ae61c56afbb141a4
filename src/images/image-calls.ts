/** What an application may do with images beside running them, as a contract. No behaviour. */
import type { ImageInfo, ImageStep, ImageSummary, PullProgress, PushedImage } from '../engine/types.js';
import type { BuildCallOptions, BuildRequest, BuiltImageReport } from './build-calls.js';
import type { ImageCallOptions, RegistryCallOptions } from './call-options.js';
import type { ImageGcReport } from './gc-report.js';

/** What pulling and pushing take. */
export interface ImageTransferOptions extends RegistryCallOptions {
  /** Default `timeouts.default.pullMs`. */
  readonly timeoutMs?: number | undefined;
  /** Told how each layer gets on; what it throws is its own affair. */
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
}

/** An image that was pulled. */
export interface PulledImageInfo extends ImageInfo {
  /** `sha256:…` under which its registry knows it; null where the engine does not say. */
  readonly digest: string | null;
}

/**
 * Images of the runtime's engine. What is pulled, pushed, or given a name must be allowed by `policy.images` under that name, as jobs judge it:
 * `policy.denied` otherwise. Every call throws `runtime.closed` and `runtime.disabled` as a run would, `engine.unreachable`, `engine.unsupported`
 * for what the engine cannot do, and `validation.invalid_job` for options that cannot be used. Calls under way when the runtime closes may end within
 * its `drainMs`; then they are ended, with `runtime.closed`.
 */
export interface RuntimeImages {
  /** All images that are here. */
  list(options?: ImageCallOptions): Promise<readonly ImageSummary[]>;
  /** What is known of an image here, or null. Takes a reference or an id. */
  inspect(reference: string, options?: ImageCallOptions): Promise<ImageInfo | null>;
  /**
   * Pulls, whether it is here or not; shares the pulls of runs. Where `policy.images.allowedPullPolicies` has no `always`, what is here is not pulled
   * again; where it has `never` alone nothing is, nor is a name without a digest where `policy.images.requireDigest` demands one.
   * @throws `policy.denied`, `image.not_found`, `image.unauthorized`, `image.pull_failed`, `image.pull_timed_out`, `image.platform_mismatch`, `image.digest_mismatch`.
   */
  pull(
    reference: string,
    options?: ImageTransferOptions & { readonly platform?: string | undefined },
  ): Promise<PulledImageInfo>;
  /**
   * Gives an image that is here another name; both have to be allowed, or a name would stand for what policy never saw.
   * @throws `engine.image_not_found`.
   */
  tag(reference: string, target: string, options?: ImageCallOptions): Promise<void>;
  /**
   * Sends an image to the registry of its name.
   * @throws `engine.image_not_found`, `image.unauthorized`, `image.push_failed`, also when it takes too long.
   */
  push(reference: string, options?: ImageTransferOptions): Promise<PushedImage>;
  /**
   * What an image was made of, newest first.
   * @throws `engine.image_not_found`.
   */
  history(reference: string, options?: ImageCallOptions): Promise<readonly ImageStep[]>;
  /**
   * The image as an uncompressed tar; read it to its end or break off.
   * @throws `engine.image_not_found`.
   */
  export(reference: string, options?: ImageCallOptions): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Takes in a tar that `export` or `docker save` made; gives the names that were in it. Those names are taken from whatever had them: who may import may put
   * anything behind a name that is allowed.
   * @throws what the source throws; `engine.failed` for what is no such tar.
   */
  import(tar: AsyncIterable<Uint8Array>, options?: ImageCallOptions): Promise<readonly string[]>;
  /**
   * The digest the registry has for a reference now, to pin it; nothing is pulled.
   * @throws `image.not_found`, `image.unauthorized`, `image.pull_failed`; `engine.unsupported` on Podman, which cannot ask without pulling.
   */
  resolveDigest(reference: string, options?: RegistryCallOptions): Promise<string>;
  /**
   * Removes what `images.gc` says of the images this runtime pulled, as it does by itself after pulls and every ten minutes; with `dryRun` it only says
   * what it would do. Without a bound in the configuration nothing is remembered and nothing removed.
   * @throws `engine.unreachable`; what keeps `stateDir` from being read.
   */
  gc(options?: ImageCallOptions & { readonly dryRun?: boolean | undefined }): Promise<ImageGcReport>;
  /**
   * Builds an image. Its steps run as root in containers of the engine's making, under `policy.network` and `policy.limits.default` and nothing else of what
   * hardens jobs: build only what you would run so. Tag and base images are judged by `policy.images`, and an image that cannot be told is refused
   * where any is. Base images are pulled with `registryAuth` alone.
   *
   * @throws `validation.invalid_job`, naming each field; `policy.denied`; `image.build_failed` with `details.step`, `exitCode` and `logTail`;
   * `image.build_timed_out`; `image.context_rejected` and `image.context_too_large`; `image.not_found`; what a stream that is the context throws.
   * @example
   * ```ts
   * const { id, logTail } = await runtime.images.build({
   *   context: '/srv/report',
   *   tag: 'ghcr.io/acme/report:2.1',
   *   buildArgs: { VERSION: '2.1' },
   * });
   * ```
   */
  build(request: BuildRequest, options?: BuildCallOptions): Promise<BuiltImageReport>;
  /**
   * Takes a name away; the last one takes the image with it. Not there is success.
   * @throws `engine.conflict` for an image that is used, or an id with several names.
   */
  remove(reference: string, options?: ImageCallOptions): Promise<void>;
}

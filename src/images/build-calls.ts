/** What `runtime.images.build` takes and gives, as a contract. No behaviour. */
import type { NetworkMode } from '../plan/container-spec.js';
import type { RegistryCallOptions } from './call-options.js';

/** What is to be built. */
export interface BuildRequest {
  /**
   * Absolute path of a folder, of which `.dockerignore` may leave out parts, or an uncompressed tar. Links in it are links in the image, and never
   * followed here.
   */
  readonly context: string | AsyncIterable<Uint8Array>;
  /** Name of the image, judged as the image of a job. */
  readonly tag: string;
  /** Path of the Dockerfile within the context; default `Dockerfile`. Not one that ends in `.in`, which Podman runs through the C preprocessor. */
  readonly dockerfile?: string | undefined;
  /** Values of `ARG`s. They stay readable in the image: never secrets. */
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** The stage that is wanted; default: the last. */
  readonly target?: string | undefined;
  /** `os/architecture[/variant]`; default: the engine's. */
  readonly platform?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Every step is done again. */
  readonly noCache?: boolean | undefined;
  /** Base images are pulled also where they are here; `always` must be among the allowed pull policies. */
  readonly pull?: boolean | undefined;
  /** Of the steps; default and bounds as for a job. */
  readonly networkMode?: NetworkMode | undefined;
}

/** What building takes besides. */
export interface BuildCallOptions extends RegistryCallOptions {
  /** At most, and by default, `images.build.timeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** Told what the builder writes; what it throws is its own affair. */
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
}

/** A piece of what a builder writes. */
export interface BuildProgress {
  readonly text: string;
}

/** An image that was built. */
export interface BuiltImageReport {
  /** `sha256:…` of its configuration. */
  readonly id: string;
  readonly tag: string;
  /** Under which a registry knows it; null for an image that none has. */
  readonly digest: string | null;
  readonly sizeBytes: number;
  readonly durationMs: number;
  /** Head and tail of what the builder wrote, within `maxLogChars`. */
  readonly logTail: string;
}

/** What became of the images a runtime pulled when it looked which of them are to go. Data only. */

/** Why an image goes. */
export type ImageEnd = 'unused_for_too_long' | 'too_many_bytes';

/**
 * Why an image stays. `within_bounds`: nothing asks for it to go. `used_by_container`: one was made of it, running or not, whoever's. `about_to_run`: a
 * run has chosen it, or another image of its repository. `named_by_others`: it has a name that was not pulled by this runtime. `matches_keep`: the
 * configuration says so. `removal_failed`: the engine did not remove it; `problem` says why.
 */
export type ImageStay =
  | 'within_bounds'
  | 'used_by_container'
  | 'about_to_run'
  | 'named_by_others'
  | 'matches_keep'
  | 'removal_failed';

/** An image this runtime pulled. */
interface CollectableImage {
  /** `sha256:…` of its configuration. */
  readonly id: string;
  /** What was pulled when it came. */
  readonly references: readonly string[];
  /** With all its layers, also those it shares with others. */
  readonly sizeBytes: number;
  /** When a run last had it, or it was pulled, by this host's clock; ISO. */
  readonly lastUsedAt: string;
}

/** An image that was removed. */
export interface RemovedImage extends CollectableImage {
  readonly why: ImageEnd;
}

/** An image that stayed. */
export interface KeptImage extends CollectableImage {
  readonly why: ImageStay;
  /** What the engine said of a removal that failed; else null. */
  readonly problem: string | null;
}

/** What one look at the images of a runtime came to. */
export interface ImageGcReport {
  /** Nothing was removed: `removed` is what would have been. */
  readonly dryRun: boolean;
  /** Least recently used first, as `kept`. */
  readonly removed: readonly RemovedImage[];
  readonly kept: readonly KeptImage[];
}

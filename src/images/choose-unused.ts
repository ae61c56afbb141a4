/** Which of the images a runtime pulled are to go: pure, so that every row can be tested as a table. It removes nothing. */
import { matchesImagePattern, parseImagePattern } from '../base/image-pattern.js';
import { parseImageReference } from '../base/image-reference.js';

/** An image this runtime pulled, as it is remembered. */
export interface RememberedImage {
  readonly id: string;
  /** Names it was pulled under. */
  readonly references: readonly string[];
  readonly sizeBytes: number;
  /** By this host's clock, in milliseconds since the epoch. */
  readonly lastUsedAtMs: number;
  /** A run has it, or somebody else gave it a name. */
  readonly isUsed: boolean;
}

/** Bounds of what is kept; null: none. */
export interface ImageBounds {
  readonly maxBytes: number | null;
  readonly maxUnusedMs: number | null;
  /** Patterns of images that stay. */
  readonly keep: readonly string[];
}

/** Those to remove, least recently used first: what was not used for too long, and then as many as bring the rest within its bytes. */
export function chooseUnused(
  images: readonly RememberedImage[],
  { maxBytes, maxUnusedMs, keep }: ImageBounds,
  nowMs: number,
): readonly RememberedImage[] {
  const byAge = [...images].sort((one, other) => one.lastUsedAtMs - other.lastUsedAtMs);
  let totalBytes = byAge.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return byAge.filter((image) => {
    const isOld = maxUnusedMs !== null && nowMs - image.lastUsedAtMs > maxUnusedMs;
    const isTooMuch = maxBytes !== null && totalBytes > maxBytes;
    if (image.isUsed || isKept(image, keep) || !(isOld || isTooMuch)) return false;
    totalBytes -= image.sizeBytes;
    return true;
  });
}

function isKept({ references }: RememberedImage, keep: readonly string[]): boolean {
  return references.some((text) => {
    const parsed = parseImageReference(text);
    // What cannot be read stays: removing is the step that cannot be undone.
    if (!parsed.ok) return true;
    return keep.some((pattern) => {
      const read = parseImagePattern(pattern, 'deny');
      return !read.ok || matchesImagePattern(read.pattern, parsed.reference);
    });
  });
}

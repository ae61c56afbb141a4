/** Which of the images a runtime pulled are to go: pure, so that every row can be tested as a table. It removes nothing. */
import { matchesImagePattern, parseImagePattern } from '../base/image-pattern.js';
import { parseImageReference } from '../base/image-reference.js';
import type { ImageEnd, ImageStay } from './gc-report.js';

/** What keeps an image whatever the bounds say. */
export type Hindrance = Exclude<ImageStay, 'within_bounds' | 'matches_keep'>;

/** An image this runtime pulled and that is still there. */
export interface PulledCandidate {
  readonly id: string;
  /** Names it was pulled under. */
  readonly references: readonly string[];
  readonly sizeBytes: number;
  /** By this host's clock, in milliseconds since the epoch. */
  readonly lastUsedAtMs: number;
  readonly hindrance: Hindrance | null;
}

/** Bounds of what is kept; null: none. */
export interface ImageBounds {
  readonly maxBytes: number | null;
  readonly maxUnusedMs: number | null;
  /** Patterns of images that stay. */
  readonly keep: readonly string[];
}

/** One image and what is to become of it. */
export type Judged<T> = { readonly image: T } & (
  { readonly goes: true; readonly why: ImageEnd } | { readonly goes: false; readonly why: ImageStay }
);

/**
 * Judges all of them, least recently used first: what was not used for too long goes, and then as many as bring the rest within its bytes. What
 * stays for another reason counts for its bytes, too.
 */
export function judgeImages<T extends PulledCandidate>(
  images: readonly T[],
  bounds: ImageBounds,
  nowMs: number,
): readonly Judged<T>[] {
  const byAge = [...images].sort((one, other) => one.lastUsedAtMs - other.lastUsedAtMs);
  let totalBytes = byAge.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return byAge.map((image): Judged<T> => {
    const end = endOf(image, totalBytes, bounds, nowMs);
    if (end === null) return { image, goes: false, why: 'within_bounds' };
    if (image.hindrance !== null) return { image, goes: false, why: image.hindrance };
    if (isToKeep(image, bounds.keep)) return { image, goes: false, why: 'matches_keep' };
    totalBytes -= image.sizeBytes;
    return { image, goes: true, why: end };
  });
}

function endOf(
  { lastUsedAtMs }: PulledCandidate,
  totalBytes: number,
  { maxBytes, maxUnusedMs }: ImageBounds,
  nowMs: number,
): ImageEnd | null {
  if (maxUnusedMs !== null && nowMs - lastUsedAtMs > maxUnusedMs) return 'unused_for_too_long';
  return maxBytes !== null && totalBytes > maxBytes ? 'too_many_bytes' : null;
}

function isToKeep({ references }: PulledCandidate, keep: readonly string[]): boolean {
  return references.some((text) => {
    const parsed = parseImageReference(text);
    // What cannot be read stays: removing is the step that cannot be undone.
    if (!parsed.ok) return true;
    return keep.some((pattern) => {
      // Read as a deny list reads it: a pattern without a tag means every tag.
      const read = parseImagePattern(pattern, 'deny');
      return !read.ok || matchesImagePattern(read.pattern, parsed.reference);
    });
  });
}

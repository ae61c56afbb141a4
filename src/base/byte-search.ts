/** Search for many byte patterns at once, skipping most of the data. It knows nothing of secrets. */

/** A found range: the first byte and the byte after the last. */
export type ByteRange = readonly [start: number, end: number];

const BLOCKS = 65_536;
const MAX_WINDOW = 256;
/** Up to here a plain loop is faster than a call into native code. */
const CHEAP_LENGTH = 64;

/** Tells whether data holds a pattern at a position, as far as the data reaches. */
export function agrees(data: Uint8Array, position: number, pattern: Uint8Array): boolean {
  const length = Math.min(pattern.length, data.length - position);
  const looked = Math.min(length, CHEAP_LENGTH);
  for (let index = 0; index < looked; index += 1) {
    if (data[position + index] !== pattern[index]) return false;
  }
  // A long agreement is rare, except for data made to look like a long, repetitive pattern.
  return (
    looked === length ||
    Buffer.compare(data.subarray(position + looked, position + length), pattern.subarray(looked, length)) ===
      0
  );
}

/**
 * Makes a search for patterns of at least 2 bytes (Wu and Manber 1994, blocks of 2 bytes): the last two bytes of a
 * window tell how far no pattern can start. The search gives, for each position before `limit` where a pattern
 * starts, the longest one, in ascending order; ranges may overlap.
 */
export function createByteSearch(
  patterns: readonly Uint8Array[],
): (data: Uint8Array, limit: number) => readonly ByteRange[] {
  if (patterns.length === 0) return () => [];
  const window = patterns.reduce((length, pattern) => Math.min(length, pattern.length), MAX_WINDOW);
  if (window < 2) throw new RangeError('a pattern must have at least 2 bytes');
  const skips = new Uint8Array(BLOCKS).fill(window - 1);
  const candidates = new Map<number, Uint8Array[]>();
  // Longest first, so that the first one found at a position is the one to report.
  for (const pattern of [...patterns].sort((first, second) => second.length - first.length)) {
    for (let index = 1; index < window; index += 1) {
      const block = blockAt(pattern, index);
      skips[block] = Math.min(skips[block] ?? 0, window - 1 - index);
    }
    const last = blockAt(pattern, window - 1);
    const others = candidates.get(last);
    if (others === undefined) candidates.set(last, [pattern]);
    else others.push(pattern);
  }

  return (data, limit) => {
    const found: ByteRange[] = [];
    const end = Math.min(data.length, limit + window - 1);
    let index = window - 1;
    while (index < end) {
      const block = blockAt(data, index);
      const skip = skips[block] ?? 0;
      if (skip > 0) {
        index += skip;
        continue;
      }
      const start = index - window + 1;
      const length = longestAt(data, start, candidates.get(block));
      if (length > 0) found.push([start, start + length]);
      index += 1;
    }
    return found;
  };
}

function blockAt(data: Uint8Array, index: number): number {
  return ((data[index - 1] ?? 0) << 8) | (data[index] ?? 0);
}

function longestAt(data: Uint8Array, start: number, candidates: readonly Uint8Array[] | undefined): number {
  for (const pattern of candidates ?? []) {
    if (pattern.length <= data.length - start && agrees(data, start, pattern)) return pattern.length;
  }
  return 0;
}

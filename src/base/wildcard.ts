/** Matching of `*` and `?` patterns without regular expressions. It knows nothing of images or paths. */

/** True when a pattern holds a `*` or a `?`. */
export function hasWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('?');
}

/**
 * Tells whether a pattern covers the whole subject, case-sensitively. `*` is any run of characters, also `/` and
 * `:` and none at all; `?` is exactly one character; everything else stands for itself. Never slower than the
 * product of both lengths, whatever an untrusted pattern or subject looks like.
 */
export function matchesWildcard(pattern: string, subject: string): boolean {
  if (pattern === '*') return true;
  const wanted = Array.from(pattern);
  const found = Array.from(subject);
  let wantedAt = 0;
  let foundAt = 0;
  // Only the latest star ever needs to give way: an earlier one taking more cannot help what follows it.
  let starAt = -1;
  let starTookUntil = 0;
  while (foundAt < found.length) {
    const token = wanted[wantedAt];
    if (token === '*') {
      starAt = wantedAt;
      starTookUntil = foundAt;
      wantedAt += 1;
    } else if (token !== undefined && (token === '?' || token === found[foundAt])) {
      wantedAt += 1;
      foundAt += 1;
    } else if (starAt >= 0) {
      starTookUntil += 1;
      foundAt = starTookUntil;
      wantedAt = starAt + 1;
    } else {
      return false;
    }
  }
  while (wanted[wantedAt] === '*') wantedAt += 1;
  return wantedAt === wanted.length;
}

/** Paths as text: which ones are acceptable, and how two of them relate. It never looks at a file system. */

const MAX_PATH_BYTES = 1024;
const MAX_SEGMENT_BYTES = 255;
const MAX_DEPTH = 32;
// Control and format characters (NUL, right-to-left override, zero width …), lone surrogates, line separators.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
// Characters that look like `.`, `/` or `\`, or that some systems turn into them.
const LOOK_ALIKE = /[\uff0e\ufe52\u2024\u2025\uff0f\u2044\u2215\u29f8\uff3c\ufe68\u29f5\u29f9\u2216]/u;

const ASCII = /^\p{ASCII}*$/u;

const byteLength = (text: string): number => Buffer.byteLength(text);

function problemWithSegment(segment: string): string | null {
  if (segment === '') return 'must not have empty segments (// or a trailing /)';
  if (segment === '.' || segment === '..') return 'must not have . or .. segments';
  if (/[.\s]$/u.test(segment)) return 'must not have a segment that ends with a dot or a blank';
  if (byteLength(segment) > MAX_SEGMENT_BYTES) {
    return `must not have a segment longer than ${String(MAX_SEGMENT_BYTES)} bytes`;
  }
  return null;
}

function problemWithText(path: string): string | null {
  // The cheap bound first: nothing below may run over megabytes.
  if (path.length > MAX_PATH_BYTES || byteLength(path) > MAX_PATH_BYTES) {
    return `must not be longer than ${String(MAX_PATH_BYTES)} bytes`;
  }
  if (INVISIBLE.test(path)) return 'must not hold control or invisible characters or broken Unicode';
  if (path.includes('\\')) return 'must not hold a backslash';
  if (LOOK_ALIKE.test(path)) return 'must not hold characters that look like a dot or a slash';
  if (path.normalize('NFC') !== path) return 'must be in Unicode normal form C (NFC)';
  return null;
}

function problemWithSegments(segments: readonly string[]): string | null {
  if (segments.length > MAX_DEPTH) return `must not be deeper than ${String(MAX_DEPTH)} segments`;
  for (const segment of segments) {
    const problem = problemWithSegment(segment);
    if (problem !== null) return problem;
  }
  return null;
}

/**
 * Gives what is wrong with a relative path, or null. Allowed: at most 1,024 bytes, 32 segments and 255 bytes a
 * segment; visible characters in NFC; no `.`, `..` or empty segment, no backslash, no drive letter.
 */
export function checkRelativePath(path: string): string | null {
  if (path === '') return 'must not be empty';
  if (path.startsWith('/')) return 'must be relative: no leading /';
  const problem = problemWithText(path);
  if (problem !== null) return problem;
  if (/^[A-Za-z]:/.test(path)) return 'must not start with a drive letter';
  return problemWithSegments(path.split('/'));
}

/**
 * Gives what is wrong with an absolute container path, or null. The rules are those of relative paths, but doubled
 * and trailing slashes are accepted, as the source format does; use {@link normalizeAbsolutePath} afterwards.
 */
export function checkAbsolutePath(path: string): string | null {
  if (!path.startsWith('/')) return 'must be absolute: start with /';
  return problemWithText(path) ?? problemWithSegments(path.split('/').filter((segment) => segment !== ''));
}

/** Gives an accepted absolute path its one spelling: single slashes, none at the end; the root stays `/`. */
export function normalizeAbsolutePath(path: string): string {
  // Nearly all of them.
  if (path.startsWith('/') && !path.includes('//') && !path.endsWith('/')) return path;
  return `/${path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/')}`;
}

/**
 * Gives a key that is equal for paths a case-insensitive or normalising file system would take for the same. The
 * double turn approximates full Unicode case folding (`ß`, `ẞ` and `SS` agree), independent of the locale.
 */
export function foldPath(path: string): string {
  // Nearly all of them.
  if (ASCII.test(path)) return path.toLowerCase();
  return path.normalize('NFC').toLowerCase().toUpperCase().normalize('NFC').toLowerCase().normalize('NFC');
}

/** Resolves `.`, `..` and doubled slashes by the text alone, so that an unchecked path cannot fool a comparison. */
function resolvedSegments(path: string): readonly string[] {
  const absolute = path.startsWith('/');
  const resolved: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') resolved.push(segment);
    else if (resolved.length > 0 && resolved.at(-1) !== '..') resolved.pop();
    else if (!absolute) resolved.push('..');
  }
  return resolved;
}

/** Where a path leads from the root by the text alone, as far as `..` can go. */
export const resolveFromRoot = (path: string): string => `/${resolvedSegments(`/${path}`).join('/')}`;

/** No empty segments, and none that begins with a dot: the text says by itself where such a path leads. */
const isPlainPath = (path: string): boolean =>
  path !== '' && !path.includes('//') && !path.includes('/.') && !path.startsWith('.') && !path.endsWith('/');

/** True when a path is its parent or beneath it, segment by segment; a relative and an absolute path never are. */
export function isWithin(parent: string, child: string): boolean {
  if (parent.startsWith('/') !== child.startsWith('/')) return false;
  // Nearly all of them: every validation compares dozens.
  if (isPlainPath(parent) && isPlainPath(child)) {
    return child.startsWith(parent) && (child.length === parent.length || child[parent.length] === '/');
  }
  const above = resolvedSegments(parent);
  const below = resolvedSegments(child);
  // What climbs out of its base is within nothing but what climbs as far.
  if (below[above.length] === '..') return false;
  return above.every((segment, index) => below[index] === segment);
}

/** True when two paths are equal or one is beneath the other. */
export function pathsOverlap(first: string, second: string): boolean {
  return isWithin(first, second) || isWithin(second, first);
}

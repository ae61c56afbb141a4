/** What a path with wildcards means, as text: which paths are globs and where their folders begin. It matches nothing. */

/**
 * Whether a path is a glob: `*` and `?` stand for characters within one name, `**` for any number of folders. Everything else,
 * brackets and braces too, stands for itself.
 */
export function isGlob(path: string): boolean {
  return path.includes('*') || path.includes('?');
}

/** What is certain of where a path lies: all of it, or the folders before the first wildcard. */
export function fixedPart(path: string): string {
  return isGlob(path) ? globBase(path) : path;
}

/** The folders before the first wildcard, for example `out/a` of `out/a/*.csv`; empty for the workspace itself. */
export function globBase(glob: string): string {
  const segments = glob.split('/');
  return segments.slice(0, segments.findIndex(isGlob)).join('/');
}

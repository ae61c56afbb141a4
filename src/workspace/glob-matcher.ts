/** Matches workspace paths against the glob of an output. It looks at no file. */
import type { MinimatchOptions } from 'minimatch';

/** A compiled glob. */
export interface GlobMatcher {
  matches(path: string): boolean;
  /** Whether something beneath this folder may match. */
  mayMatchBeneath(folder: string): boolean;
}

// Only `*`, `?` and `**`: a pattern comes from a stranger, and a `!` or `#` in front must not turn it around.
const OPTIONS: MinimatchOptions = {
  dot: true,
  nonegate: true,
  nocomment: true,
  nobrace: true,
  noext: true,
  platform: 'linux',
};

/** Compiles a glob, see {@link isGlob}. */
export async function createGlobMatcher(glob: string): Promise<GlobMatcher> {
  // Loaded when the first glob is met: it takes a fifth of the time of importing zod, and most jobs name files.
  const { Minimatch } = await import('minimatch');
  const matcher = new Minimatch(literalBrackets(glob), OPTIONS);
  return {
    matches: (path) => matcher.match(path),
    mayMatchBeneath: (folder) =>
      matcher.match(folder, true) && (glob.includes('**') || isDeeper(glob, folder)),
  };
}

/** A bracket would begin a class of characters; a class of one bracket is a bracket. */
const literalBrackets = (glob: string): string => glob.replaceAll('[', '[[]');

const isDeeper = (glob: string, folder: string): boolean => glob.split('/').length > folder.split('/').length;

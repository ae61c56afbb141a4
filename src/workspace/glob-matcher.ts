/** Matches workspace paths against the glob of an output. It looks at no file. */
import { Minimatch, type MinimatchOptions } from 'minimatch';

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
export function createGlobMatcher(glob: string): GlobMatcher {
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

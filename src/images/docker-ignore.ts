/** `.dockerignore` as Docker's own client reads it: which paths of a folder are not sent to a build. Pure; it opens no file. */
import { posix } from 'node:path';
import { toIgnoreTest } from './ignore-pattern.js';

/** What is not sent. */
export interface IgnoreRules {
  /** Of a path relative to the folder, with `/` between its names. */
  isIgnored(path: string): boolean;
  /** Whether something beneath a folder that is ignored may be sent for all that. Docker does not look into any other. */
  mayHoldExceptions(folder: string): boolean;
}

/** The rules, or what is wrong with a line. */
export type IgnoreResult =
  { readonly ok: true; readonly rules: IgnoreRules } | { readonly ok: false; readonly problem: string };

interface Pattern {
  readonly text: string;
  readonly isException: boolean;
  readonly matches: (path: readonly string[]) => boolean;
}

/**
 * Reads the lines of a `.dockerignore`, after `patternmatcher` of github.com/moby/patternmatcher: the last line that matches a path decides, and what
 * a line decided of a folder holds for all in it. The paths in `always` are sent whatever the lines say.
 */
export function readDockerIgnore(text: string, always: readonly string[]): IgnoreResult {
  const patterns: Pattern[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const words = wordsOf(line);
    if (words === null) continue;
    const matches = words.text === '' ? null : toIgnoreTest(words.text);
    if (matches === null)
      return {
        ok: false,
        problem: `line ${String(index + 1)} of .dockerignore is no pattern Docker understands`,
      };
    patterns.push({ ...words, matches });
  }
  const decide = (path: string): boolean => {
    // Those that decided something of a folder above. An exception for a folder that is sent anyway is none for what is ignored in it.
    const deciding = new Set<Pattern>();
    let isIgnored = false;
    for (const each of [...foldersOf(path), path]) {
      const characters = Array.from(each);
      isIgnored = false;
      for (const pattern of patterns) {
        const { isException, matches } = pattern;
        if (!deciding.has(pattern)) {
          if (isException !== isIgnored || !matches(characters)) continue;
          deciding.add(pattern);
        }
        isIgnored = !isException;
      }
    }
    return isIgnored;
  };
  const exceptions = [
    ...patterns.filter(({ isException }) => isException).map((each) => each.text),
    ...always,
  ];
  return {
    ok: true,
    rules: {
      isIgnored: (path) => !always.includes(path) && decide(path),
      mayHoldExceptions: (folder) => exceptions.some((each) => `${each}/`.startsWith(`${folder}/`)),
    },
  };
}

/** Null for a comment and for nothing. Only a `#` at the very beginning makes a comment. */
function wordsOf(line: string): Pick<Pattern, 'text' | 'isException'> | null {
  const trimmed = line.trim();
  if (line.startsWith('#') || trimmed === '') return null;
  const isException = trimmed.startsWith('!');
  const rest = isException ? trimmed.slice(1).trim() : trimmed;
  if (rest === '') return { text: '', isException };
  const clean = posix.normalize(rest).replace(/(?<=.)\/$/, '');
  return { text: clean.length > 1 ? clean.replace(/^\//, '') : clean, isException };
}

function foldersOf(path: string): readonly string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

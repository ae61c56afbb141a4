/** `.dockerignore` as Docker's own client reads it: which paths of a folder are not sent to a build. Pure; it opens no file. */
import { posix } from 'node:path';

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
  readonly matches: (path: string) => boolean;
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
    const matches = words.text === '' ? null : toTest(words.text);
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
      isIgnored = false;
      for (const pattern of patterns) {
        const { isException, matches } = pattern;
        if (!deciding.has(pattern)) {
          if (isException !== isIgnored || !matches(each)) continue;
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

/** With nothing but text after it, and no `/` first, `**` also means any beginning of a name. */
const ENDING = /^\*\*([^/*?[\]\\][^*?[\]\\]*)$/su;

/** Null for what is no pattern: a class of characters without an end, a `\` at the end. */
function toTest(pattern: string): ((path: string) => boolean) | null {
  const ending = ENDING.exec(pattern)?.[1];
  if (ending !== undefined) return (path) => path.endsWith(ending);
  let expression = '';
  let rest = pattern;
  while (rest !== '') {
    const [part, source] = nextPart(rest);
    if (source === null) return null;
    expression += source;
    rest = rest.slice(part.length);
  }
  try {
    const compiled = new RegExp(`^${expression}$`, 'su');
    return (path) => compiled.test(path);
  } catch {
    return null;
  }
}

/** What stands first in a pattern, and the regular expression it means; null: nothing. */
function nextPart(rest: string): readonly [part: string, source: string | null] {
  // `**` at the end means all that is beneath; elsewhere any number of folders, also none.
  const stars = /^\*\*\/?/.exec(rest)?.[0];
  if (stars !== undefined) return [stars, stars.length === rest.length ? '.*' : '(?:.*/)?'];
  if (rest.startsWith('*')) return ['*', '[^/]*'];
  if (rest.startsWith('?')) return ['?', '[^/]'];
  const characterClass = /^\[\^?(?:\\.|[^\\\]])+\]/su.exec(rest)?.[0];
  if (characterClass !== undefined) return [characterClass, classOf(characterClass)];
  if (rest.startsWith('[')) return [rest, null];
  const escaped = /^\\./su.exec(rest)?.[0];
  if (escaped !== undefined) return [escaped, literal(escaped.slice(1))];
  if (rest.startsWith('\\')) return [rest, null];
  const plain = /^[^*?[\\]+/su.exec(rest)?.[0] ?? rest;
  return [plain, literal(plain)];
}

/** Only `^`, `-` and `\` mean something in it; the rest is itself. */
function classOf(text: string): string {
  const isNot = text.startsWith('[^');
  const inner = text.slice(isNot ? 2 : 1, -1);
  const source = inner.replace(
    /\\(.)|([[\]&~|!#$%*+,.:;<=>?@^`{}()])/gsu,
    (_, escaped: string | undefined, plain: string) => {
      const character = escaped ?? plain;
      return /[\\\]^\-[&~|!#$%*+,.:;<=>?@`{}()/]/.test(character) ? `\\u{${codeOf(character)}}` : character;
    },
  );
  return `[${isNot ? '^' : ''}${source}]`;
}

const codeOf = (character: string): string => (character.codePointAt(0) ?? 0).toString(16);

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/gu, '\\$&');

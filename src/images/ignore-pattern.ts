/** One pattern of `.dockerignore`, as a test of paths. Never slower than the product of both lengths: contexts, and what they say, may be a stranger's. */

/** One step of a pattern. */
interface Step {
  /** The character it takes; null: it takes none. */
  readonly fits: ((character: string) => boolean) | null;
  /** It takes any number of them, also none. */
  readonly repeats: boolean;
  /** How many steps further it may also be gone on, without a character. */
  readonly jumps: readonly number[];
}

const one = (fits: (character: string) => boolean): Step => ({ fits, repeats: false, jumps: [] });
const many = (fits: (character: string) => boolean): Step => ({ fits, repeats: true, jumps: [1] });
const any = (): boolean => true;
const slash = (character: string): boolean => character === '/';
const notSlash = (character: string): boolean => character !== '/';

/** Any number of folders, also none: into them, or over them. */
const FOLDERS: readonly Step[] = [{ fits: null, repeats: false, jumps: [1, 3] }, many(any), one(slash)];

/** With nothing but text after it, and no `/` first, `**` also means any beginning of a name. */
const ENDING = /^\*\*[^/*?[\]\\][^*?[\]\\]*$/su;

/**
 * Tells of a path, given as its characters, whether the pattern matches it; null for what is no pattern: a class of characters without an end, a `\` at
 * the end.
 */
export function toIgnoreTest(pattern: string): ((path: readonly string[]) => boolean) | null {
  const steps: Step[] = [];
  let rest = pattern;
  if (ENDING.test(pattern)) {
    steps.push(many(any));
    rest = rest.slice(2);
  }
  while (rest !== '') {
    const [part, next] = nextPart(rest);
    if (next === null) return null;
    steps.push(...next);
    rest = rest.slice(part.length);
  }
  return (path) => isTaken(steps, path);
}

/** Goes all ways at once. */
function isTaken(steps: readonly Step[], path: readonly string[]): boolean {
  let places = new Set<number>();
  reach(steps, 0, places);
  for (const character of path) {
    const next = new Set<number>();
    for (const place of places) {
      const step = steps[place];
      if (step?.fits?.(character) === true) reach(steps, step.repeats ? place : place + 1, next);
    }
    if (next.size === 0) return false;
    places = next;
  }
  return places.has(steps.length);
}

/** Adds a place with all that can be got to from there without a character. */
function reach(steps: readonly Step[], place: number, places: Set<number>): void {
  if (places.has(place)) return;
  places.add(place);
  for (const jump of steps[place]?.jumps ?? []) reach(steps, place + jump, places);
}

/** What stands first in a pattern, and the steps it means; null: nothing. */
function nextPart(rest: string): readonly [part: string, steps: readonly Step[] | null] {
  // `**` at the end means all that is beneath; elsewhere any number of folders, also none.
  const stars = /^\*\*\/?/.exec(rest)?.[0];
  if (stars !== undefined) return [stars, stars.length === rest.length ? [many(any)] : FOLDERS];
  if (rest.startsWith('*')) return ['*', [many(notSlash)]];
  if (rest.startsWith('?')) return ['?', [one(notSlash)]];
  const characterClass = /^\[\^?(?:\\.|[^\\\]])+\]/su.exec(rest)?.[0];
  if (characterClass !== undefined) {
    const fits = classOf(characterClass);
    return [characterClass, fits === null ? null : [one(fits)]];
  }
  if (rest.startsWith('[')) return [rest, null];
  const escaped = /^\\./su.exec(rest)?.[0];
  if (escaped !== undefined) return [escaped, literal(escaped.slice(1))];
  if (rest.startsWith('\\')) return [rest, null];
  const plain = /^[^*?[\\]+/su.exec(rest)?.[0] ?? rest;
  return [plain, literal(plain)];
}

const literal = (text: string): readonly Step[] =>
  Array.from(text).map((wanted) => one((character) => character === wanted));

/** Only `^`, `-` and `\` mean something in it; the rest is itself. */
function classOf(text: string): ((character: string) => boolean) | null {
  const isNot = text.startsWith('[^');
  const inner = text.slice(isNot ? 2 : 1, -1);
  const source = inner.replace(
    /\\(.)|([[\]&~|!#$%*+,.:;<=>?@^`{}()])/gsu,
    (_, escaped: string | undefined, plain: string) => {
      const character = escaped ?? plain;
      return /[\\\]^\-[&~|!#$%*+,.:;<=>?@`{}()/]/.test(character) ? `\\u{${codeOf(character)}}` : character;
    },
  );
  try {
    const compiled = new RegExp(`^[${isNot ? '^' : ''}${source}]$`, 'su');
    return (character) => compiled.test(character);
  } catch {
    return null;
  }
}

const codeOf = (character: string): string => (character.codePointAt(0) ?? 0).toString(16);

/** What values of callers without types are checked with: whether each has the shape of what it is given as. Pure. */
import { nearestName } from './nearest-name.js';

/** Something wrong with a value, or with what lies in it. */
interface Problem {
  readonly path: readonly string[];
  readonly message: string;
}

/** Everything wrong with a value, which may be anything. */
export type Check = (value: unknown) => readonly Problem[];

/** Whether a value has names: no list, and nothing that only boxes a text. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One problem of the value itself, or none. */
export const problemsOf = (isWrong: boolean, message: string): readonly Problem[] =>
  isWrong ? [{ path: [], message }] : [];

/** A check by one question. */
export const fits =
  (isRight: (value: unknown) => boolean, message: string): Check =>
  (value) =>
    problemsOf(!isRight(value), message);

const NO_OBJECT = problemsOf(true, 'must be an object');

/** The problems of what lies in a value, as its own. */
export const within = (name: string, problems: readonly Problem[]): readonly Problem[] =>
  problems.map(({ path, message }) => ({ path: [name, ...path], message }));

/** An object of whose entries each passes the check, whatever its name. */
export const each =
  (check: Check): Check =>
  (value) =>
    isObject(value)
      ? Object.entries(value).flatMap(([name, entry]) => within(name, check(entry)))
      : NO_OBJECT;

/** An object that may have these names and any other. By name, so that what is inherited is looked at like the rest: it is used like the rest. */
export const some =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value)
      ? Object.entries(checks).flatMap(([name, check]) =>
          value[name] === undefined ? [] : within(name, check(value[name])),
        )
      : NO_OBJECT;

/** An object with no other names than these. */
export const only =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) => {
    if (!isObject(value)) return NO_OBJECT;
    return [...unknownNames(value, Object.keys(checks)), ...some(checks)(value)];
  };

/** A problem for each name that is none of the known ones; what is undefined is not there. */
export function unknownNames(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
): readonly Problem[] {
  return Object.keys(value)
    .filter((name) => !known.includes(name) && value[name] !== undefined)
    .flatMap((name) => within(name, problemsOf(true, unknownName(name, known))));
}

function unknownName(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined
    ? `is unknown; known are ${known.join(', ')}`
    : `is unknown; did you mean "${nearest}"?`;
}

/** Something that can be called. */
export const listener = fits((value) => typeof value === 'function', 'must be a function');

/** Whether it is an object with these methods. */
export const canDo = (value: unknown, methods: readonly string[]): boolean =>
  isObject(value) && methods.every((name) => typeof value[name] === 'function');

/** An `AbortSignal`, of whatever make. */
export const signal = fits(
  (value) =>
    canDo(value, ['addEventListener', 'removeEventListener']) && isObject(value) && 'aborted' in value,
  'must be an AbortSignal',
);

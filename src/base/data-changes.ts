/** What differs between two pieces of JSON, leaf by leaf. Knows nothing of what they mean. */

/** One value that differs; undefined where one side has none. */
export interface DataChange {
  /** Keys joined by dots, for example `container.resources.memoryBytes`. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Every difference. Lists of different length differ as wholes: what was put in front would make all that follows look new. */
export function dataChanges(before: unknown, after: unknown, path = ''): readonly DataChange[] {
  if (Object.is(before, after)) return [];
  if (!isObject(before) || !isObject(after) || !haveOneShape(before, after)) return [{ path, before, after }];
  const old = new Map(Object.entries(before));
  const now = new Map(Object.entries(after));
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) =>
    dataChanges(old.get(key), now.get(key), path === '' ? key : `${path}.${key}`),
  );
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function haveOneShape(before: object, after: object): boolean {
  if (Array.isArray(before) && Array.isArray(after)) return before.length === after.length;
  return !Array.isArray(before) && !Array.isArray(after);
}

/** JSON with one spelling per value, for hashing and comparing. It is not a general serialiser. */

const MAX_DEPTH = 512;

/**
 * Writes a JSON value with sorted keys and no blanks (RFC 8785). As in JSON, a property whose value is undefined
 * is left out. Keys are ordered by UTF-16 code units.
 *
 * @throws TypeError for anything JSON does not have: undefined elsewhere, functions, symbols, big integers, NaN and
 *   infinities, class instances, holes in arrays, lone surrogates, cycles, more than 512 levels.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  // A cycle ends here as well.
  if (depth > MAX_DEPTH)
    throw new TypeError(`JSON nested deeper than ${String(MAX_DEPTH)} levels, or in a cycle`);
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${Array.from(value, (item: unknown) => write(item, depth + 1)).join(',')}]`;
  if (isPlainObject(value)) return writeObject(value, depth);
  throw new TypeError(`a value of type ${typeof value} is not JSON`);
}

function writeString(text: string): string {
  if (/\p{Cs}/u.test(text)) throw new TypeError('a string with a lone surrogate is not JSON');
  return JSON.stringify(text);
}

function writeObject(value: Readonly<Record<string, unknown>>, depth: number): string {
  const members = Object.keys(value)
    .sort()
    .filter((key) => value[key] !== undefined)
    .map((key) => `${writeString(key)}:${write(value[key], depth + 1)}`);
  return `{${members.join(',')}}`;
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  // Not compared with Object.prototype itself: the value may come from another realm.
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether a value can be written as JSON without losing anything. */
export function isJson(value: unknown): boolean {
  try {
    canonicalJson(value);
    return true;
  } catch {
    return false;
  }
}

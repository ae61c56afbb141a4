/** JSON with one spelling per value, for hashing and comparing. It is not a general serialiser. */
import { freezeMade } from './deep-freeze.js';

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

/** What has to be escaped or looked at: anything but plain ASCII, which nearly all text is. Every plan is hashed, so this is done often. */
const NOT_PLAIN = /[^ !#-[\]-~]/;

/** Up to here the sort of the language costs more than the writing itself. */
const FEW_KEYS = 32;

/** A key as it is written before the value of an object's first member, and before that of any other. */
interface WrittenKey {
  readonly first: string;
  readonly next: string;
}

/** Those of plans and requests are the same ones again and again. Bounded, as a caller's own keys are met as well. */
const writtenKeys = new Map<string, WrittenKey>();
const MOST_WRITTEN_KEYS = 1_000;
const LONGEST_WRITTEN_KEY = 64;

/** The texts of lasting values; empty until the first is needed. */
const lastingTexts = new WeakMap<object, string>();

/**
 * Freezes data made here that many texts are going to hold, such as an operator's limits, which are in every plan of his: its own text is then
 * written once. Not for what is held by one text alone.
 */
export function lasting<T extends object>(value: T): T {
  lastingTexts.set(freezeMade(value), '');
  return value;
}

function write(value: unknown, depth: number): string {
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'object') return value === null ? 'null' : writeObject(value, depth);
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)))
    return String(value);
  throw new TypeError(`a value of type ${typeof value} is not JSON`);
}

function writeString(text: string): string {
  if (!NOT_PLAIN.test(text)) return `"${text}"`;
  if (/\p{Cs}/u.test(text)) throw new TypeError('a string with a lone surrogate is not JSON');
  return JSON.stringify(text);
}

function writeObject(value: object, depth: number): string {
  // A cycle ends here as well.
  if (depth > MAX_DEPTH)
    throw new TypeError(`JSON nested deeper than ${String(MAX_DEPTH)} levels, or in a cycle`);
  const known = lastingTexts.get(value);
  if (known !== undefined && known !== '') return known;
  const written = Array.isArray(value) ? writeList(value, depth) : writeMembers(value, depth);
  if (known !== undefined) lastingTexts.set(value, written);
  return written;
}

function writeList(list: readonly unknown[], depth: number): string {
  let items = '';
  // Not `map`, which would pass over holes.
  for (let index = 0; index < list.length; index += 1) {
    if (index > 0) items += ',';
    items += write(list[index], depth + 1);
  }
  return `[${items}]`;
}

function writeMembers(value: object, depth: number): string {
  if (!isPlainObject(value)) throw new TypeError('a value of type object is not JSON');
  let members = '';
  for (const key of sortKeys(Object.keys(value))) {
    const member = value[key];
    if (member === undefined) continue;
    const { first, next } = writeKey(key);
    members += (members === '' ? first : next) + write(member, depth + 1);
  }
  return members === '' ? '{}' : `${members}}`;
}

function writeKey(key: string): WrittenKey {
  const known = writtenKeys.get(key);
  if (known !== undefined) return known;
  const text = writeString(key);
  const written = { first: `{${text}:`, next: `,${text}:` };
  if (key.length <= LONGEST_WRITTEN_KEY && writtenKeys.size < MOST_WRITTEN_KEYS)
    writtenKeys.set(key, written);
  return written;
}

/** In place, by UTF-16 code units. */
function sortKeys(keys: string[]): readonly string[] {
  if (keys.length > FEW_KEYS) return keys.sort();
  for (let index = 1; index < keys.length; index += 1) {
    const key = keys[index] ?? '';
    let place = index;
    for (; place > 0; place -= 1) {
      const before = keys[place - 1];
      if (before === undefined || before <= key) break;
      keys[place] = before;
    }
    keys[place] = key;
  }
  return keys;
}

function isPlainObject(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // The plain object of another realm.
  return Object.getPrototypeOf(prototype) === null;
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

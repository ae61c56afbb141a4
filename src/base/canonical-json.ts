/** JSON with one spelling per value, for hashing and comparing. It is not a general serialiser. */
import { freezeMade } from './deep-freeze.js';
import { TextBytes } from './text-bytes.js';

const MAX_DEPTH = 512;

const LIST_BEGIN = 0x5b;
const LIST_END = 0x5d;
const OBJECT_BEGIN = 0x7b;
const OBJECT_END = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** Up to here the sort of the language costs more than the writing itself. */
const FEW_KEYS = 32;

/**
 * Writes a JSON value with sorted keys and no blanks (RFC 8785). As in JSON, a property whose value is undefined
 * is left out. Keys are ordered by UTF-16 code units.
 *
 * @throws TypeError for anything JSON does not have: undefined elsewhere, functions, symbols, big integers, NaN and
 *   infinities, class instances, holes in arrays, lone surrogates, cycles, more than 512 levels.
 */
export function canonicalJson(value: unknown): string {
  return withCanonicalJson(value, (bytes) => Buffer.from(bytes).toString());
}

/** Where the next text is written: every plan is hashed, and a place of its own for each would be most of the work. Null while one is written. */
let spare: TextBytes | null = null;

/** The same as UTF-8, lent to `use` until that returns. What it gives is given back. */
export function withCanonicalJson<T>(value: unknown, use: (bytes: Uint8Array) => T): T {
  // A getter of what is written may have something else written meanwhile.
  const text = spare ?? new TextBytes();
  spare = null;
  try {
    write(value, text, 0);
    return use(text.written());
  } finally {
    text.clear();
    spare = text;
  }
}

/** The texts of lasting values; null until the first is needed. */
const lastingTexts = new WeakMap<object, Uint8Array | null>();

/**
 * Freezes data made here that many texts are going to hold, such as an operator's limits, which are in every plan of his: its own text is then
 * written once. Not for what is held by one text alone.
 */
export function lasting<T extends object>(value: T): T {
  lastingTexts.set(freezeMade(value), null);
  return value;
}

function write(value: unknown, text: TextBytes, depth: number): void {
  if (typeof value === 'string') text.addQuoted(value);
  else if (typeof value === 'object' && value !== null) writeObject(value, text, depth);
  else if (value === null || typeof value === 'boolean' || isFiniteNumber(value)) text.add(String(value));
  else throw new TypeError(`a value of type ${typeof value} is not JSON`);
}

const isFiniteNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

function writeObject(value: object, text: TextBytes, depth: number): void {
  // A cycle ends here as well.
  if (depth > MAX_DEPTH)
    throw new TypeError(`JSON nested deeper than ${String(MAX_DEPTH)} levels, or in a cycle`);
  const known = lastingTexts.get(value);
  if (known !== undefined && known !== null) {
    text.addBytes(known);
    return;
  }
  const start = text.length;
  if (Array.isArray(value)) writeList(value, text, depth);
  else if (isPlainObject(value)) writeMembers(value, text, depth);
  else throw new TypeError('a value of type object is not JSON');
  if (known === null) lastingTexts.set(value, text.written().slice(start));
}

function writeList(list: readonly unknown[], text: TextBytes, depth: number): void {
  text.addByte(LIST_BEGIN);
  // Not `forEach`, which would pass over holes.
  for (let index = 0; index < list.length; index += 1) {
    if (index > 0) text.addByte(COMMA);
    write(list[index], text, depth + 1);
  }
  text.addByte(LIST_END);
}

function writeMembers(value: Readonly<Record<string, unknown>>, text: TextBytes, depth: number): void {
  let isFirst = true;
  text.addByte(OBJECT_BEGIN);
  for (const key of sortKeys(Object.keys(value))) {
    const member = value[key];
    if (member === undefined) continue;
    if (!isFirst) text.addByte(COMMA);
    isFirst = false;
    text.addQuoted(key);
    text.addByte(COLON);
    write(member, text, depth + 1);
  }
  text.addByte(OBJECT_END);
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
    return withCanonicalJson(value, () => true);
  } catch {
    return false;
  }
}

/** Copies untrusted data into plain objects and arrays, so that nothing afterwards can run its code, loop in it, or change it. */

const MAX_DEPTH = 32;
const MAX_NODES = 100_000;

/** Stands for a class instance: it could run code of its own whenever it is read, and no schema accepts a symbol. */
const INSTANCE = Symbol('class instance');

/** Also for objects of another realm, whose `Object.prototype` is not ours. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  return typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null;
}

/** A reason why something is no plain data. */
export class NotPlainError extends Error {
  readonly #path: readonly string[];

  constructor(path: readonly string[], message: string) {
    super(message);
    this.#path = path;
  }

  /** The place and the reason, or null for any other error. Safe for whatever was thrown: `instanceof` would run the code of a proxy. */
  static read(error: unknown): { readonly path: readonly string[]; readonly message: string } | null {
    if (typeof error !== 'object' || error === null || !(#path in error)) return null;
    return { path: error.#path, message: error.message };
  }
}

/**
 * A deep copy of own enumerable properties. Values that are no data (functions, symbols) are kept as they are, and class instances become a
 * symbol, for the schema to refuse. `at` is where the value lies, for the path in an error.
 *
 * @throws NotPlainError for what is too deep, too large, or has a key that would reach a prototype. What a getter throws is passed on.
 */
export function plainCopy(value: unknown, at: readonly string[] = []): unknown {
  // The path is where the walk is: written down only for an error.
  return copyOf(value, { at, path: [...at], nodes: 0 });
}

interface Walk {
  readonly at: readonly string[];
  readonly path: string[];
  nodes: number;
}

function copyOf(value: unknown, walk: Walk): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return copyList(value, walk);
  return isPlain(value) ? copyObject(value as Readonly<Record<string, unknown>>, walk) : INSTANCE;
}

function copyList(list: readonly unknown[], walk: Walk): readonly unknown[] {
  // Read once: a proxy could tell another length the second time.
  const { length } = list;
  count(length, walk);
  const copied: unknown[] = [];
  // No method of the list itself, which could be its author's.
  for (let index = 0; index < length; index += 1) copied.push(copyMember(list[index], String(index), walk));
  return copied;
}

function copyObject(
  object: Readonly<Record<string, unknown>>,
  walk: Walk,
): Readonly<Record<string, unknown>> {
  const keys = Object.keys(object);
  count(keys.length, walk);
  const copied: Record<string, unknown> = {};
  for (const key of keys) {
    if (key === '__proto__') throw new NotPlainError([...walk.path, key], 'is not allowed as a key');
    copied[key] = copyMember(object[key], key, walk);
  }
  return copied;
}

function copyMember(member: unknown, key: string, walk: Walk): unknown {
  if (typeof member !== 'object' || member === null) return member;
  walk.path.push(key);
  const copied = copyOf(member, walk);
  walk.path.pop();
  return copied;
}

/** Holes and keys count too: walking four thousand million of them would take minutes. */
function count(members: number, walk: Walk): void {
  walk.nodes += 1 + members;
  if (walk.nodes > MAX_NODES)
    throw new NotPlainError(walk.at, `must not have more than ${String(MAX_NODES)} values`);
  if (walk.path.length > MAX_DEPTH)
    throw new NotPlainError(walk.at, `must not be nested deeper than ${String(MAX_DEPTH)} levels`);
}

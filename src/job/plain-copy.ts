/** Copies untrusted data into plain objects and arrays, so that nothing afterwards can run its code, loop in it, or change it. */

const MAX_DEPTH = 32;
const MAX_NODES = 100_000;

/** Stands for a class instance: it could run code of its own whenever it is read, and no schema accepts a symbol. */
const INSTANCE = Symbol('class instance');

/** Also for objects of another realm, whose `Object.prototype` is not ours. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null);
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
  let nodes = 0;
  // Where the walk is: written down only for an error.
  const path = [...at];
  const copy = (current: unknown): unknown => {
    if (typeof current !== 'object' || current === null) return current;
    const isList = Array.isArray(current);
    if (!isList && !isPlain(current)) return INSTANCE;
    // Read once: a proxy could tell another length the second time.
    const keys = isList ? null : Object.keys(current);
    const length = isList ? current.length : (keys?.length ?? 0);
    // Holes and keys count too: walking four thousand million of them would take minutes.
    nodes += 1 + length;
    if (nodes > MAX_NODES) throw new NotPlainError(at, `must not have more than ${String(MAX_NODES)} values`);
    if (path.length > MAX_DEPTH)
      throw new NotPlainError(at, `must not be nested deeper than ${String(MAX_DEPTH)} levels`);
    const child = (key: string): unknown => {
      path.push(key);
      const copied = copy((current as Readonly<Record<string, unknown>>)[key]);
      path.pop();
      return copied;
    };
    // No method of the list itself, which could be its author's.
    if (keys === null) return Array.from({ length }, (_, index) => child(String(index)));
    if (keys.includes('__proto__')) {
      throw new NotPlainError([...path, '__proto__'], 'is not allowed as a key');
    }
    const copied: Record<string, unknown> = {};
    for (const key of keys) copied[key] = child(key);
    return copied;
  };
  return copy(value);
}

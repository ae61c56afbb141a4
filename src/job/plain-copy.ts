/** Copies untrusted data into plain objects and arrays, so that nothing afterwards can run its code, loop in it, or change it. */

const MAX_DEPTH = 32;
const MAX_NODES = 100_000;

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
 * A deep copy of own enumerable properties. Values that are no data (functions, symbols, class instances) are kept as they are, for the schema
 * to refuse. `at` is where the value lies, for the path in an error.
 *
 * @throws NotPlainError for what is too deep, too large, or has a key that would reach a prototype. What a getter throws is passed on.
 */
export function plainCopy(value: unknown, at: readonly string[] = []): unknown {
  let nodes = 0;
  const copy = (current: unknown, path: readonly string[]): unknown => {
    if (typeof current !== 'object' || current === null) return current;
    // Holes count too: walking a list of four thousand million of them would take minutes.
    nodes += Array.isArray(current) ? 1 + current.length : 1;
    if (nodes > MAX_NODES) throw new NotPlainError(at, `must not have more than ${String(MAX_NODES)} values`);
    if (path.length > MAX_DEPTH)
      throw new NotPlainError(at, `must not be nested deeper than ${String(MAX_DEPTH)} levels`);
    if (Array.isArray(current)) return current.map((item, index) => copy(item, [...path, String(index)]));
    const prototype: unknown = Object.getPrototypeOf(current);
    if (prototype !== Object.prototype && prototype !== null) return current;
    return Object.fromEntries(
      Object.entries(current).map(([key, child]) => {
        if (key === '__proto__') throw new NotPlainError([...path, key], 'is not allowed as a key');
        return [key, copy(child, [...path, key])];
      }),
    );
  };
  return copy(value, at);
}

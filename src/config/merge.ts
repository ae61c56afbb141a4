/** Merges plain data, later over earlier. Knows nothing of configuration keys. */

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** Deeper than any configuration: beyond it data replaces, so that two layers that hold themselves come to an end. */
const MAX_DEPTH = 16;

/** Objects merge key by key, anything else replaces; `undefined` leaves what was there. Keys that would reach a prototype stay plain data. */
export function mergeLayers(...layers: readonly unknown[]): unknown {
  return layers.reduce((lower, upper) => mergeTwo(lower, upper, 0));
}

function mergeTwo(lower: unknown, upper: unknown, depth: number): unknown {
  if (upper === undefined) return lower;
  if (!isPlain(lower) || !isPlain(upper) || depth >= MAX_DEPTH) return upper;
  const merged = new Map(Object.entries(lower));
  for (const [key, value] of Object.entries(upper)) {
    if (value !== undefined) merged.set(key, mergeTwo(merged.get(key), value, depth + 1));
  }
  // fromEntries defines own properties, so that a key `__proto__` is refused as unknown and reaches no prototype.
  return Object.fromEntries(merged);
}

/** What lies at a path of own properties, or undefined. */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Readonly<Record<string, unknown>>)[key]
        : undefined,
    root,
  );
}

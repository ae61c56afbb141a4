/** Freezing of plain data. It leaves class instances, functions and byte arrays as they are. */

/** Freezes a value with all plain objects and arrays in it, cycles included, and returns it. Getters are not called. */
export function deepFreeze<T>(value: T): T {
  const pending: unknown[] = [value];
  const seen = new Set<unknown>();
  while (pending.length > 0) {
    const current = pending.pop();
    if (!isPlainData(current) || seen.has(current)) continue;
    seen.add(current);
    for (const key of Reflect.ownKeys(current)) {
      pending.push(Object.getOwnPropertyDescriptor(current, key)?.value);
    }
    Object.freeze(current);
  }
  return value;
}

function isPlainData(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
}

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

/**
 * The same for data that was made here: a schema's, a copy, a plan. Such data has no getters, and whatever of it is frozen is frozen all the way
 * down, so that it need not be gone through again. Several times as fast as {@link deepFreeze}, which is for anything.
 */
export function freezeMade<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const pending: object[] = [value];
  for (let current = pending.pop(); current !== undefined; current = pending.pop()) {
    if (Object.isFrozen(current) || !isPlainData(current)) continue;
    if (Array.isArray(current)) {
      // By index: as keys they would be made into texts, and an iterator costs more than all that is done here.
      for (let index = current.length; index > 0; index -= 1) pushObject(pending, current[index - 1]);
    } else {
      // Nothing of it is inherited: the loop is over its own keys, without a list of them.
      for (const key in current) pushObject(pending, (current as Readonly<Record<string, unknown>>)[key]);
    }
    Object.freeze(current);
  }
  return value;
}

function pushObject(pending: object[], value: unknown): void {
  if (typeof value === 'object' && value !== null) pending.push(value);
}

function isPlainData(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null || Array.isArray(value)) return true;
  return Object.getPrototypeOf(prototype) === null;
}

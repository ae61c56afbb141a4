/** Copies of structured data with every text in it masked. It does not know the secrets. */

/** How leaves are masked. */
export interface Masks {
  readonly text: (value: string) => string;
  readonly bytes: (value: Uint8Array) => Uint8Array;
}

/**
 * Copies JSON-like data with its strings, keys and byte arrays masked; numbers, dates and other instances stay as
 * they are. `copies` remembers what was copied, so that cycles stay cycles.
 */
export function redactedCopy(value: unknown, masks: Masks, copies = new Map<object, unknown>()): unknown {
  if (typeof value === 'string') return masks.text(value);
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  if (value instanceof Uint8Array) return masks.bytes(value);
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    copies.set(value, list);
    for (const item of value) list.push(redactedCopy(item, masks, copies));
    return list;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return value;
  const copy: Record<string, unknown> = {};
  copies.set(value, copy);
  for (const [key, member] of Object.entries(value)) {
    // Defined, not assigned: the key may be `__proto__`.
    Object.defineProperty(copy, freeKey(copy, masks.text(key)), {
      value: redactedCopy(member, masks, copies),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return copy;
}

/** Two keys may become equal by masking; neither may swallow the other. */
function freeKey(copy: object, key: string): string {
  let free = key;
  for (let number = 2; Object.hasOwn(copy, free); number += 1) free = `${key} (${String(number)})`;
  return free;
}

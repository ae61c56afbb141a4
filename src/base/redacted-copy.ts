/** Copies of structured data with every text in it masked. It does not know the secrets. */
import { redactedErrorCopy, type Masks } from './redacted-error.js';

/** Deeper than anything meant to be read, shallow enough for the stack. */
const MAX_DEPTH = 100;
const TOO_DEEP = '(too deep)';

/**
 * Copies JSON-like data with its strings, keys and byte arrays masked, and errors in it too; numbers and dates stay as they are, other
 * instances become their masked text. `copies` remembers what was copied, so that cycles stay cycles.
 */
export function redactedCopy(
  value: unknown,
  masks: Masks,
  copies = new Map<object, unknown>(),
  depth = 0,
): unknown {
  if (typeof value === 'string') return masks.text(value);
  if (typeof value === 'function') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  if (depth > MAX_DEPTH) return TOO_DEEP;
  if (value instanceof Date) return new Date(value);
  if (value instanceof Uint8Array) return masks.bytes(value);
  const copyOf = (member: unknown): unknown => redactedCopy(member, masks, copies, depth + 1);
  const remember = (copy: object): void => {
    copies.set(value, copy);
  };
  if (value instanceof Error) return redactedErrorCopy(value, masks, { remember, copyOf });
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    remember(list);
    for (const item of value) list.push(copyOf(item));
    return list;
  }
  if (!isPlain(value)) return masks.text(describeInstance(value));
  const copy: Record<string, unknown> = {};
  remember(copy);
  for (const [key, member] of Object.entries(value)) {
    // Defined, not assigned: the key may be `__proto__`.
    Object.defineProperty(copy, freeKey(copy, masks.text(key)), {
      value: copyOf(member),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return copy;
}

/** Also for an object of another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Any field of an instance may tell a secret, and most mean nothing without their methods. */
function describeInstance(value: object): string {
  return value instanceof URL ? value.href : Object.prototype.toString.call(value);
}

/** Two keys may become equal by masking; neither may swallow the other. */
function freeKey(copy: object, key: string): string {
  let free = key;
  for (let number = 2; Object.hasOwn(copy, free); number += 1) free = `${key} (${String(number)})`;
  return free;
}

/** Copies of errors with every text in them masked: the original, which may be shared or frozen, stays as it is. It does not know the secrets. */

/** How leaves are masked. */
export interface Masks {
  readonly text: (value: string) => string;
  readonly bytes: (value: Uint8Array) => Uint8Array;
  /**
   * The fields of an error whose texts are words of its class and stay as they are; null for an error of a foreign class, of which only
   * plain fields are copied, into one of the language's own classes. Absent: all are foreign.
   */
  readonly fieldsKept?: ((error: Error) => ReadonlySet<string> | null) | undefined;
}

/** How what an error holds is copied. */
interface Copying {
  /** Called with the copy before anything in it is copied: an error may be its own cause. */
  readonly remember: (copy: object) => void;
  readonly copyOf: (value: unknown) => unknown;
}

/** Errors of these classes are what they are by their prototype alone; others may count on more than can be copied. */
const PLAIN_CLASSES = [
  AggregateError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  Error,
] as const;

/**
 * Copies one error with its message, stack, cause and fields masked. Of a foreign class only fields that hold a plain value are copied: the rest,
 * such as a request with its headers and sockets, has no end and no use here.
 */
export function redactedErrorCopy(error: Error, masks: Masks, { remember, copyOf }: Copying): Error {
  const kept = masks.fieldsKept?.(error) ?? null;
  const copy = new Error(masks.text(textOf(error, 'message')));
  Object.setPrototypeOf(copy, kept === null ? plainPrototype(error) : prototypeOf(error));
  remember(copy);
  const define = (name: PropertyKey, value: unknown, enumerable: boolean): void => {
    Object.defineProperty(copy, name, { value, enumerable, writable: true, configurable: true });
  };
  const name = textOf(error, 'name');
  if (name !== copy.name) define('name', kept?.has('name') === true ? name : masks.text(name), false);
  define('stack', masks.text(textOf(error, 'stack')), false);
  for (const key of Reflect.ownKeys(error)) {
    if (key === 'message' || key === 'stack' || key === 'name') continue;
    const field = Reflect.getOwnPropertyDescriptor(error, key);
    // What a getter would answer is not known to the copy.
    if (field === undefined || !('value' in field)) continue;
    const value: unknown = field.value;
    const isInner = key === 'cause' || key === 'errors';
    if (kept === null && !isInner && (typeof key === 'symbol' || typeof value === 'object')) continue;
    const stays = typeof key === 'symbol' || kept?.has(key) === true;
    define(stays ? key : masks.text(key), stays ? value : copyOf(value), field.enumerable ?? false);
  }
  return copy;
}

function plainPrototype(error: Error): object {
  return (PLAIN_CLASSES.find((known) => error instanceof known) ?? Error).prototype;
}

function prototypeOf(error: Error): object | null {
  const prototype: unknown = Object.getPrototypeOf(error);
  return typeof prototype === 'object' ? prototype : null;
}

/** A foreign error may have an accessor that throws, or no text at all. */
function textOf(error: Error, field: 'message' | 'name' | 'stack'): string {
  try {
    const value: unknown = Reflect.get(error, field);
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}

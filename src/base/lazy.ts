/** Constants that are costly to make, made when they are first asked for: whoever imports them and needs them not, does not pay. */

/** Gives the same value at every call, made at the first one. A `make` that throws is asked again. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

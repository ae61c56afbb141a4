/** Constants that are costly to make, made when they are first asked for: whoever imports them and needs them not, does not pay. */

/** Gives the same value at every call, made at the first one. A `make` that throws, or whose promise rejects, is asked again. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= keep(make(), () => {
      made = null;
    });
    return made.value;
  };
}

function keep<T>(value: T, forget: () => void): { readonly value: T } {
  // Whoever has the promise is told of it.
  if (value instanceof Promise) value.catch(forget);
  return { value };
}

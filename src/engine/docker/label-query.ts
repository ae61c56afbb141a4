/** The query of a list that is asked for by labels. Pure. */

/** Asks for what carries every one of these labels, or for everything. */
export function toLabelQuery(labels: Readonly<Record<string, string>>): {
  readonly filters?: { readonly label: readonly string[] };
} {
  const label = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return label.length === 0 ? {} : { filters: { label } };
}

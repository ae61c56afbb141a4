/** What is said where a text is wanted: in YAML a number or a boolean is often a text that has lost its quotes. */

/** The words for a value that is no text, whatever it is. */
export function expectedText(expected = 'must be text'): (found: { readonly input?: unknown }) => string {
  return ({ input }) =>
    typeof input === 'number' || typeof input === 'boolean'
      ? `${expected}: put quotes around the ${typeof input}`
      : expected;
}

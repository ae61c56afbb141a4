/** The result of reading a text: a value or the problem with it. It is data; nothing is thrown. */

/** A value, or what is wrong with the text and what is allowed. A problem never repeats the text itself. */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

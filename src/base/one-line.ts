/** Keeps texts of strangers to one line that steers no terminal, and to a length. */

// Control characters, line and paragraph separators, and the marks that turn the direction of text.
// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const BREAKING = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text with such characters escaped. */
export function oneLine(text: string): string {
  return text.replace(
    BREAKING,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The text, or its beginning and `…`: together not more than `most` characters, none of them cut in half. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const isHalf = /[\ud800-\udbff]/.test(text.charAt(most - 2));
  return `${text.slice(0, isHalf ? most - 2 : most - 1)}…`;
}

/** Keeps text of strangers (definitions, images, files) from steering the terminal it is shown on. */

// Control characters but tab and line feed, and the marks that turn the direction of text.
// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text with such characters written as `\u{hex}`. */
export function printable(text: string): string {
  return text.replace(STEERING, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
}

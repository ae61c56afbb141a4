/** The ways programs escape a text in URLs and JSON, as variants to look for. It decodes nothing. */

/** What common encoders leave as it is besides letters, digits and `-_.`. */
const KEPT_BY_ENCODER: readonly string[] = [
  '~', // RFC 3986, Go's QueryEscape
  "!~*'()", // encodeURIComponent
  '~/', // Python's quote, paths
  '*', // application/x-www-form-urlencoded
  "!~*'();/?:@&=+$,#", // encodeURI
];

/** Gives every common percent-encoding of some bytes, with upper- and lower-case hex digits; may hold duplicates. */
export function urlEscapes(bytes: Uint8Array): readonly string[] {
  return KEPT_BY_ENCODER.flatMap((kept) => {
    const table = Array.from({ length: 256 }, (_, byte) => percentEncoded(byte, kept));
    const upper = Array.from(bytes, (byte) => table[byte] ?? '').join('');
    const lower = upper.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
    // Query strings write a blank as a plus; a literal plus is escaped there.
    return [upper, lower].flatMap((form) => [form, form.replaceAll('%20', '+')]);
  });
}

function percentEncoded(byte: number, kept: string): string {
  const character = String.fromCharCode(byte);
  if (/[A-Za-z0-9_.-]/.test(character) || kept.includes(character)) return character;
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

const toAscii = (json: string, upperCase: boolean): string =>
  json.replace(/[^\p{ASCII}]/gu, (character) =>
    character
      .split('')
      .map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'))
      .map((digits) => `\\u${upperCase ? digits.toUpperCase() : digits}`)
      .join(''),
  );

const plainJson = (text: string): string => JSON.stringify(text).slice(1, -1);

/** What encoders do beyond what JSON asks of them: nothing, slashes escaped (PHP), what means something in HTML escaped (Go). */
const JSON_ENCODERS: readonly ((text: string) => string)[] = [
  plainJson,
  (text) => plainJson(text).replaceAll('/', '\\/'),
  (text) =>
    plainJson(text).replace(
      /[<>&]/g,
      (character) => `\\u00${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    ),
];

/** And what they do with all that is not ASCII: nothing, or escapes of it with lower- or upper-case digits. */
const ASCII_ESCAPES: readonly ((json: string) => string)[] = [
  (json) => json,
  (json) => toAscii(json, false),
  (json) => toAscii(json, true),
];

/** All that some encoder does not write as it is. */
const JSON_SPECIAL = /[^ -~]|["\\/<>&]/;

/**
 * Gives every common spelling of a text inside a JSON string, encoded once, and twice: by one encoder, by any and then by one that does only what
 * JSON asks of it, or by such a one first. May hold duplicates.
 */
export function jsonEscapes(text: string): readonly string[] {
  if (!JSON_SPECIAL.test(text)) return [text];
  return JSON_ENCODERS.flatMap((encode) =>
    ASCII_ESCAPES.flatMap((escape) => {
      const once = escape(encode(text));
      return [once, escape(encode(once)), plainJson(once), escape(encode(plainJson(text)))];
    }),
  );
}

/** The byte sequences in which a secret may show up in output. Encryption, reversal and spelling out are not among them. */
import { jsonEscapes, urlEscapes } from './text-escapes.js';

/** One byte sequence to mask. */
export interface SecretForm {
  readonly bytes: Uint8Array;
  /** Mask only where no letter, digit or `_` is next to it. */
  readonly wholeToken: boolean;
  /** A short line of a longer secret: masked, but too little to say that the secret was there. */
  readonly isFragment: boolean;
}

/** Below this many characters a secret is masked only as a whole token: `on` would blank half of every log. */
const MIN_FREE_LENGTH = 6;

/** Line lengths at which `base64` and PEM writers break their output, and what lines end with. */
const BASE64_LINE_LENGTHS = [64, 76];
const LINE_ENDS = ['\n', '\r\n'];

/** Encoded, a secret may be broken anywhere, and each way is a form of its own; of a longer one they would take megabytes. */
const MAX_FOLDED_LENGTH = 1_024;
const MIN_FOLDED_LENGTH = 4;

/** Whether a text is too short to be masked wherever it stands. */
const isShort = (text: string): boolean => Array.from(text).length < MIN_FREE_LENGTH;

/** Whether a secret is too short, without the blanks around it, to be masked wherever it stands. */
export function isMaskedAsTokenOnly(secret: string): boolean {
  return isShort(secret.trim());
}

/** Whether a secret of several lines has some that are too short to be masked wherever they stand. */
export function hasShortLines(secret: string): boolean {
  return !isMaskedAsTokenOnly(secret) && linesOfText(secret.trim()).some(isShort);
}

/**
 * Lists the forms of a secret: as it is, without blanks around it, with the other kind of line ends, each of its
 * lines with a letter or digit (of fewer than 6 characters only as a whole token), base64 and base64url in all three alignments, also where `base64` breaks its lines (within
 * longer data for secrets of up to 765 bytes), hex, URL- and JSON-escaped. A secret of blanks only has no forms.
 */
export function secretForms(secret: string | Uint8Array): readonly SecretForm[] {
  const bytes = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : Buffer.from(secret);
  const text = bytes.toString('utf8');
  const isText = Buffer.from(text, 'utf8').equals(bytes);
  const forms = new Map<string, SecretForm>();
  const add: AddForm = (form, wholeToken, isFragment = false) => {
    const key = Buffer.from(form).toString('latin1');
    const known = forms.get(key);
    if (key === '' || known?.wholeToken === false || (isFragment && known !== undefined)) return;
    forms.set(key, { bytes: form, wholeToken, isFragment });
  };
  if (!isText) {
    addForms(bytes, null, add);
    return [...forms.values()];
  }
  const trimmed = text.trim();
  if (trimmed === '') return [];
  for (const variant of new Set([text, trimmed])) addForms(Buffer.from(variant, 'utf8'), variant, add);
  addLines(trimmed, add);
  return [...forms.values()];
}

type AddForm = (form: Uint8Array, wholeToken: boolean, isFragment?: boolean) => void;

function addLines(text: string, add: AddForm): void {
  if (!ANY_LINE_END.test(text)) return;
  for (const end of LINE_ENDS) add(Buffer.from(text.split(ANY_LINE_END).join(end), 'utf8'), false);
  for (const line of linesOfText(text))
    for (const form of [line, ...jsonEscapes(line)])
      add(Buffer.from(form, 'utf8'), isShort(line), isShort(line));
}

function addForms(bytes: Buffer, text: string | null, add: AddForm): void {
  const isToken = text === null ? bytes.length < MIN_FREE_LENGTH : isShort(text);
  add(bytes, isToken);
  const hex = bytes.toString('hex');
  const encoded = [hex, hex.toUpperCase(), ...urlEscapes(bytes), ...(text === null ? [] : jsonEscapes(text))];
  for (const form of [...encoded, ...base64Forms(bytes, isToken)]) {
    // The hex of one letter is an everyday number.
    if (form.length >= MIN_FREE_LENGTH) add(Buffer.from(form, 'utf8'), isToken);
  }
}

const ANY_LINE_END = /\r\n|\r|\n/;

/** What the lines of a text hold, where it has several. Those of punctuation only, such as a brace, tell nothing, and stand in every log. */
function linesOfText(text: string): readonly string[] {
  const lines = text.split(ANY_LINE_END).map((line) => line.trim());
  return lines.length < 2 ? [] : lines.filter((line) => /[\p{L}\p{N}]/u.test(line) || !isShort(line));
}

function base64Forms(bytes: Buffer, isToken: boolean): readonly string[] {
  // `echo` adds a line end before encoding.
  const alone = [bytes, Buffer.concat([bytes, Buffer.from('\n')])].map((data) => data.toString('base64'));
  const standard = [...alone, ...alone.map(withoutPadding)];
  if (!isToken) {
    for (const whole of alone) standard.push(...wrapped(whole));
    // Three bytes make four characters, so a secret inside longer data starts at one of three offsets.
    for (const offset of [0, 1, 2]) {
      const aligned = alignedForms(bytes, offset);
      standard.push(...aligned, ...foldedForms(aligned[0]));
    }
  }
  return standard.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
}

const withoutPadding = (base64: string): string => base64.replace(/={1,2}$/, '');

function wrapped(base64: string): readonly string[] {
  return BASE64_LINE_LENGTHS.filter((width) => base64.length > width).flatMap((width) =>
    linesOf(base64, width),
  );
}

const linesOf = (base64: string, width: number): readonly string[] =>
  base64.match(new RegExp(`.{1,${String(width)}}`, 'g')) ?? [];

/** The characters that depend on the secret alone, and the same up to the end of the data. */
function alignedForms(bytes: Buffer, offset: number): readonly [inner: string, ...upToTheEnd: string[]] {
  const padded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const first = Math.ceil((offset * 8) / 6);
  const inner = padded.slice(first, Math.floor(((offset + bytes.length) * 8) / 6));
  return [inner, padded.slice(first), withoutPadding(padded).slice(first)];
}

/**
 * Base64 within longer data that is broken into lines: how much of it stands on the first of them depends on what is before it. A few characters on
 * that line are let go: for their sake, every line that ends with the first of them would have to wait for the next one.
 */
function foldedForms(base64: string): readonly string[] {
  if (base64.length > MAX_FOLDED_LENGTH) return [];
  return BASE64_LINE_LENGTHS.flatMap((width) =>
    Array.from({ length: Math.min(width, base64.length - 1) }, (_, index) => {
      const first = index + 1;
      const start = first < MIN_FOLDED_LENGTH ? [] : [base64.slice(0, first)];
      const lines = [...start, ...linesOf(base64.slice(first), width)];
      return LINE_ENDS.map((end) => lines.join(end));
    }).flat(),
  );
}

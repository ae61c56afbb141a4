/** Masking of known secrets in texts, values and streams. It does not guess what else might be secret. */
import { redactedCopy } from './redacted-copy.js';
import type { Masks } from './redacted-error.js';
import { secretForms } from './secret-forms.js';
import { createSecretSearch, type SecretSearch, type StreamPiece } from './secret-search.js';

/** What stands where a secret stood. */
export const REDACTION_MARK = '***';

/** Masks secrets in one stream of bytes. */
export interface RedactorStream {
  /**
   * Takes the next bytes and gives those that are certain, masked. What may be the start of a secret is held back:
   * fewer bytes than the longest form has (as many, for a secret so short that it is masked only as a whole token).
   * The returned bytes may share memory with the chunk.
   */
  push(chunk: Uint8Array): Uint8Array;
  /** Gives what was held back, masked. The stream can be used for new data afterwards. */
  flush(): Uint8Array;
}

/** Masks the secrets it was made with. */
export interface Redactor {
  /** True when there is nothing to mask. */
  readonly isEmpty: boolean;
  /** Masks a text. */
  readonly text: (value: string) => string;
  /**
   * Gives a copy of JSON-like data with every string in it masked, in keys, byte arrays and errors too; numbers and dates stay. `fieldsKept`
   * names the fields of an error whose texts stay; null for an error of a foreign class, of which only plain fields are copied.
   */
  readonly value: <T>(json: T, fieldsKept?: Masks['fieldsKept']) => T;
  /** Starts a stream; each stream of a process needs its own. `onMasked` is told where each form begins that is masked. */
  stream(onMasked?: OnMasked): RedactorStream;
}

/** Hears of each form that is masked, by where it begins. */
type OnMasked = (piece: StreamPiece, start: number) => void;

const MARK = new TextEncoder().encode(REDACTION_MARK);
const NOTHING = new Uint8Array(0);

/**
 * Makes a redactor. Each secret is masked in all the forms of {@link secretForms}; where forms overlap, all their
 * bytes go, under one mark. The result does not depend on how a stream is cut into chunks. Secrets of fewer than 6
 * characters are masked only as whole tokens.
 */
export function createRedactor(secrets: readonly (string | Uint8Array)[]): Redactor {
  const forms = uniqueForms(secrets);
  if (forms.length === 0) return EMPTY;
  const search = createSecretSearch(forms);
  const bytes = (value: Uint8Array): Uint8Array => {
    const stream = createStream(search);
    return Buffer.concat([stream.push(value), stream.flush()]);
  };
  const text = (value: string): string => {
    const encoded = Buffer.from(value, 'utf8');
    const piece = { data: encoded, before: null, isLast: true };
    // Untouched text is returned as it came: a lone surrogate would not survive the way through bytes.
    if (search.find(piece, encoded.length).length === 0) return value;
    return Buffer.from(bytes(encoded)).toString('utf8');
  };
  return {
    isEmpty: false,
    text,
    value: copierOf({ text, bytes }),
    stream: (onMasked) => createStream(search, onMasked),
  };
}

/** The copy has the shape of the original by construction, which the compiler cannot see. */
const copierOf =
  (masks: Pick<Masks, 'text' | 'bytes'>): Redactor['value'] =>
  <T>(json: T, fieldsKept?: Masks['fieldsKept']): T =>
    redactedCopy(json, { ...masks, fieldsKept }) as T;

const EMPTY: Redactor = {
  isEmpty: true,
  text: (value) => value,
  value: copierOf({ text: (value) => value, bytes: (value) => value }),
  stream: () => ({ push: (chunk) => chunk, flush: () => NOTHING }),
};

function uniqueForms(secrets: readonly (string | Uint8Array)[]): ReturnType<typeof secretForms> {
  const all = secrets.flatMap((secret) => secretForms(secret));
  // Whole tokens first, so that a form wanted everywhere replaces the same one wanted only as a token.
  const ordered = [...all.filter((form) => form.wholeToken), ...all.filter((form) => !form.wholeToken)];
  return [...new Map(ordered.map((form) => [Buffer.from(form.bytes).toString('latin1'), form])).values()];
}

function createStream(search: SecretSearch, onMasked?: OnMasked): RedactorStream {
  let held: Uint8Array = NOTHING;
  let before: number | null = null;
  /** How many bytes at the start of `held` belong to a mark that is already written. */
  let masked = 0;

  const take = (data: Uint8Array, isLast: boolean): Uint8Array => {
    const piece = { data, before, isLast };
    const limit = search.undecidedFrom(piece);
    const parts: Uint8Array[] = [];
    let written = masked;
    for (const [start, end] of search.find(piece, limit)) {
      onMasked?.(piece, start);
      if (start >= written) parts.push(data.subarray(written, start), MARK);
      written = Math.max(written, end);
    }
    if (limit > written) parts.push(data.subarray(written, limit));
    masked = Math.max(0, written - limit);
    before = data[limit - 1] ?? before;
    // A copy: the caller may use the chunk's memory again.
    held = limit === data.length ? NOTHING : new Uint8Array(data.subarray(limit));
    return parts.length === 1 ? (parts[0] ?? NOTHING) : Buffer.concat(parts);
  };

  return {
    push: (chunk) => take(held.length === 0 ? chunk : Buffer.concat([held, chunk]), false),
    flush: () => {
      const rest = take(held, true);
      before = null;
      masked = 0;
      return rest;
    },
  };
}

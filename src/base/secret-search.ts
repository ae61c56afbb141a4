/** Finds the forms of secrets in a piece of a stream, and what must wait for more of it. It replaces nothing. */
import { agrees, createByteSearch, type ByteRange } from './byte-search.js';
import type { SecretForm } from './secret-forms.js';

/** A piece of a stream. */
export interface StreamPiece {
  readonly data: Uint8Array;
  /** The byte before the piece, or null at the start of the stream. */
  readonly before: number | null;
  /** True when nothing follows. */
  readonly isLast: boolean;
}

/** Search over the pieces of one or many streams; keeps no state between pieces. */
export interface SecretSearch {
  /** The first position where a form may have begun whose end the piece does not show; its length when none. */
  undecidedFrom(piece: StreamPiece): number;
  /** The forms that start before a decided position, in order of their start; ranges may overlap. */
  find(piece: StreamPiece, limit: number): readonly ByteRange[];
}

/** Letters, digits and `_` of ASCII. */
function isWordByte(byte: number | null | undefined): boolean {
  if (byte === null || byte === undefined) return false;
  const isDigit = byte >= 0x30 && byte <= 0x39;
  const isLetter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
  return isDigit || isLetter || byte === 0x5f;
}

const opensToken = ({ data, before }: StreamPiece, position: number): boolean =>
  !isWordByte(position === 0 ? before : data[position - 1]);

/** Whether a form stands at a position and ends within the piece; a whole token that ends with it counts as ended. */
export function standsAt(piece: StreamPiece, position: number, { bytes, wholeToken }: SecretForm): boolean {
  const { data } = piece;
  const end = position + bytes.length;
  if (end > data.length || !agrees(data, position, bytes)) return false;
  return !wholeToken || (opensToken(piece, position) && !isWordByte(data[end]));
}

const longest = (forms: readonly SecretForm[]): number =>
  forms.reduce((length, form) => Math.max(length, form.bytes.length), 0);

/** The forms that may start at a position, found by its first two bytes; most positions cost one look. */
interface StartTable {
  /** One for each pair of bytes with which a form begins. */
  readonly pairs: Uint8Array;
  /** The forms by their first byte, longest first. */
  readonly forms: readonly (readonly SecretForm[])[];
}

function createStartTable(forms: readonly SecretForm[]): StartTable {
  const pairs = new Uint8Array(65_536);
  const byFirst = Array.from({ length: 256 }, (): SecretForm[] => []);
  for (const form of forms) {
    const [first = 0, second] = form.bytes;
    if (second === undefined) pairs.fill(1, first << 8, (first + 1) << 8);
    else pairs[(first << 8) | second] = 1;
    byFirst[first]?.push(form);
  }
  for (const sameByte of byFirst) sameByte.sort((one, other) => other.bytes.length - one.bytes.length);
  return { pairs, forms: byFirst };
}

/** Gives the next position from which a form may start, or the limit. Every byte passes here: keep it plain. */
function nextStart({ pairs }: StartTable, data: Uint8Array, from: number, limit: number): number {
  const end = Math.min(limit, data.length - 1);
  let start = from;
  while (start < end && pairs[((data[start] ?? 0) << 8) | (data[start + 1] ?? 0)] === 0) start += 1;
  // The last byte has no pair; it is for the caller to compare.
  return start;
}

/** For nothing, in which most runs end up at least once. */
const FOR_NOTHING: SecretSearch = { undecidedFrom: ({ data }) => data.length, find: () => [] };

/** Prepares a search for some forms. */
export function createSecretSearch(forms: readonly SecretForm[]): SecretSearch {
  if (forms.length === 0) return FOR_NOTHING;
  const tokens = forms.filter((form) => form.wholeToken);
  const searchFree = createByteSearch(forms.filter((form) => !form.wholeToken).map((form) => form.bytes));
  const allStarts = createStartTable(forms);
  const tokenStarts = createStartTable(tokens);
  const furthest = Math.max(longest(forms) - 1, longest(tokens));

  const findTokens = (piece: StreamPiece, limit: number): readonly ByteRange[] => {
    const { data } = piece;
    const found: ByteRange[] = [];
    if (tokens.length === 0) return found;
    let start = nextStart(tokenStarts, data, 0, limit);
    while (start < limit) {
      const position = start;
      const token = tokenStarts.forms[data[position] ?? 0]?.find((form) => standsAt(piece, position, form));
      if (token !== undefined) found.push([position, position + token.bytes.length]);
      start = nextStart(tokenStarts, data, start + 1, limit);
    }
    return found;
  };

  return {
    undecidedFrom: (piece) => {
      const { data, isLast } = piece;
      if (isLast) return data.length;
      let start = nextStart(allStarts, data, Math.max(0, data.length - furthest), data.length);
      while (start < data.length) {
        const position = start;
        const left = data.length - position;
        const isOpen = allStarts.forms[data[position] ?? 0]?.some(({ bytes, wholeToken }) => {
          // A whole token is decided only by the byte after it.
          const isCut = wholeToken
            ? bytes.length >= left && opensToken(piece, position)
            : bytes.length > left;
          return isCut && agrees(data, position, bytes);
        });
        if (isOpen === true) return position;
        start = nextStart(allStarts, data, start + 1, data.length);
      }
      return data.length;
    },
    find: (piece, limit) => {
      const free = searchFree(piece.data, limit);
      const whole = findTokens(piece, limit);
      if (whole.length === 0) return free;
      if (free.length === 0) return whole;
      return [...free, ...whole].sort(([first], [second]) => first - second);
    },
  };
}

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
  /** The same by their first two bytes, and those of one byte by that alone: a secret may have very many short lines. */
  readonly byStart: ReadonlyMap<number, readonly SecretForm[]>;
}

const pairOf = (first: number, second: number): number => (first << 8) | second;
const ofOneByte = (first: number): number => -1 - first;

function createStartTable(forms: readonly SecretForm[]): StartTable {
  const pairs = new Uint8Array(65_536);
  const byFirst = Array.from({ length: 256 }, (): SecretForm[] => []);
  const byStart = new Map<number, SecretForm[]>();
  for (const form of [...forms].sort((one, other) => other.bytes.length - one.bytes.length)) {
    const [first = 0, second] = form.bytes;
    if (second === undefined) pairs.fill(1, first << 8, (first + 1) << 8);
    else pairs[pairOf(first, second)] = 1;
    byFirst[first]?.push(form);
    const start = second === undefined ? ofOneByte(first) : pairOf(first, second);
    const same = byStart.get(start);
    if (same === undefined) byStart.set(start, [form]);
    else same.push(form);
  }
  return { pairs, forms: byFirst, byStart };
}

/** The longest form that stands at a position. */
function longestAt({ byStart }: StartTable, piece: StreamPiece, position: number): SecretForm | undefined {
  const { data } = piece;
  const [first = -1, second = -1] = [data[position], data[position + 1]];
  const stands = (form: SecretForm): boolean => standsAt(piece, position, form);
  return byStart.get(pairOf(first, second))?.find(stands) ?? byStart.get(ofOneByte(first))?.find(stands);
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
      const token = longestAt(tokenStarts, piece, position);
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
        for (const { bytes, wholeToken } of allStarts.forms[data[position] ?? 0] ?? []) {
          // Those that follow are no longer.
          if (bytes.length < left) break;
          // A whole token is decided only by the byte after it.
          const isCut = wholeToken ? opensToken(piece, position) : bytes.length > left;
          if (isCut && agrees(data, position, bytes)) return position;
        }
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

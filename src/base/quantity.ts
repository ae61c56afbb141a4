/** Exact reading of a number with a unit, shared by sizes and durations. It rounds nothing and guesses nothing. */
import type { Parsed } from './parsed.js';

const MAX_TEXT_LENGTH = 40;
// Leading zeros are refused: they mean octal to some readers.
const QUANTITY = /^(0|[1-9][0-9]*)(?:\.([0-9]+))? ?([A-Za-z]*)$/;

/** What a text may look like. */
export interface QuantityFormat {
  /** Unit (case-sensitive) to its worth; the empty unit is a bare number. */
  readonly units: ReadonlyMap<string, number>;
  /** What is allowed, as the end of the sentence `must be …`. */
  readonly allowed: string;
}

/** Reads a whole, safe, non-negative number of base units; fractions are accepted where they come out whole. */
export function parseQuantity(input: string | number, format: QuantityFormat): Parsed<number> {
  const problem = `must be ${format.allowed}`;
  if (typeof input === 'number') {
    return Number.isSafeInteger(input) && input >= 0 ? { ok: true, value: input } : { ok: false, problem };
  }
  const text = input.trim();
  const match = text.length > MAX_TEXT_LENGTH ? null : QUANTITY.exec(text);
  const unit = match === null ? undefined : format.units.get(match[3] ?? '');
  if (match === null || unit === undefined) return { ok: false, problem };
  const [, whole = '', fraction = ''] = match;
  if (fraction !== '' && match[3] === '') return { ok: false, problem };
  // BigInt, because 0.1 and its kin have no exact binary value.
  const scaled = BigInt(whole + fraction) * BigInt(unit);
  const divisor = 10n ** BigInt(fraction.length);
  if (scaled % divisor !== 0n)
    return { ok: false, problem: `${problem}; this is not a whole number of them` };
  const value = Number(scaled / divisor);
  return Number.isSafeInteger(value)
    ? { ok: true, value }
    : { ok: false, problem: `${problem}; this is larger than ${String(Number.MAX_SAFE_INTEGER)}` };
}

/** Durations as text, in milliseconds. It reads no clock and starts no timer. */
import type { Parsed } from './parsed.js';
import { parseQuantity } from './quantity.js';

const DURATION = {
  units: new Map([
    ['', 1],
    ['ms', 1],
    ['s', 1000],
    ['m', 60_000],
    ['h', 3_600_000],
  ]),
  allowed: 'a whole number of milliseconds, or a number with ms, s, m or h, such as 10s',
};

/** Reads a duration such as `250ms`, `10s`, `5m` or `1h`; a bare number is milliseconds. The value is milliseconds. */
export function parseDuration(input: string | number): Parsed<number> {
  return parseQuantity(input, DURATION);
}

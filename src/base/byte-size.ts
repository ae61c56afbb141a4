/** Byte sizes as text. Words such as `unlimited` belong to the configuration that allows them. */
import type { Parsed } from './parsed.js';
import { parseQuantity } from './quantity.js';

const KIBI = 1024;
const SIZE = {
  units: new Map([
    ['', 1],
    ...['kB', 'MB', 'GB', 'TB'].map((unit, index) => [unit, 1000 ** (index + 1)] as const),
    ...['KiB', 'MiB', 'GiB', 'TiB'].map((unit, index) => [unit, KIBI ** (index + 1)] as const),
    ...['k', 'm', 'g', 't'].map((unit, index) => [unit, KIBI ** (index + 1)] as const),
  ]),
  allowed:
    'a whole number of bytes, or a number with kB MB GB TB (powers of 1000) or KiB MiB GiB TiB or k m g t (powers of 1024)',
};

/**
 * Reads a byte size: a bare number is bytes; `kB MB GB TB` are powers of 1000; `KiB MiB GiB TiB` and bare `k m g t`
 * are powers of 1024. Anything else is a problem, also `M` and `KB`, which tools read in different ways.
 */
export function parseByteSize(input: string | number): Parsed<number> {
  return parseQuantity(input, SIZE);
}

/**
 * Writes a byte size for people, such as `1.5 GiB`. Where two decimals cannot say it exactly, the bytes follow in
 * brackets, so that two different sizes never read the same.
 */
export function formatBytes(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let power = 0;
  while (power < names.length - 1 && bytes >= KIBI ** (power + 1)) power += 1;
  const scaled = bytes / KIBI ** power;
  const rounded = Math.round(scaled * 100) / 100;
  const short = `${String(rounded)} ${names[power] ?? ''}`;
  return rounded === scaled ? short : `${short} (${String(bytes)} B)`;
}

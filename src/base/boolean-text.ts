/** Yes and no as people write them in environment variables. It applies no default. */
import type { Parsed } from './parsed.js';

const TRUE = ['1', 'true', 'yes', 'on'];
const FALSE = ['0', 'false', 'no', 'off'];

/** Reads `1/true/yes/on` and `0/false/no/off`, trimmed and in any case; a blank text gives undefined. */
export function parseBoolean(text: string): Parsed<boolean | undefined> {
  const word = text.trim().toLowerCase();
  if (word === '') return { ok: true, value: undefined };
  if (TRUE.includes(word)) return { ok: true, value: true };
  if (FALSE.includes(word)) return { ok: true, value: false };
  return { ok: false, problem: `must be one of ${[...TRUE, ...FALSE].join(', ')}` };
}

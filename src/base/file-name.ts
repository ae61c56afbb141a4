/** Turns the bytes of a file's name into text that any storage can take. It knows no path rules beyond those of one name. */
import { checkRelativePath } from './paths.js';

/**
 * A name as it is where it is plain; else with percent-escapes for the bytes that are not UTF-8, control characters and whatever else a
 * path must not hold. Different names never give the same text.
 */
export function escapeFileName(bytes: Uint8Array): string {
  const text = decode(bytes);
  // A plain "%41" would look like the escape of another name.
  const isPlain = text !== null && checkRelativePath(text) === null && !/%[0-9A-Fa-f]{2}/.test(text);
  if (isPlain) return text;
  const characters = byCharacter(text) ?? Array.from(bytes, escapeByte);
  const last = characters.at(-1);
  // A dot or blank at the end is dropped by some systems, and dots alone would be a step upwards.
  if (last === '.' || last === ' ') characters[characters.length - 1] = escaped(last.charCodeAt(0));
  return characters.join('');
}

/** Null where marks combine: with each other, which they do not one by one, or with the last digit of an escape. */
function byCharacter(text: string | null): string[] | null {
  if (text === null) return null;
  if (text.normalize('NFC') !== text) return null;
  const characters = Array.from(text, escapeCharacter);
  const whole = characters.join('');
  return whole.normalize('NFC') === whole ? characters : null;
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

const escaped = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

const escapeByte = (byte: number): string =>
  byte > 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x5c && byte !== 0x3a
    ? String.fromCharCode(byte)
    : escaped(byte);

function escapeCharacter(character: string): string {
  const isPlain = /^[ -~]$/.test(character) && !'%\\:'.includes(character);
  const isSafe = isPlain || (character > '~' && checkRelativePath(character) === null);
  return isSafe ? character : Array.from(new TextEncoder().encode(character), escaped).join('');
}

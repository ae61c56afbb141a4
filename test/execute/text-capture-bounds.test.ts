/** What is kept of a text that is too long: a quarter of the room for its head, the rest for its tail, and no half of a character. */
import { describe, expect, it } from 'vitest';
import { createTextCapture } from '../../src/execute/text-capture.js';

const MAX = 164;
/** Of 164 characters 64 are the marker's. */
const HEAD = 25;
const TAIL = 75;

function captured(...pieces: readonly string[]) {
  const capture = createTextCapture(MAX);
  for (const piece of pieces) capture.append(piece);
  return capture.result();
}
const letters = (count: number): string =>
  Array.from({ length: count }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');

describe('a text that is too long', () => {
  it.each([
    ['in one piece', [letters(1_000)]],
    ['letter by letter', letters(1_000).match(/./g) ?? []],
    ['in pieces shorter than its tail', letters(1_000).match(/.{1,74}/g) ?? []],
    ['in pieces as long as its tail', letters(1_000).match(/.{1,75}/g) ?? []],
    ['in pieces longer than its tail', letters(1_000).match(/.{1,160}/g) ?? []],
  ])('keeps its head, its tail and the number between, %s', (_, pieces) => {
    const whole = letters(1_000);
    expect(captured(...pieces)).toEqual({
      text: `${whole.slice(0, HEAD)}\n… 900 characters left out …\n${whole.slice(-TAIL)}`,
      droppedChars: 900,
    });
  });

  it('is whole up to the last character that fits', () => {
    expect(captured(letters(MAX))).toEqual({ text: letters(MAX), droppedChars: 0 });
    expect(captured(letters(MAX), 'x').droppedChars).toBe(MAX + 1 - HEAD - TAIL);
    expect(captured()).toEqual({ text: '', droppedChars: 0 });
  });

  it('can be looked at while more of it comes', () => {
    const capture = createTextCapture(MAX);
    capture.append(letters(MAX));
    expect(capture.result().droppedChars).toBe(0);
    capture.append('1');
    capture.append('2');
    expect(capture.result().text.endsWith('12')).toBe(true);
    capture.append('3');
    expect(capture.result()).toMatchObject({ droppedChars: MAX + 3 - HEAD - TAIL });
    expect(capture.result().text.endsWith('123')).toBe(true);
  });

  it.each([
    ['😀', '\udc00-\udfff'],
    ['\u{10000}', 'first'],
    ['\u{10ffff}', 'last'],
  ])('is not cut within %s', (character) => {
    const isWhole = (text: string): boolean => !/\p{Cs}/u.test(text);
    for (const before of ['', 'a']) {
      const { text, droppedChars } = captured(before + character.repeat(500));
      expect(isWhole(text)).toBe(true);
      const [head = '', tail = ''] = text.split(/\n… \d+ characters left out …\n/);
      expect(head.length).toBeGreaterThanOrEqual(HEAD - 1);
      expect(head.length).toBeLessThanOrEqual(HEAD);
      expect(tail.length).toBeGreaterThanOrEqual(TAIL - 1);
      expect(tail.length).toBeLessThanOrEqual(TAIL);
      expect(head.length + droppedChars + tail.length).toBe(before.length + 1_000);
    }
  });

  it('keeps a character that only borders on the halves of pairs', () => {
    const text = 'a'.repeat(HEAD) + '\ue000'.repeat(500);
    expect(captured(text).text.startsWith(`${'a'.repeat(HEAD)}\n`)).toBe(true);
    expect(
      captured('a'.repeat(HEAD - 1) + '\ue000'.repeat(500)).text.startsWith(
        `${'a'.repeat(HEAD - 1)}\ue000\n`,
      ),
    ).toBe(true);
  });
});

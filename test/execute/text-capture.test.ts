import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTextCapture } from '../../src/execute/text-capture.js';

const MAX = 1024;

describe('createTextCapture', () => {
  it('keeps everything up to the limit', () => {
    const capture = createTextCapture(MAX);
    capture.append('x'.repeat(MAX));
    expect(capture.result()).toEqual({ text: 'x'.repeat(MAX), droppedChars: 0 });
  });

  it('keeps head and tail, within the limit, and counts the rest exactly, however it is cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 700 }), { minLength: 1, maxLength: 12 }),
        (pieces) => {
          const capture = createTextCapture(MAX);
          for (const piece of pieces) capture.append(piece);
          const whole = pieces.join('');
          const { text, droppedChars } = capture.result();
          if (droppedChars === 0) {
            expect(text).toBe(whole);
            return;
          }
          const marker = `\n… ${String(droppedChars)} characters left out …\n`;
          const at = text.indexOf(marker);
          const head = text.slice(0, at);
          const tail = text.slice(at + marker.length);
          expect(text.length).toBeLessThanOrEqual(MAX);
          expect(whole.startsWith(head)).toBe(true);
          expect(whole.endsWith(tail)).toBe(true);
          expect(head.length + droppedChars + tail.length).toBe(whole.length);
        },
      ),
    );
  });

  it('does not cut a character in two', () => {
    const capture = createTextCapture(MAX);
    capture.append('a' + '😀'.repeat(2_000));
    const { text } = capture.result();
    expect(text).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/);
  });
});

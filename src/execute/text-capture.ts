/** Keeps the head and the tail of a text within a number of characters, and counts exactly what it leaves out. */

/** A bounded store of one stream's text. */
export interface TextCapture {
  append(text: string): void;
  result(): { readonly text: string; readonly droppedChars: number };
}

const MARKER_ROOM = 64;

const isLowSurrogate = (text: string, index: number): boolean => {
  const code = text.charCodeAt(index);
  return code >= 0xdc00 && code <= 0xdfff;
};

/** At most the first `maxChars` UTF-16 code units of a text, without half a character. */
export function headOf(text: string, maxChars: number): string {
  return text.slice(0, isLowSurrogate(text, maxChars) ? maxChars - 1 : maxChars);
}

/**
 * Holds at most `maxChars` UTF-16 code units, the marker between head and tail included. A quarter goes to the head: errors are
 * usually at the end.
 */
export function createTextCapture(maxChars: number): TextCapture {
  const headRoom = Math.floor((maxChars - MARKER_ROOM) / 4);
  const tailRoom = maxChars - MARKER_ROOM - headRoom;
  // Up to maxChars everything is kept; only beyond it is the middle cut out.
  let whole: string | null = '';
  let head = '';
  let tail = '';
  let total = 0;

  const trimTail = (): void => {
    if (tail.length <= tailRoom) return;
    const cut = tail.length - tailRoom;
    tail = tail.slice(isLowSurrogate(tail, cut) ? cut + 1 : cut);
  };

  return {
    append(text) {
      total += text.length;
      if (whole !== null) {
        whole += text;
        if (whole.length <= maxChars) return;
        head = headOf(whole, headRoom);
        tail = whole.slice(head.length);
        whole = null;
        trimTail();
        return;
      }
      tail = text.length < tailRoom ? tail + text : text;
      // Cut only now and then: cutting for each small piece would copy the tail every time.
      if (tail.length > tailRoom * 2) trimTail();
    },
    result() {
      if (whole !== null) return { text: whole, droppedChars: 0 };
      trimTail();
      const droppedChars = total - head.length - tail.length;
      return { text: `${head}\n… ${String(droppedChars)} characters left out …\n${tail}`, droppedChars };
    },
  };
}

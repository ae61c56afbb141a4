/** Cuts a stream of text into lines for live display. Bounded: a line that is too long is cut, between two characters. */

/** Lines longer than this in UTF-8 are cut into several. */
export const MAX_LINE_BYTES = 64 * 1024;

const encoder = new TextEncoder();
/** Scratch space of all splitters: it is used within one call only. */
const room = new Uint8Array(MAX_LINE_BYTES);

/** Feeds whole lines, without their line ends, to a listener. */
export interface LineSplitter {
  push(text: string): void;
  /** Hands out what is left without a line end. */
  flush(): void;
}

/** A splitter at `\n`; a `\r` before it is stripped. */
export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  let rest = '';
  let restBytes = 0;
  let isCut = false;
  const add = (piece: string): void => {
    let left = piece;
    let leftBytes = Buffer.byteLength(left);
    while (restBytes + leftBytes > MAX_LINE_BYTES) {
      const { read, written } = encoder.encodeInto(left, room.subarray(restBytes));
      onLine(rest + left.slice(0, read));
      isCut = true;
      rest = '';
      restBytes = 0;
      left = left.slice(read);
      leftBytes -= written;
    }
    rest += left;
    restBytes += leftBytes;
  };
  const emit = (): void => {
    const line = rest.endsWith('\r') ? rest.slice(0, -1) : rest;
    // Nothing but the line end is left of a line that was cut just before it.
    if (line !== '' || !isCut) onLine(line);
    rest = '';
    restBytes = 0;
    isCut = false;
  };
  return {
    push(text) {
      let from = 0;
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
        add(text.slice(from, end));
        emit();
        from = end + 1;
      }
      add(text.slice(from));
    },
    flush() {
      if (rest !== '') emit();
    },
  };
}

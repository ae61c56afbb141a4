/** Cuts a stream of text into lines for live display. Bounded: a line without an end is cut. */

/** Lines longer than this are cut into several. */
export const MAX_LINE_CHARS = 64 * 1024;

/** Feeds whole lines, without their line ends, to a listener. */
export interface LineSplitter {
  push(text: string): void;
  /** Hands out what is left without a line end. */
  flush(): void;
}

/** A splitter at `\n`; a `\r` before it is stripped. */
export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  let rest = '';
  const emit = (line: string): void => {
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  };
  return {
    push(text) {
      let from = 0;
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
        emit(rest + text.slice(from, end));
        rest = '';
        from = end + 1;
      }
      rest += text.slice(from);
      while (rest.length > MAX_LINE_CHARS) {
        emit(rest.slice(0, MAX_LINE_CHARS));
        rest = rest.slice(MAX_LINE_CHARS);
      }
    },
    flush() {
      if (rest !== '') emit(rest);
      rest = '';
    },
  };
}

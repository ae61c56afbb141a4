/** What becomes of a container's output: redacted, counted, kept, and handed on. Knows nothing of engines. */
import type { Redactor, RedactorStream } from '../base/redact.js';
import type { SecretScan } from '../base/secret-scan.js';
import type { OutputChunk } from '../engine/types.js';
import type { CapturedStream, LastLog } from '../result.js';
import { NO_LONGER_WANTED, within } from './deadline.js';
import { createLineSplitter, type LineSplitter } from './line-splitter.js';
import { createTextCapture, headOf, type TextCapture } from './text-capture.js';

type StreamName = OutputChunk['stream'];

/** Takes complete, redacted bytes; a promise is back-pressure. A sink that throws is let go of. */
export interface OutputSink {
  (bytes: Uint8Array): void | Promise<void>;
  /** No more will come. Settles when everything was taken, and lets go of the target; rejects if it failed. Absent: what was passed on was taken. */
  readonly end?: () => Promise<void>;
}

/** Who gets the output, and how much of it is kept. */
export interface OutputOptions {
  readonly redactor: Redactor;
  /** Told of every secret that is masked. */
  readonly scan: Readonly<Record<StreamName, SecretScan>>;
  readonly maxLogChars: number;
  readonly persistLogTail: boolean;
  /** Bytes of both streams together beyond which `onLimit` is called once; null: never. */
  readonly maxBytes: number | null;
  readonly onLimit: () => void;
  readonly onText: (stream: StreamName, text: string) => void;
  readonly onLine: ((line: { readonly stream: StreamName; readonly text: string }) => void) | null;
  readonly sinks: Readonly<Record<StreamName, OutputSink | null>>;
  readonly onSinkFailure: (stream: StreamName) => void;
  /**
   * Once aborted, a sink that does not take a piece within seconds is let go of: an engine whose reader is stuck neither kills nor removes
   * the container.
   */
  readonly stopSignal?: AbortSignal | undefined;
}

/** Output of one container. */
export interface OutputCollector {
  push(chunk: OutputChunk): Promise<void>;
  /** Flushes what redaction and decoding held back. Call once, at the end. */
  end(): Promise<void>;
  stream(name: StreamName): CapturedStream;
  /** stderr's last line before stdout's. */
  lastLog(): LastLog | null;
}

interface StreamState {
  readonly name: StreamName;
  readonly redaction: RedactorStream;
  readonly decoder: InstanceType<typeof TextDecoder>;
  readonly lines: LineSplitter;
  readonly kept: TextCapture;
  sink: OutputSink | null;
  totalBytes: number;
  lastLine: string | null;
}

const LAST_LINE_CHARS = 4096;
/** What a sink may take for one piece after a stop or at the end. */
const SINK_PATIENCE_MS = 2_000;
/** How long a sink that took everything may go on before nobody waits for the failure of a write. */
const SINK_END_MS = 1_000;

/** A collector for one container's two streams. */
export function createOutputCollector(options: OutputOptions): OutputCollector {
  const createState = (name: StreamName): StreamState => {
    const state: StreamState = {
      name,
      redaction: options.redactor.stream(options.scan[name].lookAt),
      decoder: new TextDecoder('utf-8'),
      kept: createTextCapture(options.maxLogChars),
      lines: createLineSplitter((text) => {
        if (text.trim() !== '') state.lastLine = headOf(text, LAST_LINE_CHARS);
        options.onLine?.({ stream: name, text });
      }),
      sink: options.sinks[name],
      totalBytes: 0,
      lastLine: null,
    };
    return state;
  };
  const streams: Readonly<Record<StreamName, StreamState>> = {
    stdout: createState('stdout'),
    stderr: createState('stderr'),
  };
  let limitReported = false;
  const hurry = new AbortController();
  const hurryUp = (): void => {
    hurry.abort(NO_LONGER_WANTED);
  };
  if (options.stopSignal?.aborted === true) hurryUp();
  options.stopSignal?.addEventListener('abort', hurryUp, { once: true });

  const passToSink = async (state: StreamState, bytes: Uint8Array): Promise<void> => {
    const { sink } = state;
    if (sink === null || bytes.length === 0) return;
    try {
      await unlessLate(sink(bytes), hurry.signal);
    } catch {
      // Two pieces may wait for one sink; its failure is told once.
      if (state.sink === null) return;
      letGo(state);
      sink.end?.().catch(() => undefined);
    }
  };
  const letGo = (state: StreamState): void => {
    state.sink = null;
    options.onSinkFailure(state.name);
  };
  const endSink = async (state: StreamState): Promise<void> => {
    const ending = state.sink?.end?.();
    if (ending === undefined) return;
    try {
      await within(SINK_END_MS, ending);
    } catch {
      letGo(state);
    }
  };

  const passText = (state: StreamState, text: string): void => {
    if (text === '') return;
    state.kept.append(text);
    state.lines.push(text);
    options.onText(state.name, text);
  };

  return {
    async push(chunk) {
      const state = streams[chunk.stream];
      state.totalBytes += chunk.bytes.length;
      const written = streams.stdout.totalBytes + streams.stderr.totalBytes;
      if (options.maxBytes !== null && written > options.maxBytes && !limitReported) {
        limitReported = true;
        options.onLimit();
      }
      const bytes = state.redaction.push(chunk.bytes);
      passText(state, state.decoder.decode(bytes, { stream: true }));
      await passToSink(state, bytes);
    },
    async end() {
      options.stopSignal?.removeEventListener('abort', hurryUp);
      hurryUp();
      for (const state of [streams.stdout, streams.stderr]) {
        const bytes = state.redaction.flush();
        passText(state, state.decoder.decode(bytes));
        state.lines.flush();
        await passToSink(state, bytes);
      }
      await Promise.all([endSink(streams.stdout), endSink(streams.stderr)]);
    },
    stream(name) {
      const state = streams[name];
      const { text, droppedChars } = state.kept.result();
      return { text: options.persistLogTail ? text : null, totalBytes: state.totalBytes, droppedChars };
    },
    lastLog() {
      for (const source of ['stderr', 'stdout'] as const) {
        const line = streams[source].lastLine;
        if (line !== null) return { source, line };
      }
      return null;
    },
  };
}

/** Settles as the sink does; rejects when it takes too long after the signal. */
async function unlessLate(taking: void | Promise<void>, hurry: AbortSignal): Promise<void> {
  if (taking === undefined) return;
  await new Promise<void>((resolve, reject) => {
    let patience: NodeJS.Timeout | undefined;
    const settle = (finish: () => void): void => {
      clearTimeout(patience);
      hurry.removeEventListener('abort', onHurry);
      finish();
    };
    const onHurry = (): void => {
      patience = setTimeout(() => {
        settle(() => {
          reject(new Error('the sink is stuck'));
        });
      }, SINK_PATIENCE_MS);
    };
    taking.then(
      () => {
        settle(resolve);
      },
      (error: unknown) => {
        settle(() => {
          reject(error instanceof Error ? error : new Error(String(error)));
        });
      },
    );
    if (hurry.aborted) onHurry();
    else hurry.addEventListener('abort', onHurry, { once: true });
  });
}

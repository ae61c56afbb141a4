/** The events of one run, replayed from the start for any number of readers within bounded memory. Not a transport. */
import type { RunEvent } from './events.js';

/** Appends events and hands them to readers. */
export interface EventLog {
  append(event: RunEvent): void;
  /** Every iteration begins at `run_start` and ends after `run_end`; it never throws. */
  readonly events: AsyncIterable<RunEvent>;
}

type OutputEvent = Extract<RunEvent, { type: 'output' }>;
type StreamName = OutputEvent['stream'];
interface LifeCycleEntry {
  readonly sequence: number;
  readonly event: RunEvent;
}
interface OutputEntry {
  readonly sequence: number;
  readonly event: OutputEvent;
  readonly bytes: number;
  /** Bytes of the same stream before this entry: a reader that saw fewer has missed some. */
  readonly before: number;
}

/** A piece of output may be one byte long, and then its event takes far more memory than its text. */
const MOST_OUTPUT_EVENTS = 8192;

/**
 * Life-cycle events are all kept; output only up to `maxOutputBytes` and some thousand events, the oldest goes first. A reader that comes too late for some
 * output, because it is new or slow, gets one `output_dropped` with the exact number of bytes instead.
 */
export function createEventLog(maxOutputBytes: number): EventLog {
  const lifeCycle: LifeCycleEntry[] = [];
  let output: (OutputEntry | undefined)[] = [];
  let firstKept = 0;
  let keptBytes = 0;
  let sequence = 0;
  let ended = false;
  const written: Record<StreamName, number> = { stdout: 0, stderr: 0 };
  let wake: PromiseWithResolver = promiseWithResolver();

  const forgetOldOutput = (): void => {
    const isTooMuch = (): boolean =>
      keptBytes > maxOutputBytes || output.length - firstKept > MOST_OUTPUT_EVENTS;
    while (isTooMuch() && firstKept < output.length - 1) {
      keptBytes -= output[firstKept]?.bytes ?? 0;
      // Let go of at once: the array itself is shortened only now and then.
      output[firstKept] = undefined;
      firstKept += 1;
    }
    if (firstKept > 1024 && firstKept * 2 > output.length) {
      output = output.slice(firstKept);
      firstKept = 0;
    }
  };

  const append = (event: RunEvent): void => {
    if (ended) return;
    if (event.type === 'output') {
      const bytes = Buffer.byteLength(event.text);
      output.push({ sequence, event, bytes, before: written[event.stream] });
      written[event.stream] += bytes;
      keptBytes += bytes;
      forgetOldOutput();
    } else {
      lifeCycle.push({ sequence, event });
    }
    sequence += 1;
    ended = event.type === 'run_end';
    const waiting = wake;
    wake = promiseWithResolver();
    waiting.resolve();
  };

  const nextOutput = (from: number): OutputEntry | undefined => {
    let low = firstKept;
    let high = output.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((output[middle]?.sequence ?? 0) < from) low = middle + 1;
      else high = middle;
    }
    return output[low];
  };

  async function* read(): AsyncGenerator<RunEvent, void, undefined> {
    let position = 0;
    let nextLifeCycle = 0;
    const seen: Record<StreamName, number> = { stdout: 0, stderr: 0 };
    const missed = (stream: StreamName, upTo: number, like: RunEvent): RunEvent | null => {
      const bytes = upTo - seen[stream];
      seen[stream] = upTo;
      if (bytes <= 0) return null;
      const { runId, attempt, at, metadata } = like;
      return { type: 'output_dropped', runId, attempt, at, metadata, stream, bytes };
    };
    for (;;) {
      const changed = wake.promise;
      const event = lifeCycle[nextLifeCycle];
      const chunk = nextOutput(position);
      if (chunk !== undefined && (event === undefined || chunk.sequence < event.sequence)) {
        const gap = missed(chunk.event.stream, chunk.before, chunk.event);
        position = chunk.sequence + 1;
        seen[chunk.event.stream] = chunk.before + chunk.bytes;
        if (gap !== null) yield gap;
        yield chunk.event;
      } else if (event !== undefined) {
        position = event.sequence + 1;
        nextLifeCycle += 1;
        if (event.event.type === 'run_end') {
          for (const stream of ['stdout', 'stderr'] as const) {
            const gap = missed(stream, written[stream], event.event);
            if (gap !== null) yield gap;
          }
          yield event.event;
          return;
        }
        yield event.event;
      } else {
        await changed;
      }
    }
  }

  return { append, events: { [Symbol.asyncIterator]: read } };
}

interface PromiseWithResolver {
  readonly promise: Promise<void>;
  resolve(): void;
}

function promiseWithResolver(): PromiseWithResolver {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return {
    promise,
    resolve: () => {
      resolve();
    },
  };
}

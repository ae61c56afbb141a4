/** What ends a run from outside, recorded once: the first cause wins, before any signal is sent. */
import type { Evidence, Reason } from '../result.js';

/** Why a run is to end before the job does. */
export interface StopCause {
  readonly reason: Extract<
    Reason,
    | 'cancelled'
    | 'runtime_shutdown'
    | 'timed_out'
    | 'idle_timed_out'
    | 'log_limit_exceeded'
    | 'disk_limit_exceeded'
    | 'evicted'
    | 'output_limit_exceeded'
    | 'queue_expired'
  >;
  readonly by: Evidence['by'];
  /** In words, for the result's message. */
  readonly message: string;
}

/** A cause and when it was recorded. */
export interface RecordedStop extends StopCause {
  /** ISO time on this host. */
  readonly at: string;
}

/** The one place a run learns that it is to end. */
export interface StopSource {
  /** Aborted with an `AbortError` whose message is the cause's. */
  readonly signal: AbortSignal;
  readonly cause: RecordedStop | null;
  /** Only the first call counts. */
  stop(cause: StopCause): void;
}

/**
 * A fresh source; `timestamp` gives the ISO time of now. With a `parent` it stops, for the same cause, when that does; not the other way round.
 */
export function createStopSource(timestamp: () => string, parent?: StopSource): StopSource {
  const controller = new AbortController();
  let cause: RecordedStop | null = null;
  const record = (next: RecordedStop): void => {
    if (cause !== null) return;
    cause = next;
    controller.abort(new DOMException(next.message, 'AbortError'));
  };
  const follow = (): void => {
    if (parent?.cause != null) record(parent.cause);
  };
  follow();
  parent?.signal.addEventListener('abort', follow, { once: true, signal: controller.signal });
  return {
    signal: controller.signal,
    get cause() {
      return cause;
    },
    stop: (next) => {
      record({ ...next, at: timestamp() });
    },
  };
}

/** The words for an abort reason, whatever was given as one. */
export function describeAbort(reason: unknown): string {
  const words: unknown = reason instanceof Error ? reason.message : reason;
  return typeof words === 'string' ? words : 'cancelled by the caller';
}

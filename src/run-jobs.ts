/** Many definitions out of a source that may never end: a window of runs that moves over it. It has no queue of its own. */
import { type AnyJobRuntimeError, ValidationError } from './errors.js';
import { describeAbort } from './execute/stop.js';
import type { RunResult } from './result.js';
import type { RunHandle } from './run-handle.js';
import { given, type RunJobsOptions, seriesProblem, sharedOptions } from './run-jobs-options.js';
import type { RunOptions } from './run-options.js';

/** What became of one definition: a result, or the error that `runJob` would have thrown. */
export type JobOutcome<D = unknown> = {
  /** Position in the source, from 0. */
  readonly index: number;
  readonly definition: D;
} & (
  | { readonly ok: true; readonly result: RunResult }
  | { readonly ok: false; readonly error: AnyJobRuntimeError }
);

/** What a series needs of its runtime. */
export interface JobStarter {
  /** Begins a run that waits for its place patiently. */
  start(definition: unknown, options: RunOptions): RunHandle;
  /** Why no run at all would be taken any more; null while they are. */
  refusal(): Error | null;
  /** Runs at one time. */
  readonly maxConcurrentRuns: number;
}

/** Definitions in any of the ways JavaScript has for a sequence. */
export type Definitions<D> = Iterable<D> | AsyncIterable<D>;

/** One series under way. */
interface Series<D> {
  /** The next outcome; null when all were handed out. Rejects with what ended the series early, when everything is cleaned up. */
  next(): Promise<JobOutcome<D> | null>;
  /** Hands out no more, from now on; `next` answers null at once. */
  breakOff(): void;
  /** Ends what is under way, and resolves when it is cleaned up and the source let go of. */
  end(): Promise<void>;
}

/**
 * Runs definitions as places become free and hands out what became of them as they end. At most one definition waits for its place, and
 * together with those that run and those that ended and are not handed out yet there are never more than `maxConcurrentRuns`: neither an endless
 * source nor a slow reader costs memory. Begins with the first `next`, and can be gone through once.
 */
export function runJobs<D>(
  starter: JobStarter,
  definitions: Definitions<D>,
  options: RunJobsOptions<D>,
): AsyncIterableIterator<JobOutcome<D>> {
  const series = createSeries(starter, definitions, options);
  async function* outcomes(): AsyncGenerator<JobOutcome<D>, undefined, undefined> {
    try {
      for (;;) {
        const outcome = await series.next();
        if (outcome === null) return;
        yield outcome;
      }
    } finally {
      await series.end();
    }
  }
  const generator = outcomes();
  return {
    next: async () => generator.next(),
    // A generator answers `return` only after a `next` that is under way, which may take as long as a run.
    async return() {
      series.breakOff();
      return generator.return(undefined);
    },
    async throw(error: unknown) {
      series.breakOff();
      return generator.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function createSeries<D>(
  starter: JobStarter,
  definitions: Definitions<D>,
  asked: RunJobsOptions<D>,
): Series<D> {
  const problem = seriesProblem(asked);
  const options = problem === null ? asked : {};
  const live = new Set<RunHandle>();
  const ready: JobOutcome<D>[] = [];
  const change = createChange();
  const source = createSource(definitions);
  /** Read and not handed out. */
  let underWay = 0;
  let isReading = false;
  let hasBegun = false;
  let isStopped = false;
  let isBrokenOff = false;
  let failure: { readonly error: unknown } | null = null;

  const cancelLive = (reason: string): void => {
    for (const handle of live) handle.cancel(reason);
  };
  const mayRead = (): boolean => !isStopped;
  const stopReading = (): void => {
    isStopped = true;
    change.announce();
  };
  const onAbort = (): void => {
    stopReading();
    cancelLive(describeAbort(options.signal?.reason));
  };

  /** Begins one run and resolves when it has its place, or is over without one. */
  const begin = async (definition: D, index: number, runOptions: RunOptions): Promise<void> =>
    new Promise((resolve) => {
      const onEvent: RunOptions['onEvent'] = (event) => {
        if (event.type === 'queue_end') resolve();
        runOptions.onEvent?.(event);
      };
      const handle = starter.start(definition, { ...runOptions, onEvent });
      live.add(handle);
      const end = (outcome: JobOutcome<D>): void => {
        live.delete(handle);
        ready.push(outcome);
        change.announce();
        resolve();
      };
      handle.result.then(
        (result) => {
          end({ index, definition, ok: true, result });
        },
        (error: unknown) => {
          // Whatever a run rejects with was made one of ours.
          end({ index, definition, ok: false, error: error as AnyJobRuntimeError });
        },
      );
    });

  const readAll = async (): Promise<void> => {
    if (problem !== null) throw problem;
    const shared = sharedOptions(options);
    for (let index = 0; ; index += 1) {
      while (underWay >= starter.maxConcurrentRuns && mayRead()) await change.next();
      if (!mayRead()) return;
      const refusal = starter.refusal();
      if (refusal !== null) {
        failure = { error: refusal };
        return;
      }
      const read = await source.next();
      if (read === null || !mayRead()) return;
      const runOptions = { ...shared, ...given(options.each?.(read.definition, index) ?? {}) };
      underWay += 1;
      await begin(read.definition, index, runOptions);
    }
  };
  const read = async (): Promise<void> => {
    if (options.signal?.aborted === true) onAbort();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await readAll();
    } catch (error) {
      failure = { error };
      cancelLive('the source of definitions failed');
    } finally {
      isReading = false;
      change.announce();
    }
  };

  return {
    async next() {
      if (!hasBegun) {
        hasBegun = true;
        isReading = true;
        void read();
      }
      for (;;) {
        if (isBrokenOff) return null;
        const outcome = ready.shift();
        if (outcome !== undefined) {
          // It counts until its reader has it, so that who counts what was read and what came never finds more between the two.
          setImmediate(() => {
            underWay -= 1;
            change.announce();
          });
          return outcome;
        }
        const isOver = (!isReading || isStopped) && live.size === 0;
        if (isOver && failure !== null) throw failure.error;
        if (isOver) return null;
        await change.next();
      }
    },
    breakOff() {
      isBrokenOff = true;
      stopReading();
    },
    async end() {
      stopReading();
      options.signal?.removeEventListener('abort', onAbort);
      cancelLive('the series of runs was broken off');
      while (live.size > 0) await change.next();
      try {
        await source.letGo();
      } catch (error) {
        // What ended the series early comes first.
        if (failure === null) throw error;
      }
    },
  };
}

/** A source that is read once, one by one. */
interface Source<D> {
  /** Null when there are no more. */
  next(): Promise<{ readonly definition: D } | null>;
  /** Tells the source that no more is read. Idempotent; without effect on one that has come to its end. */
  letGo(): Promise<void>;
}

function createSource<D>(definitions: Definitions<D>): Source<D> {
  let open: AsyncIterator<D> | Iterator<D> | null = null;
  let isBusy = false;
  return {
    async next() {
      const iterator = (open ??= iteratorOf(definitions));
      isBusy = true;
      try {
        const step: IteratorResult<D, unknown> = await iterator.next();
        if (step.done !== true) return { definition: step.value };
        open = null;
        return null;
      } catch (error) {
        // An iterator that threw has ended by itself.
        open = null;
        throw error;
      } finally {
        isBusy = false;
      }
    },
    async letGo() {
      const iterator = open;
      open = null;
      const answer = (async () => iterator?.return?.())();
      // A generator answers only when the read that is under way has come to something, which it may never.
      if (isBusy) answer.catch(() => undefined);
      else await answer;
    },
  };
}

function iteratorOf<D>(definitions: Definitions<D>): AsyncIterator<D> | Iterator<D> {
  const given = definitions as Partial<Iterable<D> & AsyncIterable<D>> | null | undefined;
  const iterator = given?.[Symbol.asyncIterator]?.() ?? given?.[Symbol.iterator]?.();
  if (iterator !== undefined) return iterator;
  throw new ValidationError('validation.invalid_job', 'definitions must be an iterable or an async iterable');
}

/** Something that changes now and then. */
interface Change {
  announce(): void;
  /** Resolves with the next change. */
  next(): Promise<void>;
}

function createChange(): Change {
  let waiting: (() => void)[] = [];
  return {
    announce() {
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
    next: async () =>
      new Promise((resolve) => {
        waiting.push(resolve);
      }),
  };
}

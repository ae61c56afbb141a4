/** What is recorded of a scene, as data: what was asked for, everything that happened, and what is there in the end. It judges nothing. */
import type { RunEvent, RunOutcome, RunStepName } from 'berthkit';
import type { FaultName } from './faults.js';

/** A run as its caller asked for it. */
export interface AskedRun {
  readonly runId: string;
  /** The run whose idempotency key it came with as the second caller; null for every other. */
  readonly joins: string | null;
  /** Objects that a success has published, by path. */
  readonly outputs: readonly string[];
  /** Whether its outputs become visible together or not at all. */
  readonly isTransaction: boolean;
  readonly maxAttempts: number;
  /** How it ends if nothing keeps it from that, in the word of `wordFor`; null where that is open. */
  readonly comesTo: string | null;
}

/** One thing that was recorded, in order. JSON-safe. */
export type HistoryEntry =
  | { readonly kind: 'asked'; readonly run: AskedRun }
  | { readonly kind: 'step'; readonly runId: string; readonly attempt: number; readonly step: RunStepName }
  | { readonly kind: 'event'; readonly event: RunEvent }
  /** What the caller's promise came to. */
  | { readonly kind: 'settled'; readonly runId: string; readonly outcome: RunOutcome }
  | { readonly kind: 'struck'; readonly fault: FaultName; readonly step: RunStepName; readonly runId: string }
  /** The process that had the runs was killed. */
  | { readonly kind: 'process_died' }
  /** By the engine's own events. */
  | {
      readonly kind: 'container';
      readonly runId: string;
      readonly attempt: number;
      readonly what: 'start' | 'die';
      readonly exitCode: number | null;
    }
  /** The engine's events were not heard for a while. */
  | { readonly kind: 'engine_unheard' }
  /** A call to the engine as it came over the socket; of a creation without its environment, which holds secrets on purpose. */
  | { readonly kind: 'call'; readonly method: string; readonly target: string; readonly body: string }
  | { readonly kind: 'stored'; readonly runId: string; readonly end: RunOutcome | null }
  /** A storage was asked to take an object. */
  | {
      readonly kind: 'written';
      readonly runId: string;
      readonly attempt: string;
      readonly path: string;
      readonly key: string;
    }
  | { readonly kind: 'published'; readonly runId: string; readonly path: string; readonly sha256: string }
  /** Something that should be gone. `runId` null: nobody's in particular. */
  | {
      readonly kind: 'left';
      readonly what:
        | 'container'
        | 'volume'
        | 'workspace'
        | 'secret'
        | 'object'
        | 'descriptor'
        | 'timer'
        | 'claim'
        | 'runtime';
      readonly name: string;
      readonly runId: string | null;
    }
  /** Something that is not berthkit's: what it was before and is now. */
  | {
      readonly kind: 'bystander';
      readonly name: string;
      readonly before: string;
      readonly after: string;
    }
  /** It has not ended, nor come to another step, in the time that it has for that after its last one; null: it came to none. */
  | {
      readonly kind: 'unsettled';
      readonly runId: string;
      readonly lastStep: RunStepName | null;
      readonly afterMs: number;
    };

/** A recorded scene. */
export interface History {
  readonly entries: readonly HistoryEntry[];
  /** Apart from what is searched for them. */
  readonly secrets: readonly { readonly runId: string; readonly value: string }[];
}

/** Takes entries in their order. */
export type Recorder = (entry: HistoryEntry) => void;

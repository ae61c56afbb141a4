/** What is seen of a run besides its outcome, and how it is told as evidence. Pure. */
import type { Evidence } from '../result.js';
import { signalNumbered } from './signals.js';

/** Something that bears on who ended a run. */
export type SightingFact =
  | { readonly kind: 'signal_sent'; readonly signal: string }
  /** The last means against a container that SIGKILL did not end. */
  | { readonly kind: 'removed_by_force' }
  | { readonly kind: 'engine_lost' }
  | { readonly kind: 'engine_back' }
  /** Only the connection was lost: the engine remembers the start of the container. */
  | { readonly kind: 'engine_stayed' }
  /** It does not remember the start. `sawTheEnd`: the container ended after that; `endsContainers`: a restart ends what runs, as far as known. */
  | { readonly kind: 'engine_restarted'; readonly sawTheEnd: boolean; readonly endsContainers: boolean }
  /** The engine remembers that a process was killed for lack of memory. */
  | { readonly kind: 'out_of_memory' }
  /** It remembers a signal that was not ours, by number if it says which. */
  | { readonly kind: 'signal_through_engine'; readonly signal: number | null }
  /** It remembers more than one start, of which only the first was ours. */
  | { readonly kind: 'started_again' }
  /** It remembers a removal that was not ours. */
  | { readonly kind: 'removed_through_engine' };

/** A fact and when it was noticed: ISO time on this host. */
export type Sighting = SightingFact & { readonly at: string };

/** Who is behind what cannot be told from the sighting alone. */
export interface Actors {
  /** Who had the run stopped: what we do to a container, we do for them. */
  readonly stoppedBy: Evidence['by'];
  /** Who sent signals through the engine: somebody else, or an engine that was restarted. */
  readonly signaledBy: Evidence['by'];
}

/** One sighting as evidence. */
export function toEvidence(sighting: Sighting, { stoppedBy, signaledBy }: Actors): Evidence {
  const evidence = (by: Evidence['by'], what: string): Evidence => ({ by, what, at: sighting.at });
  switch (sighting.kind) {
    case 'signal_sent':
      return evidence(stoppedBy, `${sighting.signal} was sent`);
    case 'removed_by_force':
      return evidence(stoppedBy, 'the container was removed by force');
    case 'engine_lost':
      return evidence('engine', 'the engine could not be reached');
    case 'engine_back':
      return evidence('engine', 'the engine answered again');
    case 'engine_stayed':
      return evidence('engine', 'the engine was there all the time: only the connection was lost');
    case 'engine_restarted':
      return evidence(
        'engine',
        sighting.endsContainers
          ? 'the engine was restarted, which ends what runs on it'
          : 'the engine was restarted, and what runs on it goes on',
      );
    case 'out_of_memory':
      return evidence('kernel', 'the engine noticed a kill for lack of memory');
    case 'signal_through_engine':
      return evidence(
        signaledBy,
        `${signalNumbered(sighting.signal)} was sent through the engine, not by us`,
      );
    case 'started_again':
      return evidence('stranger', 'the container was started again through the engine, not by us');
    case 'removed_through_engine':
      return evidence('stranger', 'the container was removed through the engine, not by us');
  }
}

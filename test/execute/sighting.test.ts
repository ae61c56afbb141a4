/** What was seen of a run is told as evidence: of whom, in words, and when. */
import { describe, expect, it } from 'vitest';
import { type SightingFact, toEvidence } from '../../src/execute/sighting.js';
import { signalNumbered, signalOf, wasSignaled } from '../../src/execute/signals.js';

const AT = '2026-01-02T03:04:05.000Z';
const ACTORS = { stoppedBy: 'deadline', signaledBy: 'stranger' } as const;
const restarted = (endsContainers: boolean): SightingFact => ({
  kind: 'engine_restarted',
  sawTheEnd: true,
  endsContainers,
});

describe('evidence', () => {
  it.each<readonly [fact: SightingFact, by: string, what: string]>([
    [{ kind: 'signal_sent', signal: 'SIGTERM' }, 'deadline', 'SIGTERM was sent'],
    [{ kind: 'removed_by_force' }, 'deadline', 'the container was removed by force'],
    [{ kind: 'engine_lost' }, 'engine', 'the engine could not be reached'],
    [{ kind: 'engine_back' }, 'engine', 'the engine answered again'],
    [{ kind: 'engine_stayed' }, 'engine', 'the engine was there all the time: only the connection was lost'],
    [restarted(true), 'engine', 'the engine was restarted, which ends what runs on it'],
    [restarted(false), 'engine', 'the engine was restarted, and what runs on it goes on'],
    [{ kind: 'out_of_memory' }, 'kernel', 'the engine noticed a kill for lack of memory'],
    [
      { kind: 'signal_through_engine', signal: 15 },
      'stranger',
      'SIGTERM was sent through the engine, not by us',
    ],
    [{ kind: 'started_again' }, 'stranger', 'the container was started again through the engine, not by us'],
    [
      { kind: 'removed_through_engine' },
      'stranger',
      'the container was removed through the engine, not by us',
    ],
  ])('of %j is by %s: %s', (fact, by, what) => {
    expect(toEvidence({ ...fact, at: AT }, ACTORS)).toEqual({ by, what, at: AT });
  });

  it('of a signal through an engine that was restarted is the engine’s', () => {
    const fact = { kind: 'signal_through_engine', signal: 15, at: AT } as const;
    expect(toEvidence(fact, { ...ACTORS, signaledBy: 'engine' }).by).toBe('engine');
  });
});

describe('a signal', () => {
  it.each([
    [1, 'SIGHUP', true],
    [2, 'SIGINT', true],
    [3, 'SIGQUIT', true],
    [4, 'SIGILL', false],
    [6, 'SIGABRT', false],
    [7, 'SIGBUS', false],
    [8, 'SIGFPE', false],
    [9, 'SIGKILL', true],
    [10, 'SIGUSR1', true],
    [11, 'SIGSEGV', false],
    [12, 'SIGUSR2', true],
    [13, 'SIGPIPE', false],
    [14, 'SIGALRM', false],
    [15, 'SIGTERM', true],
    [24, 'SIGXCPU', false],
    [25, 'SIGXFSZ', false],
    [31, 'SIGSYS', false],
  ])('%i is %s, and is sent by others: %s (signal(7))', (number, name, isSent) => {
    expect([signalNumbered(number), signalOf(128 + number)]).toEqual([name, name]);
    expect(wasSignaled(128 + number)).toBe(isSent);
  });

  it('without a name is told by its number, and without a number as such', () => {
    expect([signalNumbered(34), signalNumbered(null)]).toEqual(['signal 34', 'a signal']);
    expect([signalOf(3), signalOf(128), signalOf(null), wasSignaled(null), wasSignaled(3)]).toEqual([
      null,
      null,
      null,
      false,
      false,
    ]);
  });
});

/** What the first piece of evidence says in words, and what a verdict tells beside it. */
import { describe, expect, it } from 'vitest';
import type { ContainerInfo } from '../../src/engine/types.js';
import type { Sighting, SightingFact } from '../../src/execute/sighting.js';
import { judgeEnd, type Observation } from '../../src/execute/verdict.js';

const AT = '2026-01-02T03:04:05.000Z';
const TINI = '[FATAL tini (7)] exec nope failed: No such file or directory';
const CATATONIT = 'ERROR (catatonit:6): failed to exec pid1: ';
const STOP = { reason: 'cancelled', by: 'caller', message: 'enough', at: AT } as const;

const ended = (exitCode: number | null, fields: Partial<ContainerInfo> = {}): ContainerInfo => ({
  ...{ id: 'a'.repeat(64), name: 'n', imageId: 'sha256:i', status: 'exited', startedAt: AT, finishedAt: AT },
  ...{ exitCode, oomKilled: false, error: '', labels: {}, applied: null },
  ...fields,
});
const saw = (...facts: readonly SightingFact[]): readonly Sighting[] =>
  facts.map((fact) => ({ ...fact, at: AT }));
const judge = (fields: Partial<Observation>) =>
  judgeEnd({
    ...{ stop: null, info: ended(0), startExitCode: null, lastErrorLine: null, sightings: [], at: AT },
    ...fields,
  });
const LOST: SightingFact = { kind: 'engine_lost' };

describe('the words of a verdict', () => {
  it.each<[string, Partial<Observation>, string]>([
    ['own exit code', { info: ended(3) }, 'exit code 3'],
    ['a signal', { info: ended(143) }, 'ended by SIGTERM'],
    [
      'gone with the engine',
      { info: null, sightings: saw(LOST, { kind: 'engine_back' }) },
      'the container was gone after the engine had been away',
    ],
    [
      'given up on with the engine',
      { info: null, sightings: saw(LOST) },
      'the engine stayed away, and nobody saw the end',
    ],
    [
      'started again',
      { info: ended(0), sightings: saw({ kind: 'started_again' }) },
      'the container was ended and started again while it ran',
    ],
    ['removed', { info: null }, 'the container was removed while it ran'],
    ['being removed', { info: ended(null, { status: 'removing' }) }, 'the container is being removed'],
    ['without an exit code', { info: ended(null) }, 'the container is "exited" and has no exit code'],
    [
      'dead without a start',
      { info: ended(0, { status: 'dead', startedAt: null }) },
      'the container is "dead" and has no exit code',
    ],
    [
      'killed while the engine was away',
      { info: ended(137), sightings: saw(LOST) },
      'exit code 137 after the engine had been away',
    ],
    [
      'ended by a restart',
      {
        info: ended(0),
        sightings: saw(LOST, { kind: 'engine_restarted', sawTheEnd: false, endsContainers: true }),
      },
      'exit code 0 when the engine was restarted',
    ],
    [
      'killed by the kernel',
      { info: ended(137, { oomKilled: true }) },
      'exit code 137: killed for lack of memory',
    ],
    [
      'killed by the kernel, as events tell',
      { info: ended(137), sightings: saw({ kind: 'out_of_memory' }) },
      'exit code 137: killed for lack of memory',
    ],
    [
      'killed by who knows whom',
      { info: ended(137) },
      'exit code 137: killed from outside, or unseen for lack of memory',
    ],
    [
      'killed through the engine',
      { info: ended(137), sightings: saw({ kind: 'signal_through_engine', signal: 9 }) },
      'exit code 137: killed through the engine',
    ],
  ])('%s', (_, observation, what) => {
    expect(judge(observation).evidence[0]?.what).toBe(what);
  });

  it.each([
    ['what the engine says', ended(null, { error: 'no such file' }), 'no such file'],
    ['no more than that where it says nothing', ended(null), 'the start was refused'],
    ['no more than that where it is gone', null, 'the start was refused'],
  ])('of a refused start are %s, also after a stop', (_, info, what) => {
    const refused = judge({ info, startExitCode: 126 });
    expect(refused).toMatchObject({
      reason: 'start_failed',
      exitCode: 126,
      evidence: [{ by: 'engine', what }],
    });
    if (info === null) return;
    const stopped = judge({ stop: STOP, info, startExitCode: 126 });
    expect(stopped.evidence).toEqual([
      { by: 'caller', what: 'enough', at: AT },
      { by: 'engine', what, at: AT },
    ]);
  });
});

describe('the word of the init process', () => {
  it.each([126, 127])('is a refused start with exit code %s', (exitCode) => {
    const { reason, evidence } = judge({ info: ended(exitCode), lastErrorLine: TINI });
    expect([reason, evidence[0]]).toEqual(['start_failed', { by: 'engine', what: TINI, at: AT }]);
  });

  it.each([
    [127, 'No such file or directory'],
    [126, 'Permission denied'],
    [126, 'Exec format error'],
  ])('is a refused start with exit code %s also where that exits 1: %s', (code, why) => {
    const lastErrorLine = `${CATATONIT}${why}`;
    const { reason, exitCode, evidence } = judge({ info: ended(1), lastErrorLine });
    expect([reason, exitCode]).toEqual(['start_failed', code]);
    expect(evidence[0]).toEqual({ by: 'engine', what: lastErrorLine, at: AT });
  });

  it.each<[string, number, string | null]>([
    ['with another exit code', 1, TINI],
    ['where something else is said', 126, 'sh: nope: not found'],
    ['where nothing is said', 127, null],
    ['where a job says so in the middle of a line', 127, `it said ${TINI}`],
    ['with another exit code than Podman’s', 127, `${CATATONIT}Permission denied`],
    ['where nothing follows', 1, CATATONIT],
    ['where a job says so of Podman’s in the middle of a line', 1, `it said ${CATATONIT}x`],
  ])('is the job’s own end %s', (_, exitCode, lastErrorLine) => {
    expect(judge({ info: ended(exitCode), lastErrorLine }).reason).toBe('non_zero_exit');
  });
});

describe('an engine that was restarted, and saw the end', () => {
  const restarted: SightingFact = { kind: 'engine_restarted', sawTheEnd: true, endsContainers: true };

  it('has ended the container only if it sent it a signal', () => {
    const own = judge({ info: ended(0), sightings: saw(LOST, restarted) });
    expect(own.reason).toBe('completed');
    const sent = saw(LOST, restarted, { kind: 'signal_through_engine', signal: 15 });
    const { reason, evidence } = judge({ info: ended(0), sightings: sent });
    expect(reason).toBe('interrupted');
    expect(evidence.at(-1)?.by).toBe('engine');
  });
});

describe('a verdict', () => {
  it.each<[Partial<Observation>, unknown]>([
    [{ info: ended(137, { oomKilled: true }) }, { exitCode: 137, signal: 'SIGKILL', oomKilled: true }],
    [
      { info: ended(137), sightings: saw({ kind: 'out_of_memory' }) },
      { exitCode: 137, oomKilled: true },
    ],
    [{ info: ended(3) }, { exitCode: 3, signal: null, oomKilled: false }],
    [{ info: null }, { exitCode: null, signal: null, oomKilled: null }],
    [
      { info: ended(null), startExitCode: 127 },
      { exitCode: 127, signal: null, oomKilled: false },
    ],
  ])('of %j tells %j', (observation, told) => {
    expect(judge(observation)).toMatchObject(told as object);
  });

  it('after a stop names the job for a signal that was not the one we sent', () => {
    const sightings = saw(
      { kind: 'signal_through_engine', signal: 15 },
      { kind: 'signal_sent', signal: 'SIGKILL' },
    );
    const { evidence } = judge({ stop: STOP, info: ended(143), sightings });
    expect(evidence.at(-1)).toEqual({ by: 'job', what: 'exit code 143', at: AT });
    const removed = judge({ stop: STOP, info: ended(0), sightings: saw({ kind: 'removed_by_force' }) });
    expect(removed.evidence.at(-1)).toEqual({ by: 'job', what: 'exit code 0', at: AT });
  });
});

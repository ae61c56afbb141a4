import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContainerInfo } from '../../src/engine/types.js';
import type { Sighting, SightingFact } from '../../src/execute/sighting.js';
import { signalOf } from '../../src/execute/signals.js';
import { judgeEnd, type Observation } from '../../src/execute/verdict.js';

const AT = '2026-01-02T03:04:05.000Z';
const info = (fields: Partial<ContainerInfo>): ContainerInfo => ({
  id: 'a'.repeat(64),
  name: 'n',
  imageId: 'sha256:i',
  status: 'exited',
  startedAt: AT,
  finishedAt: AT,
  exitCode: 0,
  oomKilled: false,
  error: '',
  labels: {},
  applied: null,
  ...fields,
});
const seen = (fields: Partial<Observation>): Observation => ({
  stop: null,
  info: info({}),
  startExitCode: null,
  lastErrorLine: null,
  sightings: [],
  at: AT,
  ...fields,
});
const saw = (...facts: readonly SightingFact[]): readonly Sighting[] =>
  facts.map((fact, index) => ({ ...fact, at: `2026-01-02T03:04:0${String(index)}.000Z` }));
const lost = saw({ kind: 'engine_lost' }, { kind: 'engine_back' });
const restarted = (
  facts: { readonly sawTheEnd: boolean; readonly endsContainers: boolean },
  signal?: number,
): readonly Sighting[] =>
  saw(
    { kind: 'engine_lost' },
    { kind: 'engine_back' },
    { kind: 'engine_restarted', ...facts },
    ...(signal === undefined ? [] : [{ kind: 'signal_through_engine', signal } as const]),
  );
const STOP_AT = '2026-01-02T03:04:00.000Z';
const stop = { reason: 'timed_out', by: 'deadline', message: 'too long', at: STOP_AT } as const;

describe('judgeEnd', () => {
  it.each([
    ['exit 0', seen({}), 'completed', 0, 'job'],
    ['exit 3', seen({ info: info({ exitCode: 3 }) }), 'non_zero_exit', 3, 'job'],
    [
      'exit 0 with a child killed for memory',
      seen({ info: info({ oomKilled: true }) }),
      'completed',
      0,
      'job',
    ],
    [
      'exit 3 with a child killed for memory',
      seen({ info: info({ exitCode: 3, oomKilled: true }) }),
      'non_zero_exit',
      3,
      'job',
    ],
    [
      'main process killed for memory',
      seen({ info: info({ exitCode: 137, oomKilled: true }) }),
      'oom_killed',
      137,
      'kernel',
    ],
    [
      'killed, on an engine that cannot tell whether for lack of memory',
      seen({ info: info({ exitCode: 137, oomKilled: null }) }),
      'signaled',
      137,
      'job',
    ],
    [
      'killed through an engine that cannot tell of memory',
      seen({
        info: info({ exitCode: 137, oomKilled: null }),
        sightings: saw({ kind: 'signal_through_engine', signal: null }),
      }),
      'signaled',
      137,
      'stranger',
    ],
    ['killed by a stranger', seen({ info: info({ exitCode: 137 }) }), 'signaled', 137, 'stranger'],
    [
      'killed through the engine',
      seen({
        info: info({ exitCode: 137 }),
        sightings: saw({ kind: 'signal_through_engine', signal: 9 }),
      }),
      'signaled',
      137,
      'stranger',
    ],
    [
      'killed through the engine, a child killed for memory before',
      seen({
        info: info({ exitCode: 137, oomKilled: true }),
        sightings: saw({ kind: 'out_of_memory' }, { kind: 'signal_through_engine', signal: 9 }),
      }),
      'signaled',
      137,
      'stranger',
    ],
    [
      'killed for memory, which only the events tell',
      seen({ info: info({ exitCode: 137 }), sightings: saw({ kind: 'out_of_memory' }) }),
      'oom_killed',
      137,
      'kernel',
    ],
    [
      'SIGTERM through the engine',
      seen({ info: info({ exitCode: 143 }), sightings: saw({ kind: 'signal_through_engine', signal: 15 }) }),
      'signaled',
      143,
      'stranger',
    ],
    ['SIGTERM from who knows where', seen({ info: info({ exitCode: 143 }) }), 'signaled', 143, 'job'],
    ['being removed', seen({ info: info({ status: 'removing' }) }), 'externally_removed', 0, 'stranger'],
    [
      'still running',
      seen({ info: info({ status: 'running', exitCode: null }) }),
      'interrupted',
      null,
      'engine',
    ],
    ['segmentation fault', seen({ info: info({ exitCode: 139 }) }), 'signaled', 139, 'job'],
    ['removed while it ran', seen({ info: null }), 'externally_removed', null, 'stranger'],
    ['gone after the engine was away', seen({ info: null, sightings: lost }), 'interrupted', null, 'engine'],
    [
      '137 after the engine was away',
      seen({ info: info({ exitCode: 137 }), sightings: lost }),
      'interrupted',
      137,
      'engine',
    ],
    [
      '143 after the engine was away',
      seen({ info: info({ exitCode: 143 }), sightings: lost }),
      'interrupted',
      143,
      'engine',
    ],
    [
      'killed through the engine, to which only the connection was lost',
      seen({
        info: info({ exitCode: 137 }),
        sightings: saw(
          { kind: 'engine_lost' },
          { kind: 'engine_stayed' },
          { kind: 'signal_through_engine', signal: 9 },
        ),
      }),
      'signaled',
      137,
      'stranger',
    ],
    [
      'removed, while only the connection was lost',
      seen({
        info: null,
        sightings: saw({ kind: 'engine_lost' }, { kind: 'engine_back' }, { kind: 'engine_stayed' }),
      }),
      'externally_removed',
      null,
      'stranger',
    ],
    [
      'given up on, with an engine that remembers it by the time it is asked',
      seen({ info: null, sightings: saw({ kind: 'engine_lost' }, { kind: 'engine_stayed' }) }),
      'interrupted',
      null,
      'engine',
    ],
    [
      'given up on, and removed by a stranger meanwhile',
      seen({
        info: null,
        sightings: saw(
          { kind: 'engine_lost' },
          { kind: 'engine_stayed' },
          { kind: 'removed_through_engine' },
        ),
      }),
      'externally_removed',
      null,
      'stranger',
    ],
    ...[0, 3, 137].map(
      (exitCode) =>
        [
          `exit ${String(exitCode)} of a container that a stranger started again`,
          seen({
            info: info({ exitCode }),
            sightings: saw({ kind: 'started_again' }, { kind: 'signal_through_engine', signal: 9 }),
          }),
          'interrupted',
          exitCode,
          'stranger',
        ] as const,
    ),
    [
      'exit 0 in answer to the SIGTERM of an engine that was restarted',
      seen({ sightings: restarted({ sawTheEnd: true, endsContainers: true }, 15) }),
      'interrupted',
      0,
      'engine',
    ],
    [
      'exit 0 of its own after a restart that ends nothing',
      seen({ sightings: restarted({ sawTheEnd: true, endsContainers: false }) }),
      'completed',
      0,
      'job',
    ],
    [
      'killed by a stranger after a restart that ends nothing',
      seen({
        info: info({ exitCode: 137 }),
        sightings: restarted({ sawTheEnd: true, endsContainers: false }, 9),
      }),
      'signaled',
      137,
      'stranger',
    ],
    [
      'exit 0 while the engine was away, of which a restart ends what runs',
      seen({ sightings: restarted({ sawTheEnd: false, endsContainers: true }) }),
      'interrupted',
      0,
      'engine',
    ],
    [
      'exit 3 while the engine was away, of which a restart ends nothing',
      seen({
        info: info({ exitCode: 3 }),
        sightings: restarted({ sawTheEnd: false, endsContainers: false }),
      }),
      'non_zero_exit',
      3,
      'job',
    ],
    [
      '137 while the engine was away, of which a restart ends nothing',
      seen({
        info: info({ exitCode: 137 }),
        sightings: restarted({ sawTheEnd: false, endsContainers: false }),
      }),
      'interrupted',
      137,
      'engine',
    ],
    [
      'own exit code although the engine was away',
      seen({ info: info({ exitCode: 4 }), sightings: lost }),
      'non_zero_exit',
      4,
      'job',
    ],
    [
      'never started',
      seen({ info: info({ status: 'created', startedAt: null, exitCode: null }) }),
      'interrupted',
      null,
      'engine',
    ],
    [
      'never started but claims 0',
      seen({ info: info({ startedAt: null, exitCode: 0 }) }),
      'interrupted',
      0,
      'engine',
    ],
    [
      'start refused',
      seen({ startExitCode: 127, info: info({ exitCode: null, startedAt: null }) }),
      'start_failed',
      127,
      'engine',
    ],
    [
      'entry point refused by the init process',
      seen({
        info: info({ exitCode: 127 }),
        lastErrorLine: '[FATAL tini (7)] exec nope failed: No such file or directory',
      }),
      'start_failed',
      127,
      'engine',
    ],
    [
      '127 of the job itself',
      seen({ info: info({ exitCode: 127 }), lastErrorLine: 'sh: nope: not found' }),
      'non_zero_exit',
      127,
      'job',
    ],
    ['stopped by us, killed', seen({ stop, info: info({ exitCode: 137 }) }), 'timed_out', 137, 'deadline'],
    ['stopped by us, yet exit 0', seen({ stop, info: info({ exitCode: 0 }) }), 'timed_out', 0, 'deadline'],
    ['stopped by us and gone', seen({ stop, info: null }), 'timed_out', null, 'deadline'],
  ] as const)('%s', (_name, observation, reason, exitCode, by) => {
    const verdict = judgeEnd(observation);
    expect(verdict).toMatchObject({ reason, exitCode });
    expect(verdict.evidence[0]?.by).toBe(by);
  });

  it('tells who had it stopped, each signal, and what it came to, in that order', () => {
    const { evidence } = judgeEnd(
      seen({
        stop,
        info: info({ exitCode: 137 }),
        sightings: saw(
          { kind: 'signal_sent', signal: 'SIGTERM' },
          { kind: 'signal_sent', signal: 'SIGKILL' },
        ),
      }),
    );
    expect(evidence).toEqual([
      { by: 'deadline', what: 'too long', at: STOP_AT },
      { by: 'deadline', what: 'SIGTERM was sent', at: '2026-01-02T03:04:00.000Z' },
      { by: 'deadline', what: 'SIGKILL was sent', at: '2026-01-02T03:04:01.000Z' },
      { by: 'deadline', what: 'exit code 137', at: AT },
    ]);
  });

  it.each([
    ['an exit code of its own after a signal', { info: info({ exitCode: 0 }) }, 'job', 'exit code 0'],
    ['a signal that was not ours', { info: info({ exitCode: 139 }) }, 'job', 'exit code 139'],
    ['the signal we sent', { info: info({ exitCode: 143 }) }, 'deadline', 'exit code 143'],
    ['gone', { info: null }, 'deadline', 'the container is gone'],
    [
      'going on in spite of everything',
      { info: info({ status: 'running', exitCode: null }) },
      'engine',
      'the container is still "running"',
    ],
  ] as const)('of a run that was stopped, it names what it came to: %s', (_name, fields, by, what) => {
    const sightings = saw({ kind: 'signal_sent', signal: 'SIGTERM' });
    const { reason, evidence } = judgeEnd(seen({ stop, sightings, ...fields }));
    expect(reason).toBe('timed_out');
    expect(evidence.at(-1)).toEqual({ by, what, at: AT });
  });

  it('keeps the kernel’s word beside a success, and beside anything else', () => {
    for (const exitCode of [0, 3]) {
      const { evidence } = judgeEnd(seen({ info: info({ exitCode, oomKilled: true }) }));
      expect(evidence.map(({ by }) => by)).toEqual(['job', 'kernel']);
    }
    const killed = judgeEnd(seen({ info: info({ exitCode: 137, oomKilled: true }) }));
    expect(killed.evidence.map(({ by }) => by)).toEqual(['kernel']);
  });

  it('keeps the loss of the engine beside an end it did not cause', () => {
    const { evidence } = judgeEnd(seen({ sightings: lost }));
    expect(evidence.map(({ by, what }) => [by, what])).toEqual([
      ['job', 'exit code 0'],
      ['engine', 'the engine could not be reached'],
      ['engine', 'the engine answered again'],
    ]);
  });

  const anySighting = fc.oneof(
    fc.constantFrom('SIGTERM', 'SIGKILL').map((signal): SightingFact => ({ kind: 'signal_sent', signal })),
    fc
      .option(fc.integer({ min: 1, max: 64 }))
      .map((signal): SightingFact => ({ kind: 'signal_through_engine', signal })),
    fc
      .constantFrom(
        'removed_by_force' as const,
        'engine_lost' as const,
        'engine_back' as const,
        'engine_stayed' as const,
        'out_of_memory' as const,
        'removed_through_engine' as const,
        'started_again' as const,
      )
      .map((kind): SightingFact => ({ kind })),
    fc
      .record({ sawTheEnd: fc.boolean(), endsContainers: fc.boolean() })
      .map((facts): SightingFact => ({ kind: 'engine_restarted', ...facts })),
  );
  const anyInfo = fc.record({
    status: fc.constantFrom(
      'created' as const,
      'running' as const,
      'paused' as const,
      'restarting' as const,
      'removing' as const,
      'exited' as const,
      'dead' as const,
    ),
    startedAt: fc.option(fc.constant(AT)),
    // Also what no truthful engine says: a code of a container that never ran.
    exitCode: fc.option(fc.oneof(fc.constant(0), fc.constant(137), fc.integer({ min: 0, max: 255 }))),
    oomKilled: fc.option(fc.boolean()),
    error: fc.string(),
  });
  const anyObservation = fc.record({
    stop: fc.option(fc.constant(stop)),
    info: fc.option(anyInfo.map(info)),
    startExitCode: fc.option(fc.constantFrom(126, 127)),
    lastErrorLine: fc.option(fc.string()),
    sightings: fc.array(anySighting, { maxLength: 5 }).map((facts) => saw(...facts)),
    at: fc.constant(AT),
  });

  it('only what was started, left alone, and exited with 0 is completed', () => {
    fc.assert(
      fc.property(anyObservation, (observation) => {
        const { stop: stopped, info: last, startExitCode } = observation;
        const ended = last?.status === 'exited' || last?.status === 'dead';
        const isSuccess =
          stopped === null &&
          startExitCode === null &&
          ended &&
          last.startedAt !== null &&
          last.exitCode === 0;
        const isCompleted = judgeEnd(observation).reason === 'completed';
        // A restart, of the engine or of the container, may take the success away; nothing may add one.
        const wasRestarted = observation.sightings.some(
          ({ kind }) => kind === 'engine_lost' || kind === 'started_again',
        );
        if (!wasRestarted) expect(isCompleted).toBe(isSuccess);
        else expect(isCompleted && !isSuccess).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('always has evidence, each with who, what and when, and names the recorded cause first', () => {
    fc.assert(
      fc.property(anyObservation, (observation) => {
        const { evidence, reason } = judgeEnd(observation);
        for (const { what, at } of evidence) expect([what !== '', at !== '']).toEqual([true, true]);
        expect(evidence.length).toBeGreaterThan(observation.sightings.length);
        if (observation.stop === null) return;
        expect(reason).toBe(observation.stop.reason);
        expect(evidence[0]).toEqual({ by: 'deadline', what: 'too long', at: STOP_AT });
      }),
      { numRuns: 2_000 },
    );
  });

  it('names the signal behind an exit code above 128', () => {
    expect([signalOf(143), signalOf(137), signalOf(1), signalOf(null)]).toEqual([
      'SIGTERM',
      'SIGKILL',
      null,
      null,
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import type { ContainerInfo } from '../../src/engine/types.js';
import { judgeEnd, type Observation, signalOf } from '../../src/execute/verdict.js';

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
  engineLost: false,
  at: AT,
  ...fields,
});
const stop = { reason: 'timed_out', by: 'deadline', message: 'too long' } as const;

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
    ['killed by a stranger', seen({ info: info({ exitCode: 137 }) }), 'signaled', 137, 'stranger'],
    ['segmentation fault', seen({ info: info({ exitCode: 139 }) }), 'signaled', 139, 'job'],
    ['removed while it ran', seen({ info: null }), 'externally_removed', null, 'stranger'],
    ['gone after the engine was away', seen({ info: null, engineLost: true }), 'interrupted', null, 'engine'],
    [
      '137 after the engine was away',
      seen({ info: info({ exitCode: 137 }), engineLost: true }),
      'interrupted',
      137,
      'engine',
    ],
    [
      'own exit code although the engine was away',
      seen({ info: info({ exitCode: 4 }), engineLost: true }),
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

  it('names the signal behind an exit code above 128', () => {
    expect([signalOf(143), signalOf(137), signalOf(1), signalOf(null)]).toEqual([
      'SIGTERM',
      'SIGKILL',
      null,
      null,
    ]);
  });
});

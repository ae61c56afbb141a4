/** What each container's end says of each limit: enforced only if that was seen, and never by default. */
import type { EnforcedLimit } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { ENFORCED_LIMITS } from '../../src/base/enforced-limits.js';
import type { ContainerInfo } from '../../src/engine/types.js';
import { judgeLimit, LIMIT_PROBES, type ProbeEnd } from '../../src/doctor/judge-limits.js';
import { PIDS_PROBE, type Probe, WIDE_PIDS_PROBE } from '../../src/doctor/probes.js';
import { boundsWith, ENFORCED } from './doctor-jobs.js';

const ended = (
  output: string,
  {
    exitCode = 0,
    oomKilled = false,
    stopped = null,
    limits = PIDS_PROBE.limits,
  }: Partial<
    Pick<ContainerInfo, 'oomKilled'> & { exitCode: number; stopped: string | null; limits: Probe['limits'] }
  > = {},
): ProbeEnd => ({
  ran: true,
  seen: new Map(
    output
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  ),
  ...{ exitCode, oomKilled, stopped, limits },
});
const state = (limit: EnforcedLimit, end: ProbeEnd): string => judgeLimit(limit, end).state;

describe('a limit', () => {
  it.each(ENFORCED_LIMITS)('%s is enforced where that was seen', (limit) => {
    const [output, exit] = ENFORCED[LIMIT_PROBES[limit].probe] ?? ['', { exitCode: 1 }];
    const { exitCode, oomKilled } = exit;
    expect(state(limit, ended(output, { exitCode, ...(oomKilled === undefined ? {} : { oomKilled }) }))).toBe(
      'enforced',
    );
  });

  it.each(ENFORCED_LIMITS)('%s is not checked where nothing was seen, and says why', (limit) => {
    for (const [end, why] of [
      [{ ran: false, problem: 'no sh', cause: 'image' } as const, /no sh/],
      [ended(''), /ended with 0/],
      [ended('', { exitCode: 137 }), /ended with 137/],
      [ended('', { exitCode: 137, oomKilled: true }), /ended with 137/],
      [ended('', { exitCode: 137, stopped: 'exceeded its timeout' }), /exceeded its timeout/],
    ] as const) {
      const found = judgeLimit(limit, end);
      expect(found.state).toBe('not_checked');
      expect(found.evidence).toMatch(why);
    }
  });

  it.each<[EnforcedLimit, string]>([
    ['memory', 'limit 25165824\nbegan now\nsurvived all\n'],
    ['pids', 'forked 31\nforked 32\n'],
    ['cpu', 'free 101\n'],
    ['shm_size', boundsWith({ shm_size: '64' })],
    ['tmpfs_size', boundsWith({ tmpfs_size: '64' })],
    ['tmpfs_size', boundsWith({ tmpfs_size: '0' })],
    ['ulimits', boundsWith({ ulimits: '4' })],
    ['read_only_root', boundsWith({ root: 'written' })],
    ['read_only_root', boundsWith({ root_options: 'rw,relatime' })],
    ['no_new_privileges', boundsWith({ no_new_privileges: '0' })],
    ['capabilities', boundsWith({ capabilities: '00000000a80425fb' })],
    ['network_none', boundsWith({ routes: '2' })],
    ['network_none', boundsWith({ routes6: '1' })],
  ])('%s is not enforced after %j', (limit, output) => {
    expect(state(limit, ended(output))).toBe('not_enforced');
  });

  it.each<[EnforcedLimit, ProbeEnd]>([
    // Killed, but by whom: neither engine nor control group says it was for this bound.
    ['memory', ended('began now\n', { exitCode: 137 })],
    ['memory', ended('limit 9223372036854771712\nbegan now\n', { exitCode: 137 })],
    ['memory', ended('limit 25165824\nbegan now\n', { exitCode: 137, oomKilled: true, stopped: 'closed' })],
    ['memory', ended('limit 25165824\nbegan now\n', { exitCode: 1 })],
    // It ended in the middle, for another reason than the bound.
    ['pids', ended('forked 20\n', { exitCode: 2 })],
    ['pids', ended('forked 3\n', { exitCode: 137, stopped: 'closed' })],
    ['pids', ended('forked 3\n', { exitCode: 137 })],
    ['ulimits', ended('ulimits 1\n', { exitCode: 137 })],
    ['pids', ended('missing sleep\n')],
    ['cpu', ended('missing cpu.stat\n')],
    ['shm_size', ended(boundsWith({ shm_size: '0' }))],
    ['read_only_root', ended(boundsWith({ root_options: 'unknown' }))],
    ['network_none', ended(boundsWith({ routes: '-1' }))],
    ['capabilities', ended(boundsWith({ capabilities: 'none' }))],
    ['no_new_privileges', ended(boundsWith({ no_new_privileges: '?' }))],
  ])('%s is not checked where what was seen may mean anything', (limit, end) => {
    expect(state(limit, end)).toBe('not_checked');
  });

  it('pids is judged by what the container was allowed', () => {
    const { limits } = WIDE_PIDS_PROBE;
    const wide = (forked: number): ProbeEnd => ended(`forked ${String(forked)}\n`, { exitCode: 2, limits });
    expect(judgeLimit('pids', wide(51))).toMatchObject({
      state: 'enforced',
      evidence: expect.stringContaining('where 256 may run') as string,
    });
    expect(judgeLimit('pids', wide(276)).state).toBe('not_enforced');
    expect(judgeLimit('pids', wide(256)).state).toBe('not_checked');
  });

  it.each<[EnforcedLimit, ProbeEnd, string]>([
    ['pids', ended('missing sleep\n'), 'image'],
    ['cpu', { ran: false, problem: 'no sh', cause: 'image' }, 'image'],
    ['cpu', { ran: false, problem: 'no room', cause: 'start' }, 'start'],
    ['cpu', ended('missing cpu.stat\n'), 'runtime'],
    ['no_new_privileges', ended(boundsWith({ no_new_privileges: 'missing' })), 'runtime'],
    ['shm_size', ended('', { exitCode: 2 }), 'container'],
    ['memory', ended('began now\n', { exitCode: 137 }), 'unconfirmed'],
    ['memory', ended('began now\n', { exitCode: 137, oomKilled: null }), 'unconfirmed'],
  ])('%s is not checked, and why is told: case %#', (limit, end, cause) => {
    expect(judgeLimit(limit, end)).toMatchObject({ state: 'not_checked', cause });
  });

  it('memory is enforced where only more of it kept the process alive, though nobody says why it was killed', () => {
    const killed = ended('began now\n', { exitCode: 137 });
    expect(judgeLimit('memory', { ...killed, survivedWithBytes: 1000 } as ProbeEnd)).toMatchObject({
      state: 'enforced',
      evidence: expect.stringMatching(/killed twice.* ended well with 1000$/) as string,
    });
  });

  it('memory is enforced where the control group agrees, though the engine says nothing', () => {
    expect(state('memory', ended('limit 25165824\nbegan now\n', { exitCode: 137 }))).toBe('enforced');
  });
});

/** The judge of recorded scenes: a history in which all is well, and that history with each invariant broken once. */
import type { RunOutcome, RunResult } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { checkHistory } from '../../chaos/check-history.js';
import type { History, HistoryEntry } from '../../chaos/history.js';
import { INVARIANTS, type Violation } from '../../chaos/violation.js';

const SECRET = 'a "sëcret" & more';
const envelope = { runId: 'r', attempt: 1, at: '2026-01-01T00:00:00.000Z', metadata: {} };

const succeeded = {
  runId: 'r',
  attempt: 1,
  status: 'succeeded',
  reason: 'completed',
  stdout: { text: 'the job is done\n' },
  outputs: [
    {
      files: [
        {
          path: 'a',
          sha256: 'aa',
          uploaded: { backendMountId: 'out', path: 'runs/r/a' },
        },
      ],
    },
  ],
} as unknown as RunResult;
const success: RunOutcome = { outcome: 'result', result: succeeded };
const failure: RunOutcome = {
  outcome: 'error',
  error: { name: 'EngineError', kind: 'engine', code: 'engine.unreachable', message: 'away' },
};

const end = (outcome: RunOutcome): HistoryEntry => ({
  kind: 'event',
  event: { ...envelope, type: 'run_end', ...outcome, durations: {} as RunResult['durations'] },
});

const asked: HistoryEntry = {
  kind: 'asked',
  run: {
    runId: 'r',
    joins: null,
    outputs: ['runs/r/a', 'runs/r/b'],
    isTransaction: true,
    maxAttempts: 1,
    comesTo: 'succeeded/completed',
  },
};
const accepted: HistoryEntry = {
  kind: 'event',
  event: { ...envelope, type: 'policy_decision', decision: { allowed: true } as RunResult['decision'] },
};
const published = (name: string, sha256: string): HistoryEntry => ({
  ...{ kind: 'published', runId: 'r', path: `runs/r/${name}`, sha256 },
});
const container = (what: 'start' | 'die', exitCode: number | null): HistoryEntry => ({
  ...{ kind: 'container', runId: 'r', attempt: 1, what, exitCode },
});
const settled: HistoryEntry = { kind: 'settled', runId: 'r', outcome: success };
const stored: HistoryEntry = { kind: 'stored', runId: 'r', end: success };

const unsettled: HistoryEntry = { kind: 'unsettled', runId: 'r', lastStep: 'started', afterMs: 90_000 };

const WELL: readonly HistoryEntry[] = [
  asked,
  accepted,
  { kind: 'step', runId: 'r', attempt: 1, step: 'planned' },
  container('start', null),
  container('die', 0),
  end(success),
  settled,
  stored,
  published('a', 'aa'),
  published('b', 'bb'),
  { kind: 'written', runId: 'r', attempt: '1', path: 'runs/r/a', key: 'r/1/a' },
  { kind: 'bystander', name: 'container x', before: 'running', after: 'running' },
];

const judge = (entries: readonly HistoryEntry[]): readonly Violation[] => {
  const history: History = { entries, secrets: [{ runId: 'r', value: SECRET }] };
  return checkHistory(history);
};
const without = (...left: readonly HistoryEntry[]): readonly HistoryEntry[] =>
  WELL.filter((entry) => !left.includes(entry));
const named = (kind: HistoryEntry['kind']): readonly HistoryEntry[] =>
  WELL.filter((entry) => entry.kind === kind);

const written = (key: string): HistoryEntry => ({
  ...{ kind: 'written', runId: 'r', attempt: '1', path: 'runs/r/a', key },
});
const endedOtherwise: readonly HistoryEntry[] = [
  ...WELL.filter((entry) => !['settled', 'stored', 'event'].includes(entry.kind)),
  accepted,
  end(failure),
  { kind: 'settled', runId: 'r', outcome: failure },
  { kind: 'stored', runId: 'r', end: failure },
];

const BROKEN: readonly (readonly [
  name: string,
  breaks: Violation['invariant'],
  entries: readonly HistoryEntry[],
])[] = [
  ['a promise that never settles', 'one_end', without(settled)],
  ['a promise that settles twice', 'one_end', [...WELL, settled]],
  ['a run_end too many', 'one_end', [...WELL, end(success)]],
  ['no run_end', 'one_end', WELL.filter((e) => e.kind !== 'event' || e.event.type !== 'run_end')],
  ['a run the store still holds for open', 'one_end', [...without(stored), { ...stored, end: null }]],
  ['two different ends', 'one_end', [...without(stored), { kind: 'stored', runId: 'r', end: failure }]],
  [
    'a run that was killed, and of which nobody tells the end',
    'one_end',
    [asked, accepted, { kind: 'step', runId: 'r', attempt: 1, step: 'created' }, { kind: 'process_died' }],
  ],
  ['an end that is not the job’s', 'one_end', endedOtherwise],
  [
    'an end that is not the job’s, though only its clock jumped',
    'one_end',
    [...endedOtherwise, { kind: 'struck', fault: 'clock_forward', step: 'started', runId: 'r' }],
  ],
  ['a run that does not end', 'one_end', [asked, accepted, unsettled]],
  [
    'a success that exited with 3',
    'success_is_proven',
    [...without(...named('container')), container('start', null), container('die', 3)],
  ],
  ['a success that never started', 'success_is_proven', without(...named('container'))],
  [
    'a success that ended without a start',
    'success_is_proven',
    [...without(...named('container')), container('die', 0)],
  ],
  [
    'a success nobody bore witness to',
    'success_is_proven',
    [
      ...without(...named('container'), ...named('event'), settled, stored),
      { kind: 'engine_unheard' },
      ...[{ ...succeeded, stdout: { text: '' }, outputs: [] } as unknown as RunResult].flatMap((result) => {
        const outcome = { outcome: 'result', result } as const;
        return [end(outcome), { kind: 'settled', runId: 'r', outcome } as const];
      }),
    ],
  ],
  ['a success without its output', 'success_is_proven', without(...named('published'))],
  [
    'a success with another output',
    'success_is_proven',
    [...without(...named('published')), published('a', 'zz'), published('b', 'bb')],
  ],
  [
    'a container that is left',
    'nothing_is_left',
    [...WELL, { kind: 'left', what: 'container', name: 'c', runId: 'r' }],
  ],
  [
    'a volume that is left',
    'nothing_is_left',
    [...WELL, { kind: 'left', what: 'volume', name: 'v', runId: 'r' }],
  ],
  [
    'one object under two keys',
    'one_start_and_all_or_no_uploads',
    [...WELL, written('r/1/a'), written('r/1/again')],
  ],
  [
    'an open descriptor',
    'nothing_is_left',
    [...WELL, { kind: 'left', what: 'descriptor', name: '/x', runId: null }],
  ],
  [
    'a bystander that is gone',
    'nothing_else_is_touched',
    [...WELL, { kind: 'bystander', name: 'x', before: 'there', after: 'gone' }],
  ],
  ...[SECRET, encodeURIComponent(SECRET), Buffer.from(SECRET).toString('hex'), JSON.stringify(SECRET)].map(
    (text): (typeof BROKEN)[number] => [
      `a secret as ${text}`,
      'secrets_stay_secret',
      [...WELL, { kind: 'call', method: 'GET', target: `/x?${text}`, body: '' }],
    ],
  ),
  [
    'a secret in base64 within other text',
    'secrets_stay_secret',
    [
      ...WELL,
      { kind: 'call', method: 'GET', target: '/', body: `x ${Buffer.from(SECRET).toString('base64')}` },
    ],
  ],
  ['a second start', 'one_start_and_all_or_no_uploads', [...WELL, container('start', null)]],
  [
    'half of the outputs',
    'one_start_and_all_or_no_uploads',
    [asked, end(failure), { kind: 'settled', runId: 'r', outcome: failure }, published('a', 'aa')],
  ],
];

describe('a history', () => {
  it('in which all is well has no violation', () => {
    expect(judge(WELL)).toEqual([]);
  });

  it.each(BROKEN)('with %s breaks %s', (_name, breaks, entries) => {
    expect([...new Set(judge(entries).map(({ invariant }) => invariant))]).toContain(breaks);
  });

  it('is broken in each way once', () => {
    expect([...new Set(BROKEN.map(([, breaks]) => breaks))].sort()).toEqual([...INVARIANTS].sort());
  });

  it('tells of a run that does not end where it stands, and since when', () => {
    expect(judge([asked, accepted, unsettled])).toContainEqual({
      invariant: 'one_end',
      runId: 'r',
      what: 'it has not ended 90 s after its last step, which is started',
    });
  });

  it('may leave what somebody was told could not be removed', () => {
    const told: HistoryEntry = {
      kind: 'event',
      event: { ...envelope, type: 'cleanup_error', what: 'container', message: 'away' },
    };
    expect(judge([...WELL, told, { kind: 'left', what: 'container', name: 'c', runId: 'r' }])).toEqual([]);
  });

  it('may end in another way where something befell the run', () => {
    const struck: HistoryEntry = { kind: 'struck', fault: 'cut_after', step: 'created', runId: 'r' };
    expect(judge([...endedOtherwise, struck])).toEqual([]);
  });

  it('of a process that was killed need not have settled promises', () => {
    const ended = [end(failure), { kind: 'stored', runId: 'r', end: failure } as const];
    expect(judge([asked, accepted, { kind: 'process_died' }, ...ended])).toEqual([]);
  });

  it('bears out a success by the job’s own trace while the engine was away', () => {
    expect(judge([...without(...named('container')), { kind: 'engine_unheard' }])).toEqual([]);
  });
});

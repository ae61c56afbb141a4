/** Whose turn it is, as properties over any sequence of coming, leaving and pausing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Applicant, createTurns, type KeyLimits, type TurnLimits } from '../../src/execute/turns.js';

const FREE: KeyLimits = {
  maxRunning: null,
  maxQueued: null,
  nanoCpus: null,
  memoryBytes: null,
  workspaceBytes: null,
};
const limits = (fields: Partial<TurnLimits> = {}): TurnLimits => ({
  maxRunning: 3,
  maxQueued: 1_000,
  budget: () => ({ nanoCpus: 20, memoryBytes: 20, workspaceBytes: null }),
  ofKey: () => FREE,
  ...fields,
});

type Step =
  | {
      readonly do: 'come';
      readonly key: string | null;
      readonly nanoCpus: number;
      readonly memoryBytes: number;
    }
  | { readonly do: 'leave' | 'give_up'; readonly which: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('come' as const),
      key: fc.constantFrom(null, 'a', 'b', 'c'),
      nanoCpus: fc.integer({ min: 1, max: 20 }),
      memoryBytes: fc.integer({ min: 1, max: 20 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('give_up' as const), which: fc.nat(50) }) },
);

/** Plays steps and looks on after each. */
function play(steps: readonly Step[], given: TurnLimits, look: (running: readonly Applicant[]) => void) {
  const turns = createTurns(given);
  const waiting: Applicant[] = [];
  const running: Applicant[] = [];
  const entered: Applicant[] = [];
  const offered: Applicant[] = [];
  const letIn = (): void => {
    for (let next = turns.take(); next !== null; next = turns.take()) {
      waiting.splice(waiting.indexOf(next), 1);
      running.push(next);
      entered.push(next);
      look(running);
    }
    expect(turns.running).toBe(running.length);
    expect(turns.queued).toBe(waiting.length);
  };
  for (const each of steps) {
    if (each.do === 'come') {
      const { key, nanoCpus, memoryBytes } = each;
      const applicant: Applicant = {
        key,
        demand: { nanoCpus, memoryBytes, workspaceBytes: 0 },
        queueing: 'bounded',
      };
      if (turns.offer(applicant, 'last') === null) {
        waiting.push(applicant);
        offered.push(applicant);
      }
    } else {
      const among = each.do === 'leave' ? running : waiting;
      const [gone] = among.length === 0 ? [] : among.splice(each.which % among.length, 1);
      if (gone !== undefined) turns.remove(gone);
    }
    letIn();
  }
  const drain = (): void => {
    while (running.length > 0) {
      for (const gone of running.splice(0, 1)) turns.remove(gone);
      letIn();
    }
  };
  return { waiting, running, entered, offered, drain };
}

const sum = (runs: readonly Applicant[], what: 'nanoCpus' | 'memoryBytes'): number =>
  runs.reduce((total, { demand }) => total + demand[what], 0);

describe('turns', () => {
  it('never let in more than there is, for all and for each key', () => {
    const ofKey = (): KeyLimits => ({
      maxRunning: 2,
      maxQueued: null,
      nanoCpus: 15,
      memoryBytes: 15,
      workspaceBytes: null,
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        play(steps, limits({ ofKey }), (running) => {
          expect(running.length).toBeLessThanOrEqual(3);
          for (const what of ['nanoCpus', 'memoryBytes'] as const) {
            expect(sum(running, what)).toBeLessThanOrEqual(20);
            for (const key of ['a', 'b', 'c']) {
              const own = running.filter((run) => run.key === key);
              expect(own.length).toBeLessThanOrEqual(2);
              expect(sum(own, what)).toBeLessThanOrEqual(15);
            }
          }
        });
      }),
    );
  });

  it('are first in, first out within a key', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { entered, offered } = play(steps, limits(), () => undefined);
        for (const key of [null, 'a', 'b', 'c']) {
          const inOrder = offered.filter((run) => run.key === key && entered.includes(run));
          expect(entered.filter((run) => run.key === key)).toEqual(inOrder);
          entered.filter((run) => run.key === key).forEach((run, index) => expect(run).toBe(inOrder[index]));
        }
      }),
    );
  });

  it('come to everybody once those before have left', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const played = play(steps, limits(), () => undefined);
        played.drain();
        expect(played.waiting).toEqual([]);
      }),
    );
  });

  it('come to a key that waits after at most one run of each other key', () => {
    const small = { nanoCpus: 1, memoryBytes: 1, workspaceBytes: 0 };
    fc.assert(
      fc.property(fc.array(fc.constantFrom('b', 'c'), { minLength: 1, maxLength: 60 }), (others) => {
        const turns = createTurns(limits({ maxRunning: 1 }));
        const come = (key: string, demand = small): Applicant => {
          const applicant: Applicant = { key, demand, queueing: 'bounded' };
          expect(turns.offer(applicant, 'last')).toBeNull();
          return applicant;
        };
        come('b');
        let inside = turns.take();
        for (const key of others) come(key);
        // It takes all there is, and many small ones came before it and go on coming.
        const large = come('a', { nanoCpus: 20, memoryBytes: 20, workspaceBytes: 0 });
        const before: (string | null)[] = [];
        while (inside !== null && inside !== large) {
          turns.remove(inside);
          inside = turns.take();
          if (inside !== large && inside !== null) before.push(inside.key);
          for (const key of ['b', 'c']) come(key);
        }
        expect(inside).toBe(large);
        for (const key of ['b', 'c'])
          expect(before.filter((each) => each === key).length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('refuse at once what could never fit, and say whose bound it is', () => {
    const ofKey = (): KeyLimits => ({ ...FREE, memoryBytes: 5 });
    const turns = createTurns(limits({ ofKey }));
    const ask = (key: string | null, nanoCpus: number, memoryBytes: number): unknown =>
      turns.offer({ key, demand: { nanoCpus, memoryBytes, workspaceBytes: 0 }, queueing: 'patient' }, 'last');
    expect(ask(null, 21, 1)).toMatchObject({ why: 'over_budget', key: null, what: 'nanoCpus', most: 20 });
    expect(ask('a', 1, 6)).toMatchObject({ why: 'over_budget', key: 'a', what: 'memoryBytes', most: 5 });
    expect(ask(null, 1, 6)).toBeNull();
  });

  it('pass over a key at its own limit, which then comes first', () => {
    const turns = createTurns(limits({ ofKey: () => ({ ...FREE, maxRunning: 1 }) }));
    const [a1, a2, b] = ['a', 'a', 'b'].map((key): Applicant => ({
      key,
      demand: { nanoCpus: 1, memoryBytes: 1, workspaceBytes: 0 },
      queueing: 'bounded',
    }));
    for (const run of [a1, a2, b]) turns.offer(run!, 'last');
    expect([turns.take(), turns.take(), turns.take()]).toEqual([a1, b, null]);
    turns.remove(a1!);
    expect(turns.take()).toBe(a2);
  });
});

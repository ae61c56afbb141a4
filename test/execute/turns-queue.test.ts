/** Who may wait at all, who waits where, and what of it is counted: one case for each promise of the queue. */
import { describe, expect, it } from 'vitest';
import {
  type Applicant,
  type Budget,
  createTurns,
  type KeyLimits,
  toNanoCpus,
  type TurnLimits,
  type Turns,
} from '../../src/execute/turns.js';

const NONE: KeyLimits = {
  ...{ maxRunning: null, maxQueued: null, nanoCpus: null, memoryBytes: null, workspaceBytes: null },
};
const MEMORY_20: Budget = { nanoCpus: null, memoryBytes: 20, workspaceBytes: null };

const turnsOf = (limits: Partial<TurnLimits> = {}): Turns =>
  createTurns({ maxRunning: 1, maxQueued: 0, budget: () => MEMORY_20, ofKey: () => NONE, ...limits });
const applicant = (key: string | null = null, more: Partial<Applicant> = {}, memoryBytes = 1): Applicant => ({
  ...{ key, demand: { nanoCpus: 0, memoryBytes, workspaceBytes: 0 }, queueing: 'bounded' },
  ...more,
});
const patient = (key: string | null = null, memoryBytes = 1): Applicant =>
  applicant(key, { queueing: 'patient' }, memoryBytes);
/** Offers and takes all there is room for. */
function come(turns: Turns, ...applicants: Applicant[]): void {
  for (const each of applicants) {
    expect(turns.offer(each, 'last')).toBeNull();
    takeAll(turns);
  }
}
function takeAll(turns: Turns): Applicant[] {
  const taken: Applicant[] = [];
  for (let next = turns.take(); next !== null; next = turns.take()) taken.push(next);
  return taken;
}

it('counts cores in whole numbers', () => {
  expect([toNanoCpus(1.5), toNanoCpus(0.1 + 0.2)]).toEqual([1_500_000_000, 300_000_000]);
});

describe('a run that had its turn already', () => {
  it('is put before all others, and its key with it', () => {
    const turns = turnsOf({ maxQueued: 10 });
    const [inside, a, b1, b2] = [applicant(), applicant('a'), applicant('b'), applicant('b')];
    come(turns, inside, a, b1, b2);
    const again = applicant('b');
    expect(turns.offer(again, 'first')).toBeNull();
    expect(turns.queued).toBe(4);
    turns.remove(inside);
    const order: (Applicant | null)[] = [];
    for (let next = turns.take(); next !== null; next = turns.take()) {
      order.push(next);
      turns.remove(next);
    }
    expect(order.map((each) => [again, a, b1, b2].findIndex((known) => known === each))).toEqual([
      0, 1, 2, 3,
    ]);
    expect(turns.queued).toBe(0);
  });

  it('is refused for no queue that is full, but for a budget that it is beyond', () => {
    const turns = turnsOf();
    come(turns, applicant());
    expect(turns.offer(applicant(), 'last')).toMatchObject({ why: 'queue_full' });
    expect(turns.offer(applicant(), 'first')).toBeNull();
    expect(turns.offer(applicant(null, {}, 21), 'first')).toMatchObject({ why: 'over_budget' });
  });
});

describe('a patient run', () => {
  it('waits beyond what may wait, of all and of its key, and counts for nothing', () => {
    const turns = turnsOf({ maxQueued: 1, ofKey: () => ({ ...NONE, maxQueued: 1 }) });
    const [inside, waiting] = [applicant('a'), patient('a')];
    come(turns, inside, waiting, patient('a'));
    expect([turns.queued, turns.load().queued, turns.isFull]).toEqual([0, 2, false]);
    turns.remove(waiting);
    const bounded = applicant('a');
    come(turns, bounded);
    expect([turns.queued, turns.isFull]).toEqual([1, true]);
    expect(turns.offer(applicant('a'), 'last')).toMatchObject({ why: 'queue_full', key: 'a', queued: 1 });
    come(turns, patient('a'));
    turns.remove(bounded);
    expect([turns.queued, turns.isFull]).toEqual([0, false]);
    come(turns, applicant('a'));
  });
});

describe('a run that comes where nobody may wait', () => {
  it('has its place if there is one for it now', () => {
    const turns = turnsOf({ maxRunning: 2 });
    come(turns, applicant(null, {}, 15));
    expect(turns.offer(applicant(null, {}, 6), 'last')).toMatchObject({ why: 'queue_full', running: 1 });
    come(turns, applicant(null, {}, 5));
    expect(turns.running).toBe(2);
  });

  it.each([
    ['of its own key', 'a'],
    ['of another one', 'b'],
  ])('is refused behind a run %s that does not fit, small as it is', (_, key) => {
    const turns = turnsOf({ maxRunning: 3 });
    come(turns, applicant('c', {}, 15), patient('a', 10));
    expect(turns.offer(applicant(key), 'last')).toMatchObject({ why: 'queue_full', queued: 0 });
  });

  it('passes over a key that is at its own limit', () => {
    const ofKey = (key: string): KeyLimits => ({ ...NONE, maxRunning: key === 'a' ? 1 : null });
    const turns = turnsOf({ maxRunning: 3, ofKey });
    come(turns, applicant('a'), patient('a'), applicant('b'));
    expect(turns.running).toBe(2);
    expect(turns.offer(applicant('a'), 'last')).toMatchObject({ why: 'queue_full' });
  });

  it('is refused while nobody is let in', () => {
    const ofKey = (): KeyLimits => ({ ...NONE, maxQueued: 0 });
    const turns = turnsOf({ ofKey });
    turns.setOpen(false);
    expect(turns.isFull).toBe(true);
    expect(turns.offer(applicant(), 'last')).toMatchObject({ key: null, running: 0, queued: 0 });
    expect(turns.offer(applicant('a'), 'last')).toMatchObject({ key: 'a', running: 0, queued: 0 });
    turns.setOpen(true);
    come(turns, applicant('a'));
    expect(turns.running).toBe(1);
  });
});

describe('the queue of a key', () => {
  it('holds as many as it may, and one more when one has left it', () => {
    const ofKey = (): KeyLimits => ({ ...NONE, maxRunning: 1, maxQueued: 1 });
    const turns = turnsOf({ maxRunning: 5, maxQueued: 5, ofKey });
    const [inside, waiting] = [applicant('a'), applicant('a')];
    come(turns, inside, waiting);
    const full = { why: 'queue_full', key: 'a', running: 1, queued: 1 };
    expect(turns.offer(applicant('a'), 'last')).toEqual(full);
    turns.remove(waiting);
    come(turns, applicant('a'));
    expect(turns.offer(applicant('a'), 'last')).toEqual(full);
    turns.remove(inside);
    expect(takeAll(turns)).toHaveLength(1);
    come(turns, applicant('a'));
    expect(turns.offer(applicant('a'), 'last')).toEqual(full);
  });
});

describe('while the budget is not known', () => {
  it('all wait: those that may, and as many as will be inside', () => {
    let budget: Budget | null = null;
    const turns = turnsOf({ maxRunning: 2, maxQueued: 1, budget: () => budget });
    come(turns, applicant(), applicant(), applicant());
    expect([turns.running, turns.queued, turns.isFull]).toEqual([0, 3, true]);
    expect(turns.offer(applicant(), 'last')).toEqual({ why: 'queue_full', key: null, running: 0, queued: 3 });
    budget = MEMORY_20;
    expect(takeAll(turns)).toHaveLength(2);
    expect([turns.running, turns.queued, turns.isFull]).toEqual([2, 1, true]);
  });

  it.each<[string, Partial<KeyLimits>, number]>([
    ['may be inside', { maxRunning: 1, maxQueued: 1 }, 2],
    ['may be inside of all', { maxRunning: 5, maxQueued: 1 }, 3],
    ['may be inside of all, where its key has no bound', { maxQueued: 1 }, 3],
  ])('of a key as many more wait as %s', (_, limits, most) => {
    const turns = turnsOf({
      ...{ maxRunning: 2, maxQueued: 9, budget: () => null },
      ofKey: () => ({ ...NONE, ...limits }),
    });
    for (let count = 0; count < most; count += 1) come(turns, applicant('a'));
    expect(turns.offer(applicant('a'), 'last')).toMatchObject({ key: 'a', running: 0, queued: most });
  });
});

describe('a run that is forgotten', () => {
  it('twice is forgotten once, whether it waited or had its place', () => {
    const turns = turnsOf({ maxQueued: 5 });
    const [inside, waiting, other] = [applicant(), applicant(), applicant('a')];
    come(turns, inside, waiting, other);
    for (const each of [waiting, waiting, inside, inside]) turns.remove(each);
    expect([turns.running, turns.queued]).toEqual([0, 1]);
    expect(turns.load()).toEqual({
      taken: { nanoCpus: 0, memoryBytes: 0, workspaceBytes: 0 },
      queued: 1,
      keys: [{ key: 'a', running: 0, queued: 1 }],
    });
  });
});

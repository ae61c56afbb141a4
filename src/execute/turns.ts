/** Whose turn it is: a queue with limits by key and a budget over all, as a state machine. It starts nothing, waits for nothing and knows no runs. */

/** What one run takes while it has its place. Whole numbers, so that sums are exact. */
export interface Demand {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  /** What its workspace may hold. */
  readonly workspaceBytes: number;
}

/** Cores as a whole number. */
export function toNanoCpus(cpus: number): number {
  return Math.round(cpus * 1e9);
}

/** What there is for all together; null: no bound. */
export interface Budget {
  readonly nanoCpus: number | null;
  readonly memoryBytes: number | null;
  readonly workspaceBytes: number | null;
}

/** What the runs of one key may be and take together; null: no bound. */
export interface KeyLimits extends Budget {
  readonly maxRunning: number | null;
  readonly maxQueued: number | null;
}

/** The bounds of one queue. */
export interface TurnLimits {
  readonly maxRunning: number;
  readonly maxQueued: number;
  /** Null while it is not known yet: until then everybody waits. */
  readonly budget: () => Budget | null;
  readonly ofKey: (key: string) => KeyLimits;
}

/**
 * How a run waits. `bounded`: it counts as one of those that may wait, and is refused when there are too many. `patient`: whoever asks sees
 * to it that few of its runs wait at a time, so this one counts for nothing and is never refused for it.
 */
export type Queueing = 'bounded' | 'patient';

/** One run that wants a place, told apart from others by identity. */
export interface Applicant {
  /** Null: the runs without a key share one turn, and have no limits of their own. */
  readonly key: string | null;
  readonly demand: Demand;
  readonly queueing: Queueing;
}

/** Why a run cannot even wait: too many do, in all or of its key, or it could never be within a budget. */
export type Refusal =
  | {
      readonly why: 'queue_full';
      readonly key: string | null;
      readonly running: number;
      readonly queued: number;
    }
  | {
      readonly why: 'over_budget';
      /** The key whose budget it is; null: everybody's. */
      readonly key: string | null;
      readonly what: keyof Demand;
      readonly asked: number;
      readonly most: number;
    };

/** What runs and what waits, in numbers. */
export interface Load {
  /** What the runs that have a place take together. */
  readonly taken: Demand;
  /** Those that wait, bounded or not. */
  readonly queued: number;
  readonly keys: readonly {
    readonly key: string | null;
    readonly running: number;
    readonly queued: number;
  }[];
}

/** The queue, and those that have left it for a place. */
export interface Turns {
  readonly running: number;
  /** Bounded ones only. */
  readonly queued: number;
  /** Whether one more bounded applicant, without a key and however small, would be refused. */
  readonly isFull: boolean;
  /**
   * Puts a run into the queue, behind those of its key, or before all if it had its turn already; null: it waits now. Call `take` until it gives
   * null after this and after everything else that changes something.
   */
  offer(applicant: Applicant, place: 'last' | 'first'): Refusal | null;
  /** Why a run that waits could never get a place, as it turns out when the budget becomes known; null if it could. */
  neverFits(applicant: Applicant): Refusal | null;
  /** Lets in the run whose turn it is; null if there is none, or it does not fit now. */
  take(): Applicant | null;
  /** Forgets a run, whether it waits or has its place. */
  remove(applicant: Applicant): void;
  /** As of now. */
  load(): Load;
  /** Closed, nobody is let in. Open from the start. */
  setOpen(isOpen: boolean): void;
}

const DIMENSIONS = ['nanoCpus', 'memoryBytes', 'workspaceBytes'] as const satisfies (keyof Demand)[];
const NOTHING: Demand = { nanoCpus: 0, memoryBytes: 0, workspaceBytes: 0 };
const UNBOUNDED: KeyLimits = {
  maxRunning: null,
  maxQueued: null,
  nanoCpus: null,
  memoryBytes: null,
  workspaceBytes: null,
};

/** Those of one key that wait, the first first. */
interface Line {
  runs: Set<Applicant>;
  bounded: number;
}

/** What some runs take together. */
interface Taken {
  runs: number;
  readonly demand: { -readonly [K in keyof Demand]: number };
}

/**
 * Keys take turns, one run each; within a key it is first in, first out. A key at a limit of its own is passed over and keeps its turn. A run
 * whose turn it is and that does not fit beside the others is not passed over: it would wait for ever beside a stream of small ones. So between
 * two turns of a key that is not at its limit, every other key has at most one.
 */
export function createTurns(limits: TurnLimits): Turns {
  /** Those that wait, by key; the key whose turn it is stands first. */
  let waiting = new Map<string | null, Line>();
  let bounded = 0;
  const all: Taken = emptyTaken();
  const byKey = new Map<string | null, Taken>();
  const inside = new Set<Applicant>();
  let isOpen = true;

  const limitsOf = (key: string | null): KeyLimits => (key === null ? UNBOUNDED : limits.ofKey(key));
  const isWithinKey = ({ key, demand }: Applicant): boolean => {
    const most = limitsOf(key);
    const taken = byKey.get(key) ?? emptyTaken();
    return isAtMost(taken.runs + 1, most.maxRunning) && fits(taken, demand, most);
  };
  const isWithinAll = ({ demand }: Applicant): boolean =>
    all.runs < limits.maxRunning && fits(all, demand, limits.budget() ?? UNBOUNDED);
  const neverWithin = ({ key, demand }: Applicant): Refusal | null => {
    const budget = limits.budget() ?? UNBOUNDED;
    for (const what of DIMENSIONS) {
      for (const [whose, most] of [
        [key, limitsOf(key)[what]],
        [null, budget[what]],
      ] as const) {
        if (most !== null && demand[what] > most)
          return { why: 'over_budget', key: whose, what, asked: demand[what], most };
      }
    }
    return null;
  };
  /** The first that waits of the key whose turn it is. */
  const nextInTurn = (): Applicant | null => {
    for (const { runs } of waiting.values()) {
      const [first] = runs;
      if (first !== undefined && isWithinKey(first)) return first;
    }
    return null;
  };
  const wouldEnter = (applicant: Applicant): boolean =>
    isOpen &&
    !waiting.has(applicant.key) &&
    nextInTurn() === null &&
    isWithinKey(applicant) &&
    isWithinAll(applicant);

  const noRoom = (applicant: Applicant): Refusal | null => {
    const { key, queueing } = applicant;
    if (queueing === 'patient' || wouldEnter(applicant)) return null;
    // While the budget is not known, those that will be inside wait too.
    const entering = limits.budget() === null ? limits.maxRunning : 0;
    const { maxQueued, maxRunning } = limitsOf(key);
    const queued = waiting.get(key)?.bounded ?? 0;
    const enteringOfKey = Math.min(entering, maxRunning ?? entering);
    if (maxQueued !== null && queued >= maxQueued + enteringOfKey)
      return { why: 'queue_full', key, running: byKey.get(key)?.runs ?? 0, queued };
    return bounded < limits.maxQueued + entering
      ? null
      : { why: 'queue_full', key: null, running: all.runs, queued: bounded };
  };

  const enqueue = (applicant: Applicant, place: 'last' | 'first'): void => {
    const { key, queueing } = applicant;
    const line = waiting.get(key) ?? { runs: new Set(), bounded: 0 };
    const count = queueing === 'bounded' ? 1 : 0;
    bounded += count;
    line.bounded += count;
    if (place === 'last') {
      line.runs.add(applicant);
      waiting.set(key, line);
      return;
    }
    line.runs = new Set([applicant, ...line.runs]);
    waiting = new Map([[key, line], ...[...waiting].filter(([other]) => other !== key)]);
  };
  const dequeue = (applicant: Applicant): void => {
    const { key, queueing } = applicant;
    const line = waiting.get(key);
    if (line?.runs.delete(applicant) !== true) return;
    const count = queueing === 'bounded' ? 1 : 0;
    bounded -= count;
    line.bounded -= count;
    if (line.runs.size === 0) waiting.delete(key);
  };
  const account = ({ key, demand }: Applicant, sign: 1 | -1): void => {
    const taken = byKey.get(key) ?? emptyTaken();
    byKey.set(key, taken);
    for (const each of [all, taken]) {
      each.runs += sign;
      for (const what of DIMENSIONS) each.demand[what] += sign * demand[what];
    }
    if (taken.runs === 0) byKey.delete(key);
  };

  return {
    get running() {
      return all.runs;
    },
    get queued() {
      return bounded;
    },
    get isFull() {
      return noRoom({ key: null, demand: NOTHING, queueing: 'bounded' }) !== null;
    },
    offer(applicant, place) {
      const refusal = neverWithin(applicant) ?? (place === 'last' ? noRoom(applicant) : null);
      if (refusal !== null) return refusal;
      enqueue(applicant, place);
      return null;
    },
    neverFits: neverWithin,
    take() {
      const next = isOpen && limits.budget() !== null ? nextInTurn() : null;
      if (next === null || !isWithinAll(next)) return null;
      dequeue(next);
      // To the end of the row: the other keys come first now.
      const line = waiting.get(next.key);
      if (line !== undefined && waiting.delete(next.key)) waiting.set(next.key, line);
      inside.add(next);
      account(next, 1);
      return next;
    },
    remove(applicant) {
      if (inside.delete(applicant)) account(applicant, -1);
      else dequeue(applicant);
    },
    load() {
      const names = new Set([...byKey.keys(), ...waiting.keys()]);
      const keys = [...names].map((key) => ({
        key,
        running: byKey.get(key)?.runs ?? 0,
        queued: waiting.get(key)?.runs.size ?? 0,
      }));
      return { taken: { ...all.demand }, queued: keys.reduce((sum, { queued }) => sum + queued, 0), keys };
    },
    setOpen(next) {
      isOpen = next;
    },
  };
}

function emptyTaken(): Taken {
  return { runs: 0, demand: { ...NOTHING } };
}

function isAtMost(value: number, most: number | null): boolean {
  return most === null || value <= most;
}

function fits({ demand: taken }: Taken, demand: Demand, most: Budget): boolean {
  return DIMENSIONS.every((what) => isAtMost(taken[what] + demand[what], most[what]));
}

/** A small correct run store in memory whose every rule can be broken on purpose, to prove that the suite notices. */
import type { RunOutcome } from '../../src/outcome.js';
import type {
  CancelRequest,
  NewRun,
  OwnerLease,
  RunStep,
  RunStore,
  StoredRun,
} from '../../src/run-store/types.js';

/** What is wrong with it; nothing by default. */
export type RunStoreMutation =
  | 'forgets metadata'
  | 'grants an id twice'
  | 'never grants an id again'
  | 'grants a key twice'
  | 'keeps the run of a refused key'
  | 'gives up every key'
  | 'keeps every key'
  | 'shares keys between instances'
  | 'finds the holder of a key by its id alone'
  | 'looks before it claims'
  | 'forgets nothing'
  | 'forgets what is open'
  | 'forgets too early'
  | 'forgets without the key'
  | 'turns steps around'
  | 'drops what a step carries'
  | 'lets the last end count'
  | 'adds steps after the end'
  | 'grants two ends'
  | 'makes up runs'
  | 'lists what has ended'
  | 'lists other instances'
  | 'lists other owners'
  | 'keeps the first lease'
  | 'mixes leases of instances'
  | 'forgets leases of who is at work'
  | 'keeps old leases'
  | 'takes over for several'
  | 'takes over from anybody'
  | 'takes over what has ended'
  | 'keeps requests of what has ended'
  | 'keeps the first request'
  | 'takes requests for any run'
  | 'drops what a request says'
  | 'lists requests of other instances';

interface Entry {
  run: NewRun;
  steps: RunStep[];
  end: RunOutcome | null;
  keepsKey: boolean;
  endedAt: string;
}

/** The store. */
export function simpleRunStore(mutation?: RunStoreMutation): RunStore {
  const is = (which: RunStoreMutation): boolean => mutation === which;
  let entries: Entry[] = [];
  let leases: OwnerLease[] = [];
  let requests: CancelRequest[] = [];
  const view = ({ run, steps, end }: Entry): StoredRun => ({ ...run, steps: [...steps], end });
  const openOf = (runId: string): Entry | undefined =>
    entries.find(({ run, end }) => run.runId === runId && end === null);
  const anyOf = (runId: string): Entry | undefined =>
    openOf(runId) ?? [...entries].reverse().find(({ run }) => run.runId === runId);
  const holderOf = ({ key, instance }: NewRun): Entry | undefined => {
    if (key === null || is('grants a key twice')) return undefined;
    const holder = [...entries]
      .reverse()
      .find(
        (each) =>
          each.run.key === key &&
          (is('shares keys between instances') || each.run.instance === instance) &&
          (each.end === null || each.keepsKey),
      );
    return holder === undefined || !is('finds the holder of a key by its id alone')
      ? holder
      : anyOf(holder.run.runId);
  };
  return {
    async putIfAbsent(run) {
      await Promise.resolve();
      const holder = holderOf(run);
      if (is('looks before it claims')) await Promise.resolve();
      const sameId = is('never grants an id again') ? anyOf(run.runId) : openOf(run.runId);
      const taken = holder ?? (is('grants an id twice') ? undefined : sameId);
      const kept = is('forgets metadata') ? { ...run, metadata: {} } : run;
      const entry = { run: kept, steps: [], end: null, keepsKey: true, endedAt: '' };
      if (taken === undefined || is('keeps the run of a refused key')) entries.push(entry);
      return taken === undefined ? null : view(taken);
    },
    async append(runId, step) {
      await Promise.resolve();
      const entry = is('adds steps after the end') ? anyOf(runId) : openOf(runId);
      const { name, attempt, at } = step;
      const kept = is('drops what a step carries') ? ({ name, attempt, at } as RunStep) : step;
      if (is('turns steps around')) entry?.steps.unshift(kept);
      else entry?.steps.push(kept);
    },
    async end(runId, end, { keepsKey, at }) {
      await Promise.resolve();
      const entry = is('lets the last end count') ? anyOf(runId) : openOf(runId);
      if (entry === undefined) return is('makes up runs');
      if (is('grants two ends')) await Promise.resolve();
      entry.end = end;
      entry.keepsKey = (keepsKey || is('keeps every key')) && !is('gives up every key');
      entry.endedAt = at;
      if (!is('keeps requests of what has ended')) requests = requests.filter((each) => each.runId !== runId);
      return true;
    },
    async takeOver(runId, { from, to }) {
      await Promise.resolve();
      const entry = is('takes over what has ended') ? anyOf(runId) : openOf(runId);
      const isOwner = entry?.run.owner === from || is('takes over from anybody');
      if (entry === undefined || !isOwner) return false;
      if (is('takes over for several')) await Promise.resolve();
      entry.run = { ...entry.run, owner: to };
      return true;
    },
    async get(runId) {
      await Promise.resolve();
      const entry = anyOf(runId);
      return entry === undefined ? null : view(entry);
    },
    async listOpen({ instance, owner }) {
      await Promise.resolve();
      return entries
        .filter(
          ({ run, end }) =>
            (end === null || is('lists what has ended')) &&
            (run.instance === instance || is('lists other instances')) &&
            (owner === undefined || run.owner === owner || is('lists other owners')),
        )
        .map(view);
    },
    async requestCancel(request) {
      await Promise.resolve();
      const { runId, instance, startedAt } = request;
      const run = openOf(runId)?.run;
      const isMeant = run?.instance === instance && run.startedAt === startedAt;
      if (!isMeant && !is('takes requests for any run')) return false;
      if (is('keeps the first request') && requests.some((each) => each.runId === runId)) return true;
      const kept = is('drops what a request says') ? { ...request, by: '', reason: '' } : request;
      requests = [...requests.filter((each) => each.runId !== runId), kept];
      return true;
    },
    async listCancelRequests(instance) {
      await Promise.resolve();
      return requests.filter((each) => each.instance === instance || is('lists requests of other instances'));
    },
    async renewLease(lease) {
      await Promise.resolve();
      const isSame = (each: OwnerLease): boolean =>
        each.owner === lease.owner && (each.instance === lease.instance || is('mixes leases of instances'));
      if (is('keeps the first lease') && leases.some(isSame)) return;
      leases = [...leases.filter((each) => !isSame(each)), lease];
    },
    async listLeases(instance) {
      await Promise.resolve();
      return leases.filter((lease) => lease.instance === instance);
    },
    async forget(before) {
      await Promise.resolve();
      if (is('forgets nothing')) return;
      const isOld = (at: string): boolean => at < before || (is('forgets too early') && at === before);
      const goes = ({ end, endedAt }: Entry): boolean =>
        end === null ? is('forgets what is open') : isOld(endedAt);
      if (is('forgets without the key')) {
        for (const entry of entries.filter(goes)) entry.run = { ...entry.run, runId: 'forgotten' };
      } else {
        entries = entries.filter((entry) => !goes(entry));
      }
      const isAtWork = ({ owner, instance }: OwnerLease): boolean =>
        entries.some(({ run, end }) => end === null && run.owner === owner && run.instance === instance) &&
        !is('forgets leases of who is at work');
      if (is('keeps old leases')) return;
      leases = leases.filter((lease) => !(lease.renewedAt < before) || isAtWork(lease));
    },
  };
}

/** Remembers runs as long as the process lives: for tests, and for runtimes without a state folder. */
import type { RunOutcome } from '../outcome.js';
import type { CancelRequest, NewRun, OwnerLease, RunStep, RunStore, StoredRun } from './types.js';

/** How much it remembers. */
export interface MemoryRunStoreOptions {
  /** Runs that have ended; the oldest are forgotten first. Default 1,000. */
  readonly maxEnded?: number | undefined;
}

interface Entry {
  run: NewRun;
  readonly steps: RunStep[];
  end: RunOutcome | null;
  endedAt: string;
}

const slotOf = ({ instance }: { readonly instance: string }, name: string): string =>
  JSON.stringify([instance, name]);

/** A store in memory. */
export function memoryRunStore({ maxEnded = 1_000 }: MemoryRunStoreOptions = {}): RunStore {
  const open = new Map<string, Entry>();
  const ended = new Map<string, Entry>();
  const keys = new Map<string, Entry>();
  const leases = new Map<string, OwnerLease>();
  const cancels = new Map<string, CancelRequest>();
  const view = (entry: Entry): StoredRun => ({ ...entry.run, steps: entry.steps.slice(), end: entry.end });
  const releaseKey = (entry: Entry): void => {
    const { key } = entry.run;
    if (key === null) return;
    const slot = slotOf(entry.run, key);
    if (keys.get(slot) === entry) keys.delete(slot);
  };
  const drop = (runId: string, entry: Entry): void => {
    ended.delete(runId);
    releaseKey(entry);
  };
  const openRuns = (): readonly NewRun[] => [...open.values()].map(({ run }) => run);
  return {
    async putIfAbsent(run) {
      await Promise.resolve();
      const slot = run.key === null ? null : slotOf(run, run.key);
      const taken = (slot === null ? undefined : keys.get(slot)) ?? open.get(run.runId);
      if (taken !== undefined) return view(taken);
      const entry: Entry = { run, steps: [], end: null, endedAt: '' };
      open.set(run.runId, entry);
      if (slot !== null) keys.set(slot, entry);
      return null;
    },
    async append(runId, step) {
      await Promise.resolve();
      open.get(runId)?.steps.push(step);
    },
    async end(runId, end, { keepsKey, at }) {
      await Promise.resolve();
      const entry = open.get(runId);
      if (entry === undefined) return false;
      entry.end = end;
      entry.endedAt = at;
      open.delete(runId);
      cancels.delete(runId);
      const earlier = ended.get(runId);
      if (earlier !== undefined) drop(runId, earlier);
      ended.set(runId, entry);
      if (!keepsKey) releaseKey(entry);
      for (const [oldest, other] of ended) {
        if (ended.size <= maxEnded) break;
        drop(oldest, other);
      }
      return true;
    },
    async takeOver(runId, { from, to }) {
      await Promise.resolve();
      const entry = open.get(runId);
      if (entry?.run.owner !== from || from === to) return false;
      entry.run = { ...entry.run, owner: to };
      return true;
    },
    async get(runId) {
      await Promise.resolve();
      const entry = open.get(runId) ?? ended.get(runId);
      return entry === undefined ? null : view(entry);
    },
    async listOpen({ instance, owner }) {
      await Promise.resolve();
      return [...open.values()]
        .filter(({ run }) => run.instance === instance && (owner === undefined || run.owner === owner))
        .map(view);
    },
    async requestCancel(request) {
      await Promise.resolve();
      const { runId, instance, startedAt } = request;
      const run = open.get(runId)?.run;
      if (run?.instance !== instance || run.startedAt !== startedAt) return false;
      cancels.set(runId, request);
      return true;
    },
    async listCancelRequests(instance) {
      await Promise.resolve();
      return [...cancels.values()].filter((request) => request.instance === instance);
    },
    async renewLease(lease) {
      await Promise.resolve();
      leases.set(slotOf(lease, lease.owner), lease);
    },
    async listLeases(instance) {
      await Promise.resolve();
      return [...leases.values()].filter((lease) => lease.instance === instance);
    },
    async forget(before) {
      await Promise.resolve();
      const limit = Date.parse(before);
      for (const [runId, entry] of ended) if (Date.parse(entry.endedAt) < limit) drop(runId, entry);
      const atWork = new Set(openRuns().map((run) => slotOf(run, run.owner)));
      for (const [slot, { renewedAt }] of leases) {
        if (Date.parse(renewedAt) < limit && !atWork.has(slot)) leases.delete(slot);
      }
    },
  };
}

/** Remembers runs in a folder, for all processes that use it: one file a run, appended to line by line, one a key, a lease and a request. */
import { nodeCrypto } from '../base/node-crypto.js';
import { rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { folderPath } from '../host/folder-path.js';
import { errorCode } from '../host/node.js';
import { privateFolder } from '../host/private-folder.js';
import { type FoldedRun, foldLines, toLine } from './fold.js';
import {
  appendText,
  isOlder,
  namesIn,
  readText,
  removeOldDrafts,
  replaceWhole,
  writeWhole,
} from '../host/lasting-files.js';
import type { CancelRequest, NewRun, OwnerLease, RunStore, StoredRun } from './types.js';

const PLAIN_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const RUN_SUFFIX = '.jsonl';
const LEASE_SUFFIX = '.json';
/** A key is given up, and its run forgotten, one after the other: for that moment it is worth to wait. */
const MAX_TRIES = 20;
const TRY_MS = 25;

const hashOf = (...parts: readonly string[]): string =>
  nodeCrypto().createHash('sha256').update(JSON.stringify(parts)).digest('hex');
const runFile = (runId: string): string =>
  (PLAIN_ID.test(runId) ? `run-${runId}` : `hash-${hashOf(runId)}`) + RUN_SUFFIX;
const keyFile = (instance: string, key: string): string => hashOf(instance, key);
const leaseFile = ({ instance, owner }: Pick<OwnerLease, 'instance' | 'owner'>): string =>
  hashOf(instance, owner) + LEASE_SUFFIX;

/**
 * A store in a folder of a local file system. The folder is made with the first run, 0700, and must belong to this user and be writable by nobody
 * else; files are 0600. Results stand in it as they are handed out: with what is kept of a job's output, and without secrets. A last
 * line that broke off is passed over, and what is not its own is left alone.
 *
 * @throws `config.invalid` for an empty path.
 * @example
 * ```ts
 * const runtime = createRuntime({ instanceId: 'billing' }, { runStore: fileRunStore('/var/lib/billing/runs') });
 * ```
 */
export function fileRunStore(path: string): RunStore {
  const folder = folderPath(path, 'fileRunStore');
  const open = join(folder, 'open');
  const ended = join(folder, 'ended');
  const keys = join(folder, 'keys');
  const leases = join(folder, 'leases');
  const cancels = join(folder, 'cancels');
  let made: Promise<void> | null = null;
  const prepared = async (): Promise<void> => {
    made ??= (async () => {
      for (const path of [folder, open, ended, keys, leases, cancels]) await privateFolder(path);
    })();
    try {
      await made;
    } catch (error) {
      made = null;
      throw error;
    }
  };

  /** Looks twice where it was open: a run that ends meanwhile moves from one folder to the other. */
  const find = async (runId: string): Promise<FoldedRun | null> => {
    const name = runFile(runId);
    return (await readRun(open, name)) ?? (await readRun(ended, name)) ?? readRun(open, name);
  };
  /** The run a key stands for; null where it stands for none any more. */
  const holderOf = async ({ instance, key }: NewRun, runId: string): Promise<StoredRun | null> => {
    for (const folder of [open, ended, open]) {
      const found = await readRun(folder, runFile(runId));
      if (found?.keepsKey === true && found.run.key === key && found.run.instance === instance)
        return found.run;
    }
    return null;
  };
  const releaseKey = async ({ instance, key, runId }: NewRun): Promise<void> => {
    if (key === null) return;
    const path = join(keys, keyFile(instance, key));
    if ((await readText(path)) === runId) await rm(path, { force: true });
  };
  const openRuns = async (): Promise<readonly StoredRun[]> => {
    const found = await Promise.all(
      (await namesIn(open, RUN_SUFFIX)).map(async (name) => readRun(open, name)),
    );
    return found.flatMap((each) => (each?.run.end === null ? [each.run] : []));
  };

  /** Null: it is claimed. Otherwise what stands in the way, if that can be said yet. */
  const tryPut = async (run: NewRun, isLast: boolean): Promise<StoredRun | 'unclear' | null> => {
    const name = runFile(run.runId);
    if (!(await writeWhole(open, name, toLine({ run })))) {
      const standing = await find(run.runId);
      if (standing?.run.end === null) return standing.run;
      // Who ended it is about to move it, unless it died.
      if (isLast && standing !== null) await moveEnded(open, ended, name);
      return 'unclear';
    }
    let isClaimed = false;
    try {
      const { instance, key } = run;
      if (key === null || (await writeWhole(keys, keyFile(instance, key), run.runId))) {
        isClaimed = true;
        return null;
      }
      const holder = (await readText(join(keys, keyFile(instance, key)))) ?? '';
      const standing = await holderOf(run, holder);
      // Who gave it up is about to remove it, unless it died.
      if (isLast && standing === null) await releaseKey({ ...run, runId: holder });
      return standing ?? 'unclear';
    } finally {
      if (!isClaimed) await rm(join(open, name), { force: true });
    }
  };

  return {
    async putIfAbsent(run) {
      await prepared();
      for (let tries = 0; tries <= MAX_TRIES; tries += 1) {
        if (tries > 0) await pause(TRY_MS);
        const answer = await tryPut(run, tries === MAX_TRIES - 1);
        if (answer !== 'unclear') return answer;
      }
      throw new Error(`what stands in the way of run ${run.runId} cannot be read`);
    },
    async append(runId, step) {
      await appendText(join(open, runFile(runId)), toLine({ step }), 'publication' in step);
    },
    async end(runId, end, { keepsKey, at }) {
      const name = runFile(runId);
      const before = await readRun(open, name);
      if (before?.run.end !== null) return false;
      const endId = nodeCrypto().randomUUID();
      if (!(await appendText(join(open, name), toLine({ end, keepsKey, endId, at }), true))) return false;
      // Of two ends at the same time the first line counts, for everybody.
      const isOurs = (await find(runId))?.endId === endId;
      if (isOurs && !keepsKey) await releaseKey(before.run);
      // So that what is to be forgotten is found without reading all that is not.
      await utimes(join(open, name), new Date(at), new Date(at)).catch(() => undefined);
      await moveEnded(open, ended, name);
      // One that stays names a run that is over, and is passed over.
      await rm(join(cancels, name), { force: true }).catch(() => undefined);
      return isOurs;
    },
    async takeOver(runId, { from, to }) {
      const name = runFile(runId);
      const before = await readRun(open, name);
      if (before?.run.owner !== from || before.run.end !== null || from === to) return false;
      const takingId = nodeCrypto().randomUUID();
      if (!(await appendText(join(open, name), toLine({ taken: { from, to }, takingId }), true)))
        return false;
      // Of several at the same time the first line counts, for everybody.
      const after = await readRun(open, name);
      return after?.run.end === null && after.takingId === takingId;
    },
    async get(runId) {
      return (await find(runId))?.run ?? null;
    },
    async listOpen({ instance, owner }) {
      return (await openRuns()).filter(
        (run) => run.instance === instance && (owner === undefined || run.owner === owner),
      );
    },
    async requestCancel(request) {
      const name = runFile(request.runId);
      const isOpen = async (): Promise<boolean> => isMeant(request, (await readRun(open, name))?.run);
      if (!(await isOpen())) return false;
      await prepared();
      await replaceWhole(cancels, name, JSON.stringify(request));
      // Who ended it meanwhile may have looked before it was there.
      if (await isOpen()) return true;
      await rm(join(cancels, name), { force: true });
      return false;
    },
    async listCancelRequests(instance) {
      const found: CancelRequest[] = [];
      for (const name of await namesIn(cancels, RUN_SUFFIX)) {
        const request = toCancelRequest((await readText(join(cancels, name))) ?? '');
        if (request?.instance !== instance || runFile(request.runId) !== name) continue;
        if (isMeant(request, (await readRun(open, name))?.run)) found.push(request);
      }
      return found;
    },
    async renewLease(lease) {
      await prepared();
      await replaceWhole(leases, leaseFile(lease), JSON.stringify(lease));
    },
    async listLeases(instance) {
      return (await readLeases(leases)).filter((lease) => lease.instance === instance);
    },
    async forget(before) {
      const limit = Date.parse(before);
      // Who ended a run may have died before it moved it.
      for (const name of await namesIn(open, RUN_SUFFIX)) {
        if (isBefore((await readRun(open, name))?.endedAt, limit)) await moveEnded(open, ended, name);
      }
      for (const name of await namesIn(ended, RUN_SUFFIX)) {
        if (!(await isOlder(join(ended, name), limit))) continue;
        const folded = await readRun(ended, name);
        if (folded === null) continue;
        if (!isBefore(folded.endedAt, limit)) continue;
        // Whoever gets the file away forgets the run, and nobody else: so nobody removes a key that was claimed again since.
        const taken = join(ended, `.${nodeCrypto().randomUUID()}`);
        if (!(await isMoved(join(ended, name), taken))) continue;
        await releaseKey(folded.run);
        await rm(taken, { force: true });
      }
      const atWork = new Set((await openRuns()).map(leaseFile));
      for (const lease of await readLeases(leases)) {
        if (!isBefore(lease.renewedAt, limit) || atWork.has(leaseFile(lease))) continue;
        await rm(join(leases, leaseFile(lease)), { force: true });
      }
      for (const name of await namesIn(cancels, RUN_SUFFIX)) {
        const isOver =
          (await isOlder(join(cancels, name), limit)) && (await readText(join(open, name))) === null;
        if (isOver) await rm(join(cancels, name), { force: true });
      }
      for (const path of [open, ended, keys, leases, cancels]) await removeOldDrafts(path, limit);
    },
  };
}

const isBefore = (at: string | null | undefined, limitMs: number): boolean =>
  at != null && Date.parse(at) < limitMs;

/** Null where there is none, and for a file that is not where the run it tells of would be. */
async function readRun(folder: string, name: string): Promise<FoldedRun | null> {
  const text = await readText(join(folder, name));
  const folded = text === null ? null : foldLines(text);
  return folded !== null && runFile(folded.run.runId) === name ? folded : null;
}

async function readLeases(folder: string): Promise<readonly OwnerLease[]> {
  const found: OwnerLease[] = [];
  for (const name of await namesIn(folder, LEASE_SUFFIX)) {
    const lease = toLease((await readText(join(folder, name))) ?? '');
    if (lease !== null && leaseFile(lease) === name) found.push(lease);
  }
  return found;
}

function toLease(text: string): OwnerLease | null {
  try {
    const value = JSON.parse(text) as Partial<OwnerLease> | null;
    const isLease = typeof value?.renewals === 'number' && typeof value.renewedAt === 'string';
    return isLease ? (value as OwnerLease) : null;
  } catch {
    return null;
  }
}

/** Whether a request is about this run, and it is open. */
const isMeant = ({ instance, startedAt }: CancelRequest, run: StoredRun | undefined): boolean =>
  run?.end === null && run.instance === instance && run.startedAt === startedAt;

function toCancelRequest(text: string): CancelRequest | null {
  try {
    const value = JSON.parse(text) as Partial<CancelRequest> | null;
    const texts = [value?.instance, value?.runId, value?.startedAt, value?.by, value?.reason, value?.at];
    return texts.every((each) => typeof each === 'string') ? (value as CancelRequest) : null;
  } catch {
    return null;
  }
}

async function moveEnded(open: string, ended: string, name: string): Promise<void> {
  await isMoved(join(open, name), join(ended, name));
}

/** False where somebody else was first. */
async function isMoved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** What the containers of an examination showed of each limit. Pure: a limit is enforced only if that was seen, and whatever was not seen is not checked. */
import type { EnforcedLimit } from '../base/enforced-limits.js';
import { wasSignaled } from '../execute/signals.js';
import { forksFor, PIECES } from './probe-programs.js';
import { type Probe, PROBE_MEMORY_BYTES } from './probes.js';

/**
 * Why nothing was seen: the image lacks what it is tried with, or there is none (`image`); the container did not start (`start`), or did not run or end as it
 * should (`container`); its runtime does not show it (`runtime`); or it showed, and nobody says what of (`unconfirmed`).
 */
export type UnseenCause = 'image' | 'start' | 'container' | 'runtime' | 'unconfirmed';

/** There was no container, or none that ran to an end. */
export interface UnrunProbe {
  readonly ran: false;
  readonly problem: string;
  readonly cause: 'image' | 'start' | 'container';
}

/** How the container of a probe ended. */
export type ProbeEnd =
  | {
      readonly ran: true;
      /** The last value of each key that was written. */
      readonly seen: ReadonlyMap<string, string>;
      readonly exitCode: number | null;
      readonly oomKilled: boolean | null;
      /** Why the container was stopped before its end; null: it was not. */
      readonly stopped: string | null;
      /** What it was allowed. */
      readonly limits: Probe['limits'];
      /** Of `memory`, killed like this twice: the same ended well with so much. */
      readonly survivedWithBytes?: number | undefined;
    }
  | UnrunProbe;

/** What was seen of one limit. */
export type Finding =
  | { readonly state: 'enforced' | 'not_enforced'; readonly evidence: string }
  | { readonly state: 'not_checked'; readonly evidence: string; readonly cause: UnseenCause };

/** One whose container ran. */
export type EndedProbe = Extract<ProbeEnd, { readonly ran: true }>;

const enforced = (evidence: string): Finding => ({ state: 'enforced', evidence });
const notEnforced = (evidence: string): Finding => ({ state: 'not_enforced', evidence });

/** Nothing was seen, and why. */
const notChecked = (evidence: string, cause: UnseenCause): Finding => ({
  ...{ state: 'not_checked', evidence, cause },
});

/** By which container each limit is tried, and what its end means. */
export const LIMIT_PROBES: Readonly<
  Record<
    EnforcedLimit,
    {
      readonly probe: Exclude<Probe['name'], 'transport'>;
      readonly judge: (end: EndedProbe) => Finding | null;
    }
  >
> = {
  memory: { probe: 'memory', judge: judgeMemory },
  pids: { probe: 'pids', judge: judgePids },
  cpu: { probe: 'cpu', judge: judgeCpu },
  shm_size: { probe: 'bounds', judge: (end) => judgeFilled(end, 'shm_size', '/dev/shm') },
  tmpfs_size: {
    probe: 'bounds',
    judge: (end) => judgeFilled(end, 'tmpfs_size', 'the temporary file system'),
  },
  ulimits: { probe: 'bounds', judge: judgeUlimits },
  read_only_root: { probe: 'bounds', judge: judgeRoot },
  no_new_privileges: { probe: 'bounds', judge: judgePrivileges },
  capabilities: { probe: 'bounds', judge: judgeCapabilities },
  network_none: { probe: 'bounds', judge: judgeNetwork },
};

/** What one container showed of one limit. */
export function judgeLimit(limit: EnforcedLimit, end: ProbeEnd): Finding {
  if (!end.ran) return notChecked(end.problem, end.cause);
  const finding = LIMIT_PROBES[limit].judge(end);
  if (finding !== null) return finding;
  if (end.stopped !== null)
    return notChecked(`the container showed nothing of it: ${end.stopped}`, 'container');
  return notChecked(`the container showed nothing of it and ended with ${String(end.exitCode)}`, 'container');
}

function numberOf({ seen }: EndedProbe, key: string): number | null {
  const text = seen.get(key);
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : null;
}

/**
 * A kill alone proves nothing: the whole machine may be short of memory. The engine, or the container's own control group, has to agree; or the same has to end
 * well right after, with more.
 */
function judgeMemory(end: EndedProbe): Finding | null {
  const { seen, exitCode, oomKilled, stopped, survivedWithBytes } = end;
  const limit = `${String(PROBE_MEMORY_BYTES)} bytes`;
  if (seen.has('survived')) return notEnforced(`a process took more than the ${limit} it may have`);
  if (!seen.has('began') || stopped !== null || exitCode !== 137) return null;
  if (oomKilled !== true && numberOf(end, 'limit') !== PROBE_MEMORY_BYTES) {
    if (survivedWithBytes !== undefined) {
      const well = `the same ended well with ${String(survivedWithBytes)}`;
      return enforced(`a process that took more than ${limit} was killed twice, and ${well}`);
    }
    const why =
      'a process was killed, and neither the engine nor a control group says that it was for lack of memory';
    return notChecked(why, 'unconfirmed');
  }
  return enforced(`a process that took more than ${limit} was killed`);
}

function judgePids(end: EndedProbe): Finding | null {
  const { seen, stopped, exitCode, limits } = end;
  if (seen.has('missing')) return notChecked('the image has no sleep, which this is tried with', 'image');
  const allowed = limits.pidsLimit;
  if (allowed === undefined) return null;
  const forked = numberOf(end, 'forked');
  if (forked === forksFor(allowed)) {
    return notEnforced(`${String(forked)} processes ran where ${String(allowed)} may`);
  }
  // Whoever kills the shell keeps it from beginning another, too.
  const wasEnded = stopped !== null || exitCode === null || wasSignaled(exitCode);
  if (forked === null || forked >= allowed || wasEnded) return null;
  return enforced(
    `after ${String(forked)} more processes the kernel refused another, where ${String(allowed)} may run`,
  );
}

function judgeCpu({ seen }: EndedProbe): Finding | null {
  if (seen.has('missing')) {
    const why = 'the container cannot read how often the kernel held it back (cpu.stat)';
    return notChecked(why, 'runtime');
  }
  if (seen.has('throttled')) return enforced('the kernel held the container back at a tenth of a processor');
  return seen.has('free') ? notEnforced('a container with a tenth of a processor was never held back') : null;
}

/** Pieces are counted roughly: the one that meets the limit may or may not count. */
function judgeFilled(end: EndedProbe, key: EnforcedLimit, place: string): Finding | null {
  const pieces = numberOf(end, key);
  if (pieces === null) return null;
  const written = `${String(pieces * 32)} KiB could be written to ${place} of 1024 KiB`;
  if (pieces >= PIECES) return notEnforced(written);
  if (pieces > 0) return enforced(`${written}, and no more`);
  return key === 'tmpfs_size' ? notEnforced('the temporary file system is not there') : null;
}

function judgeUlimits(end: EndedProbe): Finding | null {
  const pieces = numberOf(end, 'ulimits');
  // Only what comes next says that no more of them followed.
  if (pieces === null || !end.seen.has('shm_size')) return null;
  return pieces < 4
    ? enforced('a file could not grow beyond the ulimit fsize')
    : notEnforced('a file grew beyond the ulimit fsize');
}

/** A write may fail for other reasons: the mount has to be read-only as well. */
function judgeRoot({ seen }: EndedProbe): Finding | null {
  const root = seen.get('root');
  if (root === 'written') return notEnforced('a file could be written to /');
  if (root !== 'refused') return null;
  const options = seen.get('root_options')?.split(',') ?? [];
  if (options.includes('ro')) return enforced('/ is mounted read-only, and a write was refused');
  return options.includes('rw') ? notEnforced('/ is mounted writable') : null;
}

function judgePrivileges({ seen }: EndedProbe): Finding | null {
  const flag = seen.get('no_new_privileges');
  if (flag === 'missing') {
    return notChecked('the kernel tells no process of it (NoNewPrivs in /proc/self/status)', 'runtime');
  }
  if (flag === '1') return enforced('the kernel says NoNewPrivs: 1 of a process');
  return flag === '0' ? notEnforced('the kernel says NoNewPrivs: 0 of a process') : null;
}

function judgeCapabilities({ seen }: EndedProbe): Finding | null {
  const set = seen.get('capabilities');
  if (set === undefined || !/^[0-9a-f]+$/.test(set)) return null;
  return /^0+$/.test(set)
    ? enforced('the kernel says that no process can have a capability')
    : notEnforced(`the kernel says that processes can have capabilities (CapBnd: ${set})`);
}

function judgeNetwork(end: EndedProbe): Finding | null {
  // The first line is the heading: no line at all is no answer.
  const routes = numberOf(end, 'routes');
  const routes6 = numberOf(end, 'routes6');
  if (routes === null || routes < 0 || routes6 === null) return null;
  return routes === 0 && routes6 === 0
    ? enforced('no route leads out of the container')
    : notEnforced(`${String(routes + routes6)} routes lead out of the container`);
}

/** What was free beneath the root of the container; null: it was not seen. */
export function rootFreeBytes(end: ProbeEnd): number | null {
  const kib = end.ran ? end.seen.get('root_free_kib') : undefined;
  return kib !== undefined && /^\d{1,12}$/.test(kib) ? Number(kib) * 1024 : null;
}

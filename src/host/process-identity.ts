/** Who this process is, for ownership labels: told apart from another process with the same pid, after a reboot or in a sibling container. */
import { nodeCrypto } from '../base/node-crypto.js';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorCode } from './node.js';
import { thisProcess } from './this-process.js';

const readOr = (fallback: string, read: () => string): string => {
  try {
    return read().trim();
  } catch {
    return fallback;
  }
};

/**
 * `<boot id>.<pid namespace>.<pid>.<start time>`; parts the platform does not tell are `unknown`. The start time then is in milliseconds since the epoch:
 * only a lease tells whether such an owner lives, but no later process with its pid is taken for it.
 */
export function processOwner(pid: number): string {
  if (thisProcess.platform !== 'linux') {
    return `unknown.unknown.${String(pid)}.${String(Math.round(performance.timeOrigin))}`;
  }
  const bootId = readOr('unknown', () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const namespace = readOr('unknown', () => readlinkSync('/proc/self/ns/pid').replace(/\D/g, ''));
  const startTime = statOf('self').startTime ?? 'unknown';
  return `${bootId}.${namespace}.${String(pid)}.${startTime}`;
}

/** Whether the process behind an owner is there, and how that is known. */
export interface OwnerState {
  readonly state: 'self' | 'alive' | 'dead' | 'unknown';
  readonly proof: string;
  /** Nothing but a lease that ran out says so: a process that was stopped may come back. */
  readonly isPresumed?: boolean | undefined;
}

interface OwnerParts {
  readonly bootId: string;
  readonly namespace: string;
  readonly pid: number;
  readonly startTime: string;
}

/**
 * What can be said of an owner by `self`. Dead is only what is proven so: the same boot, the same pid namespace, and a process that is gone, has
 * ended, or is another one by now. Everything else that is not there to be seen is unknown.
 */
export function ownerState(owner: string, self: string): OwnerState {
  if (owner === self) return { state: 'self', proof: 'it is this process' };
  const unknown = (proof: string): OwnerState => ({ state: 'unknown', proof });
  const theirs = partsOf(owner);
  const ours = partsOf(self);
  if (theirs === null) return unknown('its owner is not written as this version writes one');
  if (ours === null) return unknown('this platform does not tell who a process is');
  if (theirs.bootId !== ours.bootId) return unknown('its owner ran before a reboot, or on another machine');
  if (theirs.namespace !== ours.namespace) return unknown('its owner is of another pid namespace');
  return processState(theirs);
}

/** The boot an owner ran in; null where it is not written as this version writes one. */
export function bootOf(owner: string): string | null {
  return partsOf(owner)?.bootId ?? null;
}

function partsOf(owner: string): OwnerParts | null {
  const match = /^([0-9a-f-]{36})\.(\d+)\.(\d+)\.(\d+)$/.exec(owner);
  if (match === null) return null;
  const [, bootId = '', namespace = '', pid = '', startTime = ''] = match;
  return { bootId, namespace, pid: Number(pid), startTime };
}

function processState({ pid, startTime }: OwnerParts): OwnerState {
  const name = `process ${String(pid)}`;
  try {
    // Asks the kernel in our own pid namespace, also about processes that /proc hides from us.
    thisProcess.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return { state: 'dead', proof: `${name} is gone` };
  }
  const alive = (proof: string): OwnerState => ({ state: 'alive', proof });
  // A /proc of another pid namespace, as in a container that was given the host's, shows somebody else under this number.
  if (statOf('self').pid !== String(thisProcess.pid)) return alive(`${name} is there`);
  const seen = statOf(String(pid));
  if (seen.startTime === null) return alive(`${name} is there`);
  if (seen.state === 'Z' || seen.state === 'X') return { state: 'dead', proof: `${name} has ended` };
  if (seen.startTime === startTime) return alive(`${name} is there, started when the owner was`);
  const sameClock = timeNamespaceOf(String(pid)) === timeNamespaceOf('self');
  return sameClock
    ? { state: 'dead', proof: `${name} is another one, started at another time` }
    : alive(`${name} is there, and when it started cannot be compared`);
}

interface ProcessStat {
  readonly pid: string;
  readonly state: string | null;
  readonly startTime: string | null;
}

/** Nulls for what cannot be read. The command in field 2 may hold blanks and brackets, so counting starts after its last bracket. */
function statOf(pid: string): ProcessStat {
  const stat = readOr('', () => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid: stat.slice(0, Math.max(0, stat.indexOf(' '))),
    state: stat === '' ? null : (fields[0] ?? null),
    startTime: stat === '' ? null : (fields[19] ?? null),
  };
}

const timeNamespaceOf = (pid: string): string => readOr('none', () => readlinkSync(`/proc/${pid}/ns/time`));

/** The same for all processes of this machine that share its name, also after a reboot: 16 hex digits; null where the platform does not tell. */
export function machineIdentity(): string | null {
  const id = readOr('', () => readFileSync('/etc/machine-id', 'utf8'));
  if (!/^[0-9a-f]{32}$/.test(id)) return null;
  // Images and clones of machines bring the same file along; their host names differ.
  return nodeCrypto().createHash('sha256').update(`${hostname()}\0${id}`).digest('hex').slice(0, 16);
}

/** A stable name for "the runtime of this host with this workspace root": 16 hex digits. */
export function defaultInstanceId(workspaceRoot: string): string {
  return nodeCrypto()
    .createHash('sha256')
    .update(`${hostname()}\0${workspaceRoot}`)
    .digest('hex')
    .slice(0, 16);
}

/** Who this process is, for ownership labels: told apart from another process with the same pid, after a reboot or in a sibling container. */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

const readOr = (fallback: string, read: () => string): string => {
  try {
    return read().trim();
  } catch {
    return fallback;
  }
};

/** `<boot id>.<pid namespace>.<pid>.<start time>`; parts the platform does not tell are `unknown`. */
export function processOwner(pid: number): string {
  const bootId = readOr('unknown', () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const namespace = readOr('unknown', () => readlinkSync('/proc/self/ns/pid').replace(/\D/g, ''));
  // Field 22 of stat; the command in field 2 may hold blanks, so counting starts after its closing bracket.
  const startTime = readOr('unknown', () => {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'unknown';
  });
  return `${bootId}.${namespace}.${String(pid)}.${startTime}`;
}

/** A stable name for "the runtime of this host with this workspace root": 16 hex digits. */
export function defaultInstanceId(workspaceRoot: string): string {
  return createHash('sha256').update(`${hostname()}\0${workspaceRoot}`).digest('hex').slice(0, 16);
}

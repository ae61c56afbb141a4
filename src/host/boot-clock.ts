/** A time that the processes of one boot of this machine share, and that no setting of its clock changes. */
import { readFileSync, readlinkSync } from 'node:fs';
import { lazy } from '../base/lazy.js';
import { thisProcess } from './this-process.js';

/** A moment, as it can be compared within one boot. JSON-safe. */
export interface BootTime {
  /** The boot and the time namespace: what differs here tells nothing. */
  readonly boot: string;
  readonly ms: number;
}

/** Now; null where the platform does not tell. */
export function bootTime(): BootTime | null {
  // Elsewhere nothing says which boot it is.
  if (thisProcess.platform !== 'linux') return null;
  try {
    return { boot: thisBoot(), ms: Number(thisProcess.hrtime.bigint() / 1_000_000n) };
  } catch {
    return null;
  }
}

/** How long ago a moment was; null where that cannot be said. */
export function msSince(moment: BootTime | null, now: BootTime | null): number | null {
  return moment !== null && moment.boot === now?.boot ? now.ms - moment.ms : null;
}

/** Whether a moment was in another boot of this machine; one in another time namespace of the same was not. */
export function isEarlierBoot(moment: BootTime | null, now: BootTime | null): boolean {
  const bootOf = ({ boot }: BootTime): string | undefined => boot.split('.')[0];
  return moment !== null && now !== null && bootOf(moment) !== bootOf(now);
}

/** No process lives on in another boot, or goes to another time namespace. */
const thisBoot = lazy(() => {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${bootId}.${timeNamespace()}`;
});

/** Kernels before 5.6 have one clock for all. */
function timeNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/time').replace(/\D/g, '');
  } catch {
    return '0';
  }
}

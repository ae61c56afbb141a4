/** Resident memory of this process, as the kernel counts it. */
import { readFile, writeFile } from 'node:fs/promises';

/** `VmRSS` or `VmHWM` of this process, in bytes. */
async function residentBytes(field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8');
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`the kernel tells no ${field}`);
  return Number(kibibytes) * 1024;
}

/** By how many bytes it grew at its peak while something was done. */
export async function growthDuring(work: () => Promise<unknown>): Promise<number> {
  // proc(5), clear_refs: from here on the kernel's own peak begins anew, so that no sampling misses it.
  await writeFile('/proc/self/clear_refs', '5');
  const before = await residentBytes('VmRSS');
  await work();
  return (await residentBytes('VmHWM')) - before;
}

/** The descriptors and timers of this process: counted, used up, and given back. */
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';

/** What is open, by descriptor. */
export function openDescriptors(): ReadonlyMap<string, string> {
  const entries = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return [descriptor, readlinkSync(`/proc/self/fd/${descriptor}`)] as const;
    } catch {
      // The one that the list itself was read with.
      return null;
    }
  });
  return new Map(entries.filter((entry) => entry !== null));
}

/** How many timers keep this process alive. */
export const activeTimers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

/** Opens files until there is no descriptor left; the function that is given closes them. */
export function useUpDescriptors(): () => void {
  const opened: number[] = [];
  try {
    for (;;) opened.push(openSync('/dev/null', 'r'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
  }
  return () => {
    for (const descriptor of opened.splice(0)) closeSync(descriptor);
  };
}

/**
 * What helpers do after every test. Files that share a process share its modules, too: a hook at the top of a helper would be one of the first file
 * alone, so those stand in `hooks.ts`, which is run anew for each file.
 */
const endings: (() => Promise<void>)[] = [];

/** Has something done after every test from now on, in whatever file; it has to do nothing where its helper was not used. */
export function afterEveryTest(work: () => Promise<void>): void {
  endings.push(work);
}

/** Does all of it. */
export async function endTest(): Promise<void> {
  for (const end of endings) await end();
}

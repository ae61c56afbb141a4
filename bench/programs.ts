/** Programs of the system as baselines: started, waited for, and nothing else. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program to its end; rejects when it fails. */
export async function runProgram(program: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await execute(program, [...words]);
  return stdout;
}

/** Brings everything written so far to the disk, so that no sample pays for what another one wrote. */
export async function settleDisk(folder: string): Promise<void> {
  await runProgram('sync', '--file-system', folder);
}

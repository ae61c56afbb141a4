/** Processes of other owners: children whose owner a test can write down, stop and end. It asserts nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { processOwner } from '../../src/host/process-identity.js';

/** A child that sleeps, and its owner as it would write it itself. */
export interface ChildOwner {
  readonly owner: string;
  readonly child: ChildProcess;
  /** Ends it and waits until it is gone. */
  end(): Promise<void>;
}

/** The parts of this process's owner. */
export const ownParts = (): readonly string[] => processOwner(process.pid).split('.');

/** Starts a child. */
export async function startChildOwner(): Promise<ChildOwner> {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const [bootId = '', namespace = ''] = ownParts();
  const owner = [bootId, namespace, child.pid, startTimeOf(child.pid ?? 0)].join('.');
  const exited = once(child, 'exit');
  return {
    owner,
    child,
    async end() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** When a process started, in the kernel's own unit. */
export function startTimeOf(pid: number): string {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** The owner of a process that has ended. */
export async function deadOwner(): Promise<string> {
  const { owner, end } = await startChildOwner();
  await end();
  return owner;
}

/** Waits for an engine that was started as a process of our own. It starts and ends none. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { callEngine } from './http.mjs';

const READY_MS = 60_000;

export const hasEnded = ({ child }) =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null;

/** Throws with the end of the engine's own log where it does not answer in time. */
export async function untilReady({ host, process, name, log }) {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    const ping = await callEngine(host, 'GET', '/_ping', { timeoutMs: 2_000 }).catch(() => null);
    if (ping?.text === 'OK') return;
    if (hasEnded(process) || performance.now() > deadline) {
      const tail = readFileSync(log, 'utf8').split('\n').slice(-15).join('\n');
      throw new Error(`the private ${name} did not start:\n${tail}`);
    }
    await sleep(50);
  }
}

/** The process of a scene that is killed, stopped or short of descriptors: performs the runs it is told and records them. No scene itself. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { bendTimers } from './bent-timers.js';
import { DEFECTS } from './defects.js';
import { useUpDescriptors } from './descriptors.js';
import { imageOf } from './engines.js';
import type { SharedFault } from './faults.js';
import { recordingLeftovers } from './left-in-process.js';
import { performRuns } from './perform-runs.js';
import { type ProcessOrder, STOPPING } from './process.js';
import { createProgress } from './progress.js';
import { recordToFile } from './recorder.js';

const [orderFile = ''] = process.argv.slice(2);
const order = JSON.parse(readFileSync(orderFile, 'utf8')) as ProcessOrder;
const { scene, place, host, defect } = order;
const record = recordToFile(order.record);

/** For how long there are no descriptors: less than a clean-up takes to give up. */
const SHORTAGE_MS = 1_500;

/** As under `ulimit -n 64`, but from now on: what loads TypeScript needs more while it does. */
async function limitDescriptors(): Promise<void> {
  await import('dockerode');
  execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=64:64']);
}

async function strike(fault: SharedFault): Promise<(() => Promise<void>) | null> {
  if (fault === 'process_killed') process.kill(process.pid, 'SIGKILL');
  if (fault === 'process_stopped') {
    writeSync(1, `${STOPPING}\n`);
    process.kill(process.pid, 'SIGSTOP');
  }
  if (fault === 'descriptors_used_up') {
    const giveBack = useUpDescriptors();
    const shortage = sleep(SHORTAGE_MS).then(giveBack);
    return async () => shortage;
  }
  return Promise.resolve(null);
}

bendTimers();
// From the first stream of a process on, libuv keeps one descriptor in reserve: it is not left by a run, so it is there before the first.
Reflect.get(process, 'stdout');
if (scene.kind === 'descriptors_used_up') await limitDescriptors();
await recordingLeftovers(record, async () =>
  performRuns({
    ...{ scene, place, host, record, strike },
    image: imageOf,
    defect: defect === null ? null : (DEFECTS[defect] ?? null),
    progress: createProgress(scene.runs, record),
    onEvent: () => undefined,
  }),
);

/** A scene whose runs have a process of their own, which is killed, stopped or short of descriptors; another one clears up after it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createRuntime, filesystemStorage } from 'berthkit';
import { bundleProgram } from '../scripts/bundle-program.js';
import type { ChaosEngine } from './engines.js';
import type { HistoryEntry, Recorder } from './history.js';
import { MOUNTS } from './jobs.js';
import type { Place } from './place.js';
import { readRecord } from './recorder.js';
import type { Scene } from './scene.js';

/** What the other process is told. JSON-safe. */
export interface ProcessOrder {
  readonly scene: Scene;
  readonly place: Place;
  readonly host: string;
  /** Where it writes its record. */
  readonly record: string;
  readonly defect: string | null;
}

/** What a scene in a process is performed with. */
export interface InProcessOptions {
  readonly scene: Scene;
  readonly place: Place;
  readonly engine: ChaosEngine;
  readonly record: Recorder;
  readonly defect: string | null;
}

/** What the other process says when it is about to stop itself. */
export const STOPPING = 'stopping';

/** Longer than its runs may take, which it bounds itself. */
const PROGRAM_MS = 540_000;

/** Performs the scene and clears up after a process that was killed. */
export async function performInProcess(options: InProcessOptions): Promise<void> {
  const { scene, place, engine, record } = options;
  const order: ProcessOrder = {
    ...{ scene, place, host: engine.host, defect: options.defect },
    record: join(place.root, 'record'),
  };
  const orderFile = join(place.root, 'order.json');
  await writeFile(orderFile, JSON.stringify(order));
  const child = await start(orderFile);
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const overdue = new AbortController();
  const timer = setTimeout(() => {
    overdue.abort();
    child.kill('SIGKILL');
  }, PROGRAM_MS);
  if (child.stdout !== null) {
    for await (const line of createInterface(child.stdout)) {
      if (line === STOPPING) await lookWhileStopped(child, options);
    }
  }
  const [code, signal] = await ended;
  clearTimeout(timer);
  for (const entry of readRecord(order.record)) record(entry);
  if (overdue.signal.aborted) throw new Error(`the program did not end within ${String(PROGRAM_MS)} ms`);
  const wasKilled = signal === 'SIGKILL' && scene.kind === 'process_killed';
  if (!wasKilled && code !== 0) throw new Error(`the program ended with ${String(code ?? signal)}`);
  if (!wasKilled) return;
  record({ kind: 'process_died' });
  await reconcile(options, (event) => {
    record(event);
  });
}

async function start(orderFile: string): Promise<ChildProcess> {
  const program = await bundleProgram(new URL('./program.ts', import.meta.url));
  return spawn(process.execPath, [program, orderFile], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** A process that is stopped lives: whoever comes meanwhile has to leave everything of it alone. */
async function lookWhileStopped(child: ChildProcess, options: InProcessOptions): Promise<void> {
  await reconcile(options, options.record);
  child.kill('SIGCONT');
}

async function reconcile(
  { place, engine }: InProcessOptions,
  record: (entry: HistoryEntry) => void,
): Promise<void> {
  const { work: workspaceRoot, secrets: secretsRoot, state: stateDir, instanceId } = place;
  const runtime = createRuntime(
    {
      ...{ workspaceRoot, secretsRoot, stateDir, instanceId, engine: { host: engine.host } },
      recovery: { firstPassMs: null, everyMs: null },
    },
    {
      storage: {
        [MOUNTS.in]: filesystemStorage(place.storage.in),
        [MOUNTS.transaction]: filesystemStorage(place.storage.transaction),
        [MOUNTS.plain]: filesystemStorage(place.storage.plain),
      },
      onEvent: (event) => {
        record({ kind: 'event', event });
      },
    },
  );
  try {
    await runtime.reconcile();
  } finally {
    await runtime.close();
  }
}

/** Looks at everything a scene may have left: containers, volumes, folders, objects, and what the store says. It removes nothing. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileRunStore } from 'berthkit';
import type { Bystanders } from './bystanders.js';
import type { ChaosEngine } from './engines.js';
import type { HistoryEntry } from './history.js';
import { type Place, THERE_BEFORE } from './place.js';
import type { PlannedRun, Scene } from './scene.js';
import { FILLER } from './small-disk.js';

/** Where to look, and what is no concern of anybody's. */
export interface LookOptions {
  readonly scene: Scene;
  readonly place: Place;
  readonly engine: ChaosEngine;
  readonly bystanders: Bystanders;
}

/** Everything that is there. */
export async function lookAround(options: LookOptions): Promise<readonly HistoryEntry[]> {
  return [
    ...(await leftContainers(options)),
    ...(await leftVolumes(options)),
    ...(await leftFolders(options)),
    ...(await objects(options)),
    ...(await claims(options)),
  ];
}

async function leftContainers({ place, engine, bystanders }: LookOptions): Promise<readonly HistoryEntry[]> {
  const found = await engine.witness.containers(place.instanceId);
  return found
    .filter(({ id }) => !bystanders.containers.includes(id))
    .map(({ name, runId }) => ({ kind: 'left', what: 'container', name, runId }));
}

async function leftVolumes({ place, engine }: LookOptions): Promise<readonly HistoryEntry[]> {
  const found = await engine.witness.volumes(place.instanceId);
  return found.map(({ name, runId }) => ({ kind: 'left', what: 'volume', name, runId }));
}

async function leftFolders({ place, bystanders }: LookOptions): Promise<readonly HistoryEntry[]> {
  const expected = [...bystanders.folders, FILLER];
  const work = (await namesIn(place.work)).filter((name) => !expected.includes(name));
  const secrets = await namesIn(place.secrets);
  return [
    ...(await Promise.all(work.map(async (name) => toLeft('workspace', place.work, name)))),
    ...(await Promise.all(secrets.map(async (name) => toLeft('secret', place.secrets, name)))),
  ];
}

/** A folder of berthkit's has a note in it that says whose it is. */
async function toLeft(what: 'workspace' | 'secret', folder: string, name: string): Promise<HistoryEntry> {
  const note = await readFile(join(folder, name, 'owner.json'), 'utf8').catch(() => '{}');
  const { runId = null } = JSON.parse(note) as { readonly runId?: string };
  return { kind: 'left', what, name, runId };
}

async function objects({ scene, place, bystanders }: LookOptions): Promise<readonly HistoryEntry[]> {
  const entries: HistoryEntry[] = [];
  for (const folder of [place.storage.transaction, place.storage.plain]) {
    for (const path of await filesBeneath(folder)) {
      if (bystanders.objects.includes(path)) continue;
      const run = scene.runs.find(({ runId }) => path.startsWith(`runs/${runId}/`));
      const content = await readFile(join(folder, path), 'utf8');
      if (run !== undefined && content === THERE_BEFORE) continue;
      entries.push(toEntry(path, content, run));
    }
  }
  const lost = scene.runs.filter(({ objectExists }) => objectExists);
  for (const { runId } of lost) {
    const path = `runs/${runId}/b.txt`;
    const after = await readFile(join(place.storage.transaction, path), 'utf8').catch(() => 'gone');
    entries.push({ kind: 'bystander', name: `object ${path}`, before: THERE_BEFORE, after });
  }
  return entries;
}

/** Whatever is not where a run publishes is unfinished and should be gone. */
function toEntry(path: string, content: string, run: PlannedRun | undefined): HistoryEntry {
  if (run === undefined) return { kind: 'left', what: 'object', name: path, runId: null };
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { kind: 'published', runId: run.runId, path, sha256 };
}

/** How long what is still being written may take. */
const TOLD_LATER_MS = 3_000;

async function claims({ scene, place }: LookOptions): Promise<readonly HistoryEntry[]> {
  const store = fileRunStore(join(place.state, 'runs'));
  const { instanceId: instance } = place;
  const until = performance.now() + TOLD_LATER_MS;
  while ((await store.listOpen({ instance })).length > 0 && performance.now() < until) await sleep(250);
  const stored = await Promise.all(
    scene.runs.map(async ({ runId }): Promise<HistoryEntry | null> => {
      const run = await store.get(runId);
      return run === null ? null : { kind: 'stored', runId, end: run.end };
    }),
  );
  const open = await store.listOpen({ instance });
  return [
    ...stored.filter((entry) => entry !== null),
    ...open.map(({ runId }) => ({ kind: 'left', what: 'claim', name: runId, runId }) as const),
  ];
}

async function namesIn(path: string): Promise<readonly string[]> {
  return readdir(path).catch(() => []);
}

async function filesBeneath(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1));
}

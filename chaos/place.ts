/** The folders of a scene: made, filled with what is there before, and removed. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type FaultName } from './faults.js';
import { inputContent, inputPath, type MOUNTS, outputPath } from './jobs.js';
import type { Scene } from './scene.js';
import { mountSmallDisk, unmount } from './small-disk.js';

/** Where a scene takes place. JSON-safe, so that another process can be told. */
export interface Place {
  readonly root: string;
  readonly work: string;
  readonly secrets: string;
  readonly state: string;
  /** By mount id. */
  readonly storage: Readonly<Record<keyof typeof MOUNTS, string>>;
  /** Every scene is an instance of its own. */
  readonly instanceId: string;
}

/** What an object that is there before holds. */
export const THERE_BEFORE = 'there before';

const ON_SMALL_DISK: readonly FaultName[] = ['disk_full', 'inodes_full'];

/** Makes the folders of a scene. */
export async function makePlace(scene: Scene): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'berthkit-chaos-'));
  const work = join(root, 'work');
  const place: Place = {
    root,
    work,
    secrets: join(root, 'secrets'),
    state: join(root, 'state'),
    storage: { in: join(root, 'in'), transaction: join(root, 'out'), plain: join(root, 'plain') },
    instanceId: root.slice(root.lastIndexOf('/') + 1),
  };
  await mkdir(work, { mode: 0o700 });
  if (isOnSmallDisk(scene)) await mountSmallDisk(work);
  for (const run of scene.runs) {
    if (run.inputs === 'stored')
      await put(join(place.storage.in, inputPath(run.runId)), inputContent(run.runId));
    if (run.objectExists) {
      await put(join(place.storage.transaction, outputPath(run.runId, 'b.txt')), THERE_BEFORE);
    }
  }
  return place;
}

/** Removes everything. */
export async function removePlace(scene: Scene, { root, work }: Place): Promise<void> {
  if (isOnSmallDisk(scene)) await unmount(work);
  await rm(root, { recursive: true, force: true });
}

function isOnSmallDisk({ kind }: Scene): boolean {
  return (ON_SMALL_DISK as readonly string[]).includes(kind);
}

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

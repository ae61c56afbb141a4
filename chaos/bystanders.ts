/** Things that only look like berthkit's, put beside them: containers, folders, objects; described before and after. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { HistoryEntry } from './history.js';
import type { Place } from './place.js';

/** The bystanders of a scene. */
export interface Bystanders {
  /** Ids of containers and names of folders, so that nobody takes them for leftovers. */
  readonly containers: readonly string[];
  readonly folders: readonly string[];
  /** Paths of objects. */
  readonly objects: readonly string[];
  /** What they are now, beside what they were. */
  compare(): Promise<readonly Extract<HistoryEntry, { kind: 'bystander' }>[]>;
  /** Removes the containers; files go with the place. */
  remove(): Promise<void>;
}

const FOLDER = 'run-bystander';
const FILE = 'notes.txt';

/** Puts them there. An engine that stops what runs on it when it is restarted says nothing by that: `mayStop`. */
export async function placeBystanders(
  docker: Docker,
  { place, image, mayStop }: { readonly place: Place; readonly image: string; readonly mayStop: boolean },
): Promise<Bystanders> {
  const { instanceId } = place;
  const ours = {
    'berthkit.managed': 'true',
    'berthkit.kind': 'job',
    'berthkit.owner': '1 1 1 1',
    'berthkit.run-id': 'bystander',
    'berthkit.attempt': '1',
    'berthkit.job': 'bystander',
  };
  const containers = await Promise.all(
    [
      // Ours by its labels, not by its name; and ours by its name, of another instance.
      { name: `bystander-${instanceId}`, labels: { ...ours, 'berthkit.instance': instanceId } },
      {
        name: `berthkit-bystander-${instanceId}-1`,
        labels: { ...ours, 'berthkit.instance': `not ${instanceId}` },
      },
    ].map(async ({ name, labels }) => {
      const container = await docker.createContainer({
        ...{ name, Image: image, Cmd: ['sleep', '100000'], Labels: labels },
        HostConfig: { NetworkMode: 'none', Init: true },
      });
      await container.start();
      return { id: container.id, name };
    }),
  );
  const files = [
    join(place.work, FOLDER, 'workspace', FILE),
    join(place.work, FILE),
    join(place.storage.transaction, FILE),
    join(place.storage.transaction, 'runs', FILE),
  ];
  for (const file of files) {
    await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
    await writeFile(file, `bystander ${file}`);
  }
  const describeContainer = async (id: string): Promise<string> => {
    try {
      const { State } = await docker.getContainer(id).inspect();
      return mayStop ? 'there' : `${State.Status} since ${State.StartedAt}`;
    } catch {
      return 'gone';
    }
  };
  const describe = async (): Promise<readonly (readonly [name: string, state: string])[]> => [
    ...(await Promise.all(
      containers.map(async ({ id, name }) => [`container ${name}`, await describeContainer(id)] as const),
    )),
    ...(await Promise.all(
      files.map(async (file) => [`file ${file}`, await readFile(file, 'utf8').catch(() => 'gone')] as const),
    )),
  ];
  const before = new Map(await describe());
  return {
    containers: containers.map(({ id }) => id),
    folders: [FOLDER, FILE],
    objects: [FILE, `runs/${FILE}`],
    compare: async () =>
      (await describe()).map(([name, after]) => ({
        kind: 'bystander',
        name,
        before: before.get(name) ?? '',
        after,
      })),
    async remove() {
      await Promise.allSettled(
        containers.map(async ({ id }) => {
          await docker.getContainer(id).remove({ force: true });
        }),
      );
    },
  };
}

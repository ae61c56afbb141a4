/** Where the runs take place: folders, a store and an engine, all of their own, and how much of the runs is in them. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTelemetryTracing } from 'berthkit/opentelemetry';
import {
  createRuntime,
  dockerEngine,
  fileRunStore,
  memoryRunStore,
  type Runtime,
  type RuntimePorts,
} from 'berthkit';
import { ensureImage } from '../scripts/image-kit/image-kit.js';
import { renewedEngine } from './fake-job.js';
import type { Outside } from './sample.js';

/** Which engine. */
export type EngineKind = 'fake' | 'real';

/** Runs at one time. */
export const AT_ONCE = 4;

/** A place for runs. */
export interface Place {
  readonly runtime: Runtime;
  /** What of the runs is there now. */
  count(): Promise<Omit<Outside, 'runs'>>;
  /** To be called when nothing runs. */
  refresh(): void;
  /** Closes the runtime, and says what is left of its runs. */
  close(): Promise<readonly string[]>;
}

/** A runtime with everything that listens to runs, so that whatever of that grows is seen. */
export async function openPlace(kind: EngineKind): Promise<Place> {
  if (kind === 'real') await ensureImage('busybox');
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-endurance-'));
  // Files of secrets lie in memory or nowhere.
  const secretsRoot = await mkdtemp('/dev/shm/berthkit-endurance-');
  try {
    return placeIn(kind, folder, secretsRoot);
  } catch (error) {
    await removeAll([folder, secretsRoot]);
    throw error;
  }
}

async function removeAll(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}

function placeIn(kind: EngineKind, folder: string, secretsRoot: string): Place {
  const instance = `endurance-${String(process.pid)}`;
  const [workspaceRoot, state] = [join(folder, 'runs'), join(folder, 'state')];
  const fake = kind === 'fake' ? renewedEngine() : null;
  const engine = fake?.engine ?? dockerEngine({ host: process.env['DOCKER_HOST'] ?? '' });
  const runStore = fake === null ? fileRunStore(state) : memoryRunStore({ maxEnded: 100 });
  const nothing = (): void => undefined;
  const ports: RuntimePorts = {
    engine,
    runStore,
    onEvent: openTelemetryTracing(),
    onRuntimeEvent: nothing,
    audit: nothing,
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  };
  const runtime = createRuntime(
    {
      instanceId: instance,
      workspaceRoot,
      secretsRoot,
      maxConcurrentRuns: AT_ONCE,
      stopGraceMs: 1_000,
      policy: {
        images: { allow: ['busybox:*'] },
        limits: { default: { memoryBytes: '16MiB', cpus: 0.25, pidsLimit: 16 } },
      },
    },
    ports,
  );
  const containers = async (): Promise<number> =>
    fake?.containers() ?? (await engine.containers.list({ 'berthkit.instance': instance })).length;
  const foldersIn = async (path: string): Promise<number> => (await readdir(path).catch(() => [])).length;

  return {
    runtime,
    count: async () => ({
      containers: await containers(),
      folders: (await foldersIn(workspaceRoot)) + (await foldersIn(secretsRoot)),
      openRuns: (await runStore.listOpen({ instance })).length,
    }),
    refresh() {
      fake?.renew();
    },
    async close() {
      const left: string[] = [];
      try {
        await runtime.close();
        const count = await containers();
        if (count > 0) left.push(`${String(count)} containers`);
        // What a store remembers is bounded by age: an hour later nothing of these runs is in it.
        await runStore.forget(new Date(Date.now() + 3_600_000).toISOString());
        for (const name of ['open', 'ended', 'keys']) {
          const files = await foldersIn(join(state, name));
          if (files > 0) left.push(`${String(files)} files of the store in ${name}`);
        }
        await engine.close();
      } finally {
        await removeAll([folder, secretsRoot]);
      }
      return left;
    },
  };
}

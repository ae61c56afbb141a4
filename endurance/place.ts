/** Where the runs take place: folders, a store and an engine, all of their own, and how much of the runs is in them. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTelemetryTracing } from 'berthkit/opentelemetry';
import {
  createRuntime,
  dockerEngine,
  type EngineEndpoint,
  fileRunStore,
  memoryRunStore,
  resolveEndpoint,
  type Runtime,
  type RuntimePorts,
} from 'berthkit';
import { ensureImage } from '../scripts/image-kit/image-kit.js';
import { type RenewedEngine, renewedEngine } from './fake-job.js';
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
  /** To be called when nothing runs. Throws if a fake was used wrongly or something is left on it. */
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
    const endpoint = kind === 'real' ? await resolveEndpoint(process.env) : null;
    return placeIn({ folder, secretsRoot, endpoint });
  } catch (error) {
    await removeAll([folder, secretsRoot]);
    throw error;
  }
}

async function removeAll(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}

interface PlaceParts {
  readonly folder: string;
  readonly secretsRoot: string;
  /** Null: a fake. */
  readonly endpoint: EngineEndpoint | null;
}

function placeIn({ folder, secretsRoot, endpoint }: PlaceParts): Place {
  const nothing = (): void => undefined;
  const instance = `endurance-${String(process.pid)}`;
  const [workspaceRoot, state] = [join(folder, 'runs'), join(folder, 'state')];
  const { engine, renew }: RenewedEngine =
    endpoint === null ? renewedEngine() : { engine: dockerEngine(endpoint), renew: nothing };
  const runStore = endpoint === null ? memoryRunStore({ maxEnded: 100 }) : fileRunStore(state);
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
      workspace: { transport: 'auto' },
      policy: {
        // Where the engine is elsewhere a file of a secret can only be on its disk.
        secrets: { allowDisk: endpoint !== null && endpoint.tls !== null },
        images: { allow: ['busybox:*'] },
        limits: { default: { memoryBytes: '16MiB', cpus: 0.25, pidsLimit: 16 } },
      },
    },
    ports,
  );
  const ours = { 'berthkit.instance': instance };
  const onEngine = async (): Promise<Pick<Outside, 'containers' | 'volumes'>> => ({
    containers: (await engine.containers.list(ours)).length,
    volumes: (await engine.volumes?.list(ours))?.length ?? 0,
  });
  const foldersIn = async (path: string): Promise<number> => (await readdir(path).catch(() => [])).length;

  return {
    runtime,
    count: async () => ({
      ...(await onEngine()),
      folders: (await foldersIn(workspaceRoot)) + (await foldersIn(secretsRoot)),
      openRuns: (await runStore.listOpen({ instance })).length,
    }),
    refresh: renew,
    async close() {
      const left: string[] = [];
      try {
        await runtime.close();
        for (const [what, count] of Object.entries(await onEngine()))
          if (count > 0) left.push(`${String(count)} ${what}`);
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

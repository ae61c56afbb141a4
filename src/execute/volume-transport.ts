/** Has the files of one run in volumes: made, filled and looked into through a helper container that is never started. It decides nothing about them. */
import type { ContainerEngine, EngineContainers, EngineVolumes } from '../engine/types.js';
import { EngineError } from '../errors.js';
import type { TreeUsage } from '../host/tree-usage.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import type { RemoteWorkspace } from '../workspace/bring-output.js';
import { measureTar, type TarBounds } from '../workspace/tar-usage.js';
import type { VolumeLayout } from '../workspace/volume-layout.js';
import { engineCall } from './engine-call.js';

type CopyingContainers = EngineContainers & Required<Pick<EngineContainers, 'copyIn' | 'copyOut' | 'lookAt'>>;

/** The calls this needs of an engine. */
interface VolumeCalls {
  readonly volumes: EngineVolumes;
  readonly containers: CopyingContainers;
}

/** What is made. */
export interface VolumeTransportOptions {
  readonly engine: ContainerEngine;
  readonly layout: Pick<VolumeLayout, 'volumes' | 'links' | 'mountPoints' | 'helperFolder'>;
  /** Has every volume of the layout; its labels are the volumes', too. */
  readonly helper: ContainerSpec;
  readonly signal: AbortSignal;
}

/** Volumes that are there, with their helper. */
export interface VolumeTransport {
  /** Copies a tar in whose names begin with the helper's folder. */
  fill(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** The workspace, to be looked at when the job is over. */
  readonly workspace: RemoteWorkspace;
  /** Reads the whole workspace to tell what it holds. */
  measure(bounds: TarBounds): Promise<TreeUsage>;
}

/** Whether an engine can have files in volumes. */
export function canUseVolumes({ capabilities }: ContainerEngine): boolean {
  return capabilities.copy && capabilities.volumes;
}

/**
 * Makes the volumes and the helper. No call is broken off: one that is left in the air may still take effect.
 *
 * @throws `engine.unsupported` for an engine without volumes or copying; what the engine's calls throw; the signal's reason.
 */
export async function createVolumeTransport({
  engine,
  layout,
  helper,
  signal,
}: VolumeTransportOptions): Promise<VolumeTransport> {
  const { volumes, containers } = callsOf(engine);
  for (const name of layout.volumes) {
    signal.throwIfAborted();
    await engineCall('create a volume', undefined, async (call) =>
      volumes.create({ name, labels: helper.labels }, { signal: call }),
    );
  }
  signal.throwIfAborted();
  const { id } = await engineCall('create', undefined, async (call) =>
    containers.create(helper, { signal: call }),
  );
  const copyOut = async (path: string, until: AbortSignal): Promise<AsyncIterable<Uint8Array>> =>
    containers.copyOut(id, path, { signal: until });
  const root = `/${layout.helperFolder}/workspace`;
  const at = (names: readonly string[]): string => [root, ...names].join('/');
  const ours = new Map(layout.links.map(({ path, target }) => [path, target]));
  return {
    fill: async (tar, until) => containers.copyIn(id, '/', tar, { signal: until }),
    workspace: {
      rootName: 'workspace',
      lookAt: async (names, until) =>
        engineCall('look at a path', until, async (call) =>
          containers.lookAt(id, at(names), { signal: call }),
        ),
      copyOut: async (names, until) => copyOut(at(names), until),
      isOurs: (path, target) =>
        layout.mountPoints.includes(path) || (target !== null && ours.get(path) === target),
    },
    measure: async (bounds) => measureTar(await copyOut(root, bounds.signal), bounds),
  };
}

/** Removes the volumes of a run that are really its own, by their labels; the helper has to be gone. Not there is success. */
export async function removeVolumes(
  { volumes }: ContainerEngine,
  { layout, helper }: { readonly layout: Pick<VolumeLayout, 'volumes'>; readonly helper: ContainerSpec },
  signal: AbortSignal,
): Promise<void> {
  if (volumes === undefined) return;
  const found = await engineCall('list volumes', signal, async (call) =>
    volumes.list(helper.labels, { signal: call }),
  );
  for (const { name } of found) {
    if (!layout.volumes.includes(name)) continue;
    await engineCall('remove a volume', signal, async (call) => volumes.remove(name, { signal: call }));
  }
}

const canCopy = (containers: EngineContainers): containers is CopyingContainers =>
  (['copyIn', 'copyOut', 'lookAt'] as const).every((call) => containers[call] !== undefined);

function callsOf({ name, volumes, containers }: ContainerEngine): VolumeCalls {
  if (volumes !== undefined && canCopy(containers)) return { volumes, containers };
  throw new EngineError(
    'engine.unsupported',
    `engine "${name}" has no volumes that files can be copied into, and the files of this run have no other way`,
    {
      hint: 'set workspace.transport to bind if the engine sees workspaceRoot',
      details: { field: 'workspace.transport' },
    },
  );
}

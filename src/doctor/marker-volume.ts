/** Gets the folder with the marker into a volume of the engine, by the way the files of a run get into theirs. */
import { createVolumeTransport, removeVolumes } from '../execute/volume-transport.js';
import type { Cleanup } from '../run-cleanup.js';
import { removeContainer } from '../run-removal.js';
import { openWorkspaceFolder, type Workspace } from '../workspace/create.js';
import { helperFolder, helperSpec } from '../workspace/helper-container.js';
import { packTar } from '../workspace/pack-tar.js';
import { transportProbe } from './probes.js';
import { type ProbeParts, probeName, probeSpec } from './run-probe.js';

/** There is the marker, and nothing else. */
const LIMITS = { entries: 1, depth: 1 } as const;

/**
 * Makes and fills it; it goes with the cleanup. Returns its name.
 *
 * @throws what the engine's calls throw; the signal's reason.
 */
export async function makeMarkerVolume(
  parts: ProbeParts,
  folder: Workspace,
  cleanup: Cleanup,
): Promise<string> {
  const { engine, labelPrefix, stop } = parts;
  const { signal } = stop;
  const volume = probeName(parts, 'transport', 'marker');
  const mount = { type: 'volume', source: volume, subpath: null, readOnly: false } as const;
  const name = probeName(parts, 'transport', 'files');
  const inHelper = helperFolder(name);
  const probe = transportProbe({ ...mount, target: `/${inHelper}/workspace` }, '0:0');
  const helper = helperSpec(probeSpec(parts, probe), {
    name,
    kindLabel: `${labelPrefix}.kind`,
    mounts: probe.mounts,
    tmpfs: [],
  });
  const layout = { volumes: [volume], links: [], mountPoints: [], helperFolder: inHelper };
  cleanup.add('workspace', async (until) => {
    await removeContainer(engine, null, helper, until);
    await removeVolumes(engine, { layout, helper }, until);
  });
  const transport = await createVolumeTransport({ engine, layout, helper, signal });
  const work = await openWorkspaceFolder(folder);
  try {
    const folders = [{ folder: work, name: `${inHelper}/workspace`, owner: null }];
    await transport.fill(packTar({ folders, links: [], limits: LIMITS, signal }), signal);
  } finally {
    await work.handle.close();
  }
  return volume;
}

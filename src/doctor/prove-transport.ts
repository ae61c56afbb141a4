/** Proves by what way a container gets the files of this host: a marker nobody can guess is written here and read there. */
import { nodeCrypto } from '../base/node-crypto.js';
import { open } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { EngineInfo } from '../engine/types.js';
import { canUseVolumes } from '../execute/volume-transport.js';
import type { Owner } from '../host/file-content.js';
import type { MountSpec } from '../plan/container-spec.js';
import { createWorkspace, type Workspace } from '../workspace/create.js';
import { type Cleanup, createCleanup } from '../run-cleanup.js';
import { pathForEngine, transportOf } from '../run-transport.js';
import { whyUntold } from './ask-volume.js';
import type { TransportProof, TransportProofs } from './engine-checks.js';
import type { UnrunProbe } from './judge-limits.js';
import { UNSEEN_REMEDIES } from './limit-remedies.js';
import { makeMarkerVolume } from './marker-volume.js';
import { MARKER_FILE, MARKER_FOLDER } from './probe-programs.js';
import { transportProbe } from './probes.js';
import { type ProbeParts, runProbe } from './run-probe.js';

/** Where, for whom, and by which of the ways. */
export interface TransportParts {
  readonly config: Pick<RuntimeConfig, 'workspaceRoot' | 'hostWorkspaceRoot' | 'workspace'>;
  /** Who jobs are. */
  readonly user: Owner;
  readonly info: Pick<EngineInfo, 'gaps'>;
  readonly probe: ProbeParts;
}

/** Nothing was seen. */
type Unproven = Extract<TransportProof, { readonly proven: false }>;

/** A marker that was written. */
interface Marked {
  readonly folder: Workspace;
  readonly marker: string;
  readonly probe: ProbeParts;
  readonly user: Owner;
  readonly cleanup: Cleanup;
}

/** Tries what runs would use as they are configured, and no other way. Never rejects. */
export async function proveTransport(parts: TransportParts): Promise<TransportProofs> {
  const { config, user, info, probe } = parts;
  const { transport: configured } = config.workspace;
  const cleanup = createCleanup();
  try {
    const transport = transportOf(config, probe.engine);
    const marked = { ...(await writeMarked(parts, probe, cleanup)), user, probe, cleanup };
    const bind = transport === 'volume' ? null : await proveBind(marked, config);
    const needsVolume = transport === 'volume' || (transport === 'auto' && bind?.proven === false);
    return { bind, volume: needsVolume ? await proveVolume(marked, info, config.workspace) : null };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return unprovenBy(configured, { problem, wasTried: !probe.stop.signal.aborted });
  } finally {
    await cleanup.run((_, error) => {
      probe.onLeftover('what the marker was in', error);
    });
  }
}

/** Nothing was seen by the way there would have been first. */
export function unprovenBy(
  transport: RuntimeConfig['workspace']['transport'],
  why: Omit<Unproven, 'proven'>,
): TransportProofs {
  const proof: Unproven = { proven: false, ...why };
  return transport === 'volume' ? { bind: null, volume: proof } : { bind: proof, volume: null };
}

async function writeMarked(
  { config, user }: TransportParts,
  { identity, examinationId: runId, stop: { signal } }: ProbeParts,
  cleanup: Cleanup,
): Promise<Pick<Marked, 'folder' | 'marker'>> {
  const mark = { ...identity, runId };
  const folder = await createWorkspace(config.workspaceRoot, { name: 'doctor', user, mark, signal });
  cleanup.add('workspace', async (until) => folder.remove(until));
  const marker = nodeCrypto().randomBytes(16).toString('hex');
  await writeMarker(join(folder.workspacePath, MARKER_FILE), marker);
  await folder.verify();
  return { folder, marker };
}

async function proveBind(
  marked: Marked,
  config: Pick<RuntimeConfig, 'hostWorkspaceRoot'>,
): Promise<TransportProof> {
  const { folder } = marked;
  const source = join(pathForEngine(config, folder), relative(folder.path, folder.workspacePath));
  return look(marked, { type: 'bind', source, target: MARKER_FOLDER, readOnly: true });
}

async function proveVolume(
  marked: Marked,
  { gaps = [] }: Pick<EngineInfo, 'gaps'>,
  { maxBytes }: RuntimeConfig['workspace'],
): Promise<TransportProof> {
  const { folder, probe, cleanup } = marked;
  if (!canUseVolumes(probe.engine) || gaps.includes('copies')) {
    const problem = 'the engine does not copy files into volumes as they are';
    return { proven: false, wasTried: true, problem };
  }
  try {
    const source = await makeMarkerVolume(probe, folder, cleanup);
    const proof = await look(marked, {
      type: 'volume',
      source,
      subpath: null,
      target: MARKER_FOLDER,
      readOnly: true,
    });
    if (!proof.proven || maxBytes === null) return proof;
    const why = await whyUntold(probe.engine, source, probe.stop.signal);
    return why === null ? proof : { ...proof, untold: why };
  } catch (error) {
    return unproven(probe, error instanceof Error ? error.message : String(error));
  }
}

async function look({ probe, user, marker }: Marked, mount: MountSpec): Promise<TransportProof> {
  const end = await runProbe(probe, transportProbe(mount, `${String(user.uid)}:${String(user.gid)}`));
  if (end.ran && end.seen.get('marker') === marker) return { proven: true };
  if (!end.ran && end.cause === 'image') return { proven: false, ...untriedBy(end) };
  const problem = end.ran
    ? (end.stopped ?? 'the container did not see the marker that was written here')
    : end.problem;
  return unproven(probe, problem);
}

/** Says nothing of the transport: there was no container that could look. */
export function untriedBy({ problem, cause }: UnrunProbe): Omit<Unproven, 'proven'> {
  return { wasTried: false, problem, remedy: UNSEEN_REMEDIES[cause] };
}

/** One that was broken off says nothing of the transport. */
function unproven({ stop }: ProbeParts, problem: string): TransportProof {
  return { proven: false, wasTried: !stop.signal.aborted, problem };
}

/** Readable for the container's user, whatever the umask. Exclusive: the folder is that user's, who may have planted a link. */
async function writeMarker(path: string, marker: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.chmod(0o644);
    await file.writeFile(`${marker}\n`);
  } finally {
    await file.close();
  }
}

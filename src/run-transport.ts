/** The step of a run that knows how its files get into its container: as configured, or by proof of what the engine sees. */
import { basename, join } from 'node:path';
import { isWithin } from './base/paths.js';
import { containerName, helperName } from './base/container-name.js';
import type { RuntimeConfig, TransportSetting } from './config/runtime-config.js';
import type { ContainerEngine } from './engine/types.js';
import type { EnsuredImage } from './execute/ensure-image.js';
import { type Proof, proveSeen, type TransportMemory } from './execute/transport-proof.js';
import { EngineError, WorkspaceError } from './errors.js';
import { canUseVolumes } from './execute/volume-transport.js';
import { once } from './host/chunks.js';
import { createFile } from './host/file-content.js';
import { removeTree } from './host/remove-tree.js';
import { thisProcess } from './host/this-process.js';
import { fillLabels } from './plan/materialize.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Cleanup } from './run-cleanup.js';
import type { Run } from './run-context.js';
import { createRunContainer } from './run-container.js';
import type { Workspace } from './workspace/create.js';
import { helperFolder, helperSpec, helperTmpfs } from './workspace/helper-container.js';
import { INPUTS_FOLDER } from './workspace/layout.js';

/** How the files of one attempt get into its container and out of it. */
export type RunTransport =
  | { readonly kind: 'bind' }
  | {
      readonly kind: 'volume';
      /** The engine mounts parts of volumes. */
      readonly hasSubpaths: boolean;
    };

/** What a proof is made with. */
interface ProofParts {
  readonly image: Pick<EnsuredImage, 'info'> & { readonly engine: ContainerEngine };
  readonly workspace: Workspace;
  readonly cleanup: Cleanup;
}

const MARKER_FILE = 'marker';

/** The run's folder as the engine's host has it. */
export function pathForEngine(
  { hostWorkspaceRoot }: Pick<RuntimeConfig, 'hostWorkspaceRoot'>,
  { path }: Pick<Workspace, 'path'>,
): string {
  return hostWorkspaceRoot === null ? path : join(hostWorkspaceRoot, basename(path));
}

/**
 * What keeps a container from being made where the engine does not have one of the folders of this run: another try would find the same. Every other
 * error as it is.
 */
export function unseenFolder(
  config: Pick<RuntimeConfig, 'hostWorkspaceRoot'>,
  workspace: Pick<Workspace, 'path'>,
  error: unknown,
): unknown {
  const source = error instanceof EngineError ? error.details['missingSource'] : undefined;
  if (typeof source !== 'string') return error;
  const isOfSecrets = !isWithin(pathForEngine(config, workspace), source);
  const ofWorkspace = config.hostWorkspaceRoot === null ? 'workspaceRoot' : 'hostWorkspaceRoot';
  const field = isOfSecrets ? 'secretsRoot' : ofWorkspace;
  return new EngineError(
    'engine.unsupported',
    `${field}: the engine does not see ${source}, which is to be mounted`,
    {
      cause: error,
      hint: UNSEEN_HINTS[field],
      details: { field },
    },
  );
}

const UNSEEN_HINTS = {
  workspaceRoot:
    'leave workspace.transport to auto, set it to volume, or set hostWorkspaceRoot to the path at which the engine’s host has workspaceRoot',
  hostWorkspaceRoot: 'set it to the path at which the engine’s host has workspaceRoot',
  secretsRoot:
    'set it to a folder on a tmpfs that the engine’s host has at the same path, or deliver secrets in variables',
} as const;

/**
 * The setting as it holds here: off Linux, `auto` means volumes. Programs of a job could exchange names in a folder that is mounted, and only Linux lets
 * it be looked into safely all the same. An engine in this process runs none.
 *
 * @throws `workspace.unsupported_platform` where folders would have to be mounted.
 */
export function transportOf(
  { workspace: { transport } }: Pick<RuntimeConfig, 'workspace'>,
  { capabilities }: Pick<ContainerEngine, 'capabilities'>,
): TransportSetting {
  if (thisProcess.platform === 'linux' || capabilities.seesFiles === true) return transport;
  if (transport !== 'bind') return 'volume';
  throw new WorkspaceError(
    'workspace.unsupported_platform',
    `workspace.transport is bind, and a folder that a job can write to is handled safely on Linux only, not on ${thisProcess.platform}`,
    { hint: 'leave workspace.transport out, or set it to volume', details: { field: 'workspace.transport' } },
  );
}

/**
 * Chooses the transport. What was proven of an engine once holds for all runs of its runtime; an engine that has no other way, or refuses to show what
 * it sees, is taken to see the folder.
 *
 * @throws as {@link transportOf}; `engine.unsupported` where volumes are needed and the engine does not copy files as they are; `engine.unreachable` when it cannot be asked;
 * the signal's reason.
 */
export async function chooseTransport(run: Run, plan: RunPlan, parts: ProofParts): Promise<RunTransport> {
  return run.timed('stageMs', 'stage', async () => {
    const transport = transportOf(run.config, parts.image.engine);
    const isVolume =
      transport === 'volume' || (transport === 'auto' && (await proofOf(run, plan, parts)) === 'unseen');
    if (!isVolume) return { kind: 'bind' };
    const { name, volumeSubpaths, gaps = [] } = await run.engineInfo();
    if (gaps.includes('copies')) throw cannotCopy(name);
    return { kind: 'volume', hasSubpaths: volumeSubpaths };
  });
}

const cannotCopy = (name: string): EngineError =>
  new EngineError(
    'engine.unsupported',
    `workspace.transport: the files of this run would have to be in volumes, and the engine (${name}) does not copy files in and out as they are`,
    {
      hint: 'let the engine see workspaceRoot (hostWorkspaceRoot, where it has it at another path), or use Docker',
      details: { field: 'workspace.transport' },
    },
  );

/** The setting as far as it is decided already: `auto` where only the next run finds out. `engine`: null where none was used yet. */
export function knownTransport(
  config: Pick<RuntimeConfig, 'workspace'>,
  engine: ContainerEngine | null,
  memory: Pick<TransportMemory, 'known'>,
): TransportSetting {
  const { transport } = config.workspace;
  if (engine === null || transport !== 'auto') return transport;
  if (transportOf(config, engine) === 'volume') return 'volume';
  const taken = takenOf(engine);
  const proof = taken === undefined ? memory.known(engine) : taken;
  if (proof === undefined) return 'auto';
  return proof === 'unseen' ? 'volume' : 'bind';
}

/** What an engine is taken for without a proof; undefined where one is needed. */
function takenOf(engine: ContainerEngine): Proof | undefined {
  if (engine.capabilities.seesFiles === true) return 'seen';
  return canUseVolumes(engine) ? undefined : null;
}

async function proofOf(run: Run, plan: RunPlan, parts: ProofParts): Promise<Proof> {
  const { engine } = parts.image;
  const taken = takenOf(engine);
  if (taken !== undefined) return taken;
  return run.transports.proofOf(engine, async () => prove(run, plan, parts), run.stop.signal);
}

/** The folder for inputs is still empty: the marker is in it only while it is looked for. */
async function prove(run: Run, plan: RunPlan, { image, workspace, cleanup }: ProofParts): Promise<Proof> {
  const { engine, info } = image;
  const { signal } = run.stop;
  const { runId, attempt } = run.record;
  const { labelPrefix } = run.config;
  const marker = run.ports.createId();
  const values = { runId, attempt, ...run.identity, createdAt: run.timestamp() };
  const job = { ...plan.container, image: info.id, labels: fillLabels(plan, values) };
  const name = containerName(labelPrefix, plan.job.slug ?? '', runId, attempt);
  const source = join(pathForEngine(run.config, workspace), INPUTS_FOLDER);
  const target = `/${helperFolder(name)}`;
  const spec = helperSpec(job, {
    name: helperName(name, 'files'),
    kindLabel: `${labelPrefix}.kind`,
    mounts: [{ type: 'bind', source, target, readOnly: true }],
    tmpfs: helperTmpfs(info.volumes, plan.volumeMask),
  });
  const container = createRunContainer(engine, spec, run.lateWork);
  const remove = async (until: AbortSignal): Promise<void> => container.remove(until);
  const leaving = { afterMs: plan.timeouts.stopGraceMs, told: container.left };
  cleanup.add('workspace', remove);
  const inputs = await workspace.openInputs();
  try {
    await createFile(inputs.handle, MARKER_FILE, once(Buffer.from(marker)), { mode: 0o444, signal });
    const path = `${target}/${MARKER_FILE}`;
    const proof = await proveSeen({ engine, spec, leaving, remove, path, marker, signal });
    await remove(signal);
    await removeTree(inputs.handle, MARKER_FILE, { signal });
    return proof;
  } finally {
    await inputs.handle.close();
  }
}

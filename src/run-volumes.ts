/** The part of a run that has its files in volumes, for an engine that does not see its folder: filled before the job, and read after it. */
import { containerName, helperName } from './base/container-name.js';
import type { ContainerEngine } from './engine/types.js';
import { EngineError, ValidationError } from './errors.js';
import type { EnsuredImage } from './execute/ensure-image.js';
import { createVolumeTransport, removeVolumes, type VolumeTransport } from './execute/volume-transport.js';
import { openDirectory } from './host/node.js';
import { fillLabels, type RunValues } from './plan/materialize.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Cleanup } from './run-cleanup.js';
import type { Run } from './run-context.js';
import { removeContainer } from './run-removal.js';
import { openWorkspaceFolder, type Workspace } from './workspace/create.js';
import { helperSpec } from './workspace/helper-container.js';
import { namesBeneathWorkspace } from './workspace/layout.js';
import { describeInput } from './workspace/mounts.js';
import { packTar, type TarParts } from './workspace/pack-tar.js';
import type { SecretFiles } from './workspace/secret-files.js';
import type { PreparedInputs } from './workspace/stage.js';
import { makeVolumeFolders } from './workspace/volume-folders.js';
import { INPUTS_MOUNT, layOutVolumes, type VolumeLayout } from './workspace/volume-layout.js';

/** The files of one attempt where the engine has them. */
export interface RunVolumes extends Pick<VolumeTransport, 'workspace' | 'measure'> {
  /** The volumes that are the workspace. */
  readonly workspaceVolumes: VolumeLayout['workspaceVolumes'];
  /** What takes the place of the plan's mounts. */
  readonly placed: NonNullable<RunValues['placed']>;
  /** Copies the files of secrets in, just before the container is made. */
  putSecrets(files: SecretFiles, signal: AbortSignal): Promise<void>;
}

/** What goes into volumes. */
export interface VolumesParts {
  readonly plan: RunPlan;
  readonly image: Pick<EnsuredImage, 'info'> & { readonly engine: ContainerEngine };
  readonly workspace: Workspace;
  readonly inputs: Pick<PreparedInputs, 'types' | 'straight'>;
  readonly hasSubpaths: boolean;
  /** Who the container's processes are. */
  readonly user: { readonly uid: number; readonly gid: number };
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
}

/** Staging has let in what there is. */
const WITHOUT_LIMITS = { entries: Number.MAX_SAFE_INTEGER, depth: 4_096 } as const;
/** Others than the caller read the inputs, too. */
const INPUTS_MODE = 0o755;

/**
 * Refuses what cannot be done with volumes, before anything is staged.
 *
 * @throws `engine.unsupported`, naming what it is about; `validation.invalid_job` for one of the caller's files.
 */
export function requireVolumesSuit(run: Run, plan: RunPlan): void {
  const isTaken = (path: string): boolean => path.split('/')[0] === INPUTS_MOUNT;
  const isTakenByTarget = (target: string): boolean =>
    namesBeneathWorkspace(plan.workspaceMountPath, target)?.[0] === INPUTS_MOUNT;
  const why = `this engine does not see workspaceRoot, so that inputs are at "${INPUTS_MOUNT}" in the workspace`;
  const index = plan.inputs.findIndex(({ targets }) => targets.some(isTakenByTarget));
  const input = plan.inputs[index];
  if (input !== undefined || plan.configFile?.targets.some(isTakenByTarget) === true) {
    const what = input === undefined ? 'the configuration file' : describeInput(input);
    throw new EngineError('engine.unsupported', `${what} cannot have its place there: ${why}`, {
      hint: `give it a place outside of "${INPUTS_MOUNT}"`,
      details: { field: input === undefined ? 'docker.configFile' : `docker.inputs.${String(index)}` },
    });
  }
  const given = Object.keys(run.options.files ?? {}).find(isTaken);
  if (given !== undefined) {
    const message = `the workspace path ${JSON.stringify(given)} is taken: ${why}`;
    const issues = [{ code: 'validation.files', path: `files.${given}`, message }];
    throw new ValidationError('validation.invalid_job', message, { details: { issues } });
  }
  const secret = plan.secretEnvironment.find(({ as }) => as === 'file');
  if (secret === undefined || run.config.policy.secrets.allowDisk) return;
  throw new EngineError(
    'engine.unsupported',
    `secret ${secret.name} is delivered as a file, which would be on a disk of the engine: it does not see the memory of this host`,
    {
      hint: 'deliver it in the variable, or allow it with policy.secrets.allowDisk',
      details: { field: 'docker.environment' },
    },
  );
}

/**
 * Makes and fills the volumes of a run whose inputs are prepared; they go when the run is over.
 *
 * @throws what reading the inputs that go straight does, what the engine's calls throw; the signal's reason.
 */
export async function openVolumes(run: Run, parts: VolumesParts): Promise<RunVolumes> {
  const { plan, image, inputs, hasSubpaths, cleanup, signal } = parts;
  const { engine, info } = image;
  signal.throwIfAborted();
  const { runId, attempt } = run.record;
  const name = containerName(run.config.labelPrefix, plan.job.slug ?? '', runId, attempt);
  const layout = layOutVolumes(plan, {
    containerName: name,
    imageVolumes: info.volumes,
    inputTypes: inputs.types,
    hasSubpaths,
  });
  const values = { runId, attempt, ...run.identity, createdAt: run.timestamp() };
  const job = { ...plan.container, image: info.id, labels: fillLabels(plan, values) };
  const kindLabel = `${run.config.labelPrefix}.kind`;
  const helper = helperSpec(job, {
    name: helperName(name, 'files'),
    kindLabel,
    mounts: layout.helperMounts,
    tmpfs: layout.helperTmpfs,
  });
  warnOfVolumes(run, plan, engine);
  run.keeping.canKeep = false;
  cleanup.add('workspace', async (until) => removeVolumes(engine, { layout, helper }, until));
  // First, as a volume that is mounted cannot be removed; and by itself, so that what is told to be left is what is left.
  cleanup.add('container', async (until) => {
    await removeContainer(engine, null, helper, until);
  });
  const opening = fillVolumes(parts, layout, async () =>
    createVolumeTransport({ engine, layout, helper, signal }),
  );
  // A call that is under way may still make something.
  cleanup.add('workspace', async () => {
    await Promise.allSettled([opening]);
  });
  const transport = await opening;
  return {
    ...transport,
    workspaceVolumes: layout.workspaceVolumes,
    placed: layout,
    putSecrets: async ({ path }, until) => {
      if (layout.secrets === null) return;
      const folder = await openDirectory(path);
      try {
        const folders = [{ folder, name: `${layout.helperFolder}/secrets`, owner: null }];
        await fill(transport, { folders, links: [], limits: WITHOUT_LIMITS }, until);
      } finally {
        await folder.handle.close();
      }
    },
  };
}

async function fillVolumes(
  { workspace, inputs: { straight }, user, signal }: VolumesParts,
  layout: VolumeLayout,
  create: () => Promise<VolumeTransport>,
): Promise<VolumeTransport> {
  const transport = await create();
  await makeVolumeFolders(workspace, layout.workspaceFolders, user);
  const work = await openWorkspaceFolder(workspace);
  try {
    const inputs = layout.hasInputs ? await workspace.openInputs() : null;
    try {
      const folders: TarParts['folders'] = [
        { folder: work, name: `${layout.helperFolder}/workspace`, owner: user },
        ...(inputs === null
          ? []
          : [{ folder: inputs, name: `${layout.helperFolder}/inputs`, owner: null, mode: INPUTS_MODE }]),
      ];
      const links = layout.links.map(({ path, target }) => ({
        name: `${layout.helperFolder}/workspace/${path}`,
        target,
        owner: user,
      }));
      await fill(transport, { folders, links, contents: straight, limits: WITHOUT_LIMITS }, signal);
    } finally {
      await inputs?.handle.close();
    }
  } finally {
    await work.handle.close();
  }
  return transport;
}

/** When it settles, nothing reads from a storage any more, also where the engine failed while one hung. */
async function fill(
  transport: Pick<VolumeTransport, 'fill'>,
  parts: Omit<TarParts, 'signal'>,
  signal: AbortSignal,
): Promise<void> {
  const filling = new AbortController();
  const tar = packTar({ ...parts, signal: AbortSignal.any([signal, filling.signal]) });
  try {
    await transport.fill(tar, signal);
  } finally {
    filling.abort();
    await tar.return();
  }
}

/** What a folder of this host would have given, and volumes do not. */
function warnOfVolumes(run: Run, { limits }: RunPlan, { capabilities }: ContainerEngine): void {
  const isMeasuredLate = limits.workspaceBytes !== null && capabilities.volumeBytes !== true;
  if (isMeasuredLate || limits.workspaceEntries !== null) {
    const what = isMeasuredLate
      ? 'what the job writes to it is measured'
      : 'files and folders in it are counted';
    run.warn(`the workspace is in a volume of the engine: ${what} only when the job has ended`);
  }
  const { container, workspace } = run.keeping.retention;
  if (container !== 'never' || workspace !== 'never') {
    run.warn('nothing is kept of this run: its files are in volumes of the engine, which go with it');
  }
}

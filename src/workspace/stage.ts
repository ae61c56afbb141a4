/** Stages everything a run needs before its container is made. It mounts nothing and asks no policy. */
import { StorageError, WorkspaceError } from '../errors.js';
import type { Owner } from '../host/file-content.js';
import type { OpenNode } from '../host/node.js';
import type { PlannedInput, RunPlan } from '../plan/run-plan.js';
import type { GivenReport, InputReport } from '../result.js';
import { createBudget, type Budget } from './budget.js';
import { openWorkspaceFolder, type Workspace } from './create.js';
import { type LocatedSource, locateSource, type NodeResolver } from './input-sources.js';
import { stagedName } from './layout.js';
import { makeMountPoints, type Mounted } from './mount-points.js';
import { describeInput, requireStorage, type StorageMounts } from './mounts.js';
import { putFiles, type PutFilesReport, requireNoClash, type WorkspaceFiles } from './put-files.js';
import { toWorkspaceError } from './run-folder.js';
import type { StraightContents } from './straight-file.js';
import { MISSING, type Survey, surveyInput, type Transfer } from './survey.js';
import { runTogether } from './together.js';
import { bytesToCopy, type StageProgress, transferAll, type Transferred } from './transfer-all.js';
import { treeDigest } from './tree-digest.js';

export type { NodeResolver } from './input-sources.js';
export type { StageProgress } from './transfer-all.js';

/** What is staged besides the plan's own data, and how. */
export interface StageOptions {
  readonly storage: StorageMounts;
  readonly resolveNode?: NodeResolver | undefined;
  readonly files?: WorkspaceFiles | undefined;
  /** The rendered configuration file; null exactly if the plan has none. */
  readonly configFile: Uint8Array | null;
  /** Who the container's processes are. */
  readonly user: Owner;
  /** Whether reports hold a SHA-256, also where the storage announces none. */
  readonly sha256: boolean;
  /** Files at a time. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Told how many bytes of inputs and configuration file are to be copied, before the first is; what it rejects with ends staging. */
  readonly onAnnounced?: ((sizeBytes: number) => Promise<void>) | undefined;
  readonly onProgress?: ((progress: StageProgress) => void) | undefined;
  /** Files of storages of this size and more are not copied but go straight into a tar; absent: every file is copied. */
  readonly straightBytes?: number | undefined;
}

/** Inputs that are staged but for the files that go straight into a tar, which are empty where they are staged. */
export interface PreparedInputs {
  /** In the order of the plan's inputs; null: it is not there. */
  readonly types: readonly InputReport['type'][];
  readonly straight: StraightContents;
  /**
   * What was staged, now that those files have been read.
   *
   * @throws `engine.failed` where one of them has not been read to its end.
   */
  report(): StagedInputs;
}

/** What was staged. */
export interface StagedInputs {
  /** In the order of the plan's inputs. */
  readonly reports: readonly InputReport[];
  /** Of the caller's files. */
  readonly given: GivenReport['files'];
  /** Indexes of optional inputs that are not there; they get no mount. */
  readonly skipped: ReadonlySet<number>;
  /** `device:inode` of mount points in the workspace; they are no outputs. */
  readonly placeholders: ReadonlySet<string>;
  readonly files: number;
  readonly sizeBytes: number;
  readonly warnings: readonly string[];
}

/** Of a run that brings nothing. */
export const NOTHING_PREPARED: PreparedInputs = {
  types: [],
  straight: new Map(),
  report: () => ({
    ...{ reports: [], given: [], warnings: [], files: 0, sizeBytes: 0 },
    skipped: new Set(),
    placeholders: new Set(),
  }),
};

/** Whether a run brings nothing: neither inputs nor a configuration file nor files of its caller. */
export function bringsNothing({ inputs, configFile }: RunPlan, files: WorkspaceFiles): boolean {
  return inputs.length === 0 && configFile === null && Object.keys(files).length === 0;
}

interface Staging {
  readonly workspace: Workspace;
  readonly plan: RunPlan;
  readonly options: StageOptions;
  readonly inputs: OpenNode;
  readonly budget: Budget;
}

/**
 * Stages inputs and configuration file into `inputs/`, the caller's files into `workspace/`, and makes the mount points. When it rejects,
 * what was staged so far is left for the workspace's own removal, and nothing works on.
 *
 * @throws `storage.unknown_mount` and `validation.invalid_job` before anything is staged; `storage.not_found`, `storage.failed`,
 * `workspace.too_large`, `workspace.failed`; the signal's reason.
 */
export async function prepareInputs(
  workspace: Workspace,
  plan: RunPlan,
  options: StageOptions,
): Promise<PreparedInputs> {
  options.signal.throwIfAborted();
  requireStorage(plan, options.storage, options.resolveNode !== undefined);
  requireNoClash(plan, options.files ?? {});
  if ((plan.configFile === null) !== (options.configFile === null)) {
    throw new WorkspaceError(
      'workspace.failed',
      'the plan and the rendered configuration file do not belong together',
    );
  }
  try {
    const inputs = await workspace.openInputs();
    try {
      return await prepare({ workspace, plan, options, inputs, budget: createBudget(plan.limits) });
    } finally {
      await inputs.handle.close();
    }
  } catch (error) {
    options.signal.throwIfAborted();
    throw toWorkspaceError('staging failed', error);
  }
}

async function prepare(staging: Staging): Promise<PreparedInputs> {
  const { plan, options, inputs, workspace, budget } = staging;
  const surveys = await survey(staging);
  const config = configTransfer(plan, options.configFile);
  const announced = [...surveys.flatMap(({ transfers }) => transfers), ...config];
  budget.checkAnnounced(
    announced.map(({ what, sizeBytes, source }) => ({
      what,
      sizeBytes,
      origin: source.kind === 'bytes' ? 'caller' : 'storage',
    })),
  );
  const surveyed = [
    ...plan.inputs.map(({ workspacePath, optional }, index) => ({
      ...{ workspacePath, optional, isHashed: options.sha256 },
      survey: surveys[index] ?? MISSING,
    })),
    // The configuration file has the run's id in it; what it is made of is in the request.
    {
      ...{ workspacePath: plan.configFile?.filename ?? '', optional: false, isHashed: false },
      survey: { type: 'file', transfers: config } as const,
    },
  ];
  await options.onAnnounced?.(bytesToCopy(surveyed, options.straightBytes));
  const transferred = await transferAll(surveyed, {
    ...options,
    inputs,
    inputsPath: workspace.inputsPath,
    budget,
  });
  const types = plan.inputs.map((_, index) => transferred.inputs[index]?.type ?? null);
  const mounted: Mounted[] = plan.inputs.flatMap((input, index) => {
    const type = types[index] ?? null;
    return type === null ? [] : [{ what: describeInput(input), type, targets: input.targets }];
  });
  if (plan.configFile !== null) {
    mounted.push({ what: 'the configuration file', type: 'file', targets: plan.configFile.targets });
  }
  const filled = await fillWorkspace(staging, mounted);
  const { straight } = transferred;
  return {
    types,
    straight,
    report() {
      transferred.requireRead();
      return {
        reports: plan.inputs.map((input, index) => toReport(input, transferred.inputs[index])),
        ...filled,
        skipped: new Set(types.flatMap((type, index) => (type === null ? [index] : []))),
        files: budget.files,
        sizeBytes: budget.sizeBytes,
      };
    },
  };
}

async function survey({ plan, options, inputs, budget }: Staging): Promise<readonly Survey[]> {
  const { storage, resolveNode, concurrency } = options;
  // All sources first: a mount that is unknown is told before anything is staged.
  const sources = await runTogether(
    plan.inputs.map((input) => (signal: AbortSignal) => locateSource(input, storage, resolveNode, signal)),
    { concurrency, signal: options.signal },
  );
  return runTogether(
    plan.inputs.map((input, index) => async (signal: AbortSignal) => {
      const source = sources[index] ?? null;
      const context = { inputs, budget, maxDepth: plan.limits.depth, signal };
      const found = source === null ? null : await surveyInput(input, source, context);
      if (found !== null && found.type !== null) return found;
      if (!input.optional) throw missing(input, source);
      return MISSING;
    }),
    { concurrency, signal: options.signal },
  );
}

function configTransfer(plan: RunPlan, bytes: Uint8Array | null): readonly Transfer[] {
  if (plan.configFile === null || bytes === null) return [];
  const names = [stagedName(plan.configFile.stagedAt)];
  const what = 'the configuration file';
  return [{ source: { kind: 'bytes', bytes }, names, what, sizeBytes: bytes.byteLength, sha256: null }];
}

async function fillWorkspace(
  { workspace, plan, options, budget }: Staging,
  mounted: readonly Mounted[],
): Promise<PutFilesReport & Pick<StagedInputs, 'placeholders'>> {
  const { user, signal } = options;
  const folder = await openWorkspaceFolder(workspace);
  try {
    const { concurrency, sha256: isHashed } = options;
    const context = { workspace: folder, user, budget, limits: plan.limits, concurrency, isHashed, signal };
    const put = await putFiles(options.files ?? {}, context);
    const placeholders = await makeMountPoints(folder, plan.workspaceMountPath, mounted, user, signal);
    return { ...put, placeholders };
  } finally {
    await folder.handle.close();
  }
}

function missing(input: PlannedInput, source: LocatedSource | null): StorageError {
  const where =
    source?.kind === 'storage'
      ? `nothing is at ${JSON.stringify(source.path)} in storage "${source.place.mountId ?? ''}"`
      : 'its node does not exist';
  const hint = 'set optional to true if the job can do without it';
  return new StorageError('storage.not_found', `${describeInput(input)} was not found: ${where}`, { hint });
}

function toReport(input: PlannedInput, staged: Transferred['inputs'][number] | undefined): InputReport {
  const type = staged?.type ?? null;
  const contents = staged?.contents ?? [];
  return {
    id: input.id,
    workspacePath: input.workspacePath,
    mountPath: input.mountPath,
    state: type === null ? 'skipped' : 'staged',
    type,
    files: contents.length,
    sizeBytes: contents.reduce((sum, content) => sum + content.sizeBytes, 0),
    sha256: type === 'directory' ? treeDigest(contents) : (contents[0]?.sha256 ?? null),
  };
}

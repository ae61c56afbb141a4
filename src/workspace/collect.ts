/** Collects what a run left: verifies every output first, then uploads. The verdict is the caller's. */
import { JobRuntimeError, StorageError, type ErrorCodeOf } from '../errors.js';
import type { JobIdentity, OutputRequest } from '../plan/container-spec.js';
import type { RunPlan } from '../plan/run-plan.js';
import type { OutputReport } from '../result.js';
import { openWorkspaceFolder, toWorkspaceError, type Workspace } from './create.js';
import { findOutput, type FoundOutput, type RejectCause } from './find-output.js';
import { describeOutput } from './mounts.js';
import { publishOutput, type PublishOptions } from './publish.js';
import { runTogether } from './together.js';

/** How outputs are collected. */
export interface CollectOptions extends PublishOptions {
  /** Of the staging: mount points, which are no outputs. */
  readonly placeholders: ReadonlySet<string>;
  /** Uploads at a time. */
  readonly concurrency: number;
  /** Told each output as soon as its state is final. */
  readonly onOutput?: ((report: OutputReport) => void) | undefined;
}

/** An output that is there and cannot be taken. */
interface RejectedOutput {
  readonly workspacePath: string;
  readonly cause: RejectCause;
  /** What is wrong with it, to be read after its name. */
  readonly reason: string;
}

/** What was collected. */
export interface CollectedOutputs {
  /** In the order of the plan's outputs. */
  readonly reports: readonly OutputReport[];
  /** Workspace paths of required outputs that are not there. */
  readonly missing: readonly string[];
  /** Also optional ones: a link in the place of an output is never an accident to be passed over. */
  readonly rejected: readonly RejectedOutput[];
  /** Files that were verified, and their bytes. */
  readonly files: number;
  readonly sizeBytes: number;
  /** Uploads that failed, as one error with the code of the first; the others were all tried. */
  readonly failure: StorageError | null;
}

interface Uploaded {
  readonly report: OutputReport;
  /** Null: none. */
  readonly failure: Error | null;
}

/**
 * Collects the outputs of a run whose container is gone. Works without one, too, but then what it writes meanwhile may be missed.
 *
 * @throws `workspace.failed` when the workspace cannot be read; the signal's reason. Failed uploads are in the result.
 */
export async function collectOutputs(
  workspace: Workspace,
  plan: RunPlan,
  options: CollectOptions,
): Promise<CollectedOutputs> {
  options.signal.throwIfAborted();
  const found: FoundOutput[] = [];
  try {
    await findAll(workspace, plan, options, found);
    const uploads = await runTogether(
      plan.outputs.map((output, index) => async (signal: AbortSignal): Promise<Uploaded> => {
        const uploaded = await settle(output, found[index] ?? { state: 'missing' }, plan.job, {
          ...options,
          signal,
        });
        options.onOutput?.(uploaded.report);
        return uploaded;
      }),
      { concurrency: options.concurrency, signal: options.signal },
    );
    return summarize(plan.outputs, found, uploads);
  } catch (error) {
    options.signal.throwIfAborted();
    throw toWorkspaceError('the outputs could not be collected', error);
  } finally {
    for (const one of found) if (one.state === 'found') await one.content.close();
  }
}

async function findAll(
  workspace: Workspace,
  plan: RunPlan,
  options: CollectOptions,
  found: FoundOutput[],
): Promise<void> {
  const { placeholders, signal } = options;
  const folder = await openWorkspaceFolder(workspace);
  try {
    let roomBytes = Math.min(plan.limits.outputBytes, plan.limits.uploadBytes);
    for (const output of plan.outputs) {
      const one = await findOutput(folder, output.workspacePath, {
        placeholders,
        limits: plan.limits,
        roomBytes,
        wanted: output.upload === null || output.upload === 'caller' ? null : output.upload.mode,
        signal,
      });
      found.push(one);
      if (one.state === 'found') roomBytes -= one.digest.sizeBytes;
    }
  } finally {
    await folder.handle.close();
  }
}

async function settle(
  output: OutputRequest,
  found: FoundOutput,
  job: JobIdentity,
  options: CollectOptions,
): Promise<Uploaded> {
  const { id, workspacePath } = output;
  if (found.state === 'missing') {
    const state = output.optional ? 'skipped' : 'missing';
    return { report: { id, workspacePath, type: null, state, files: [] }, failure: null };
  }
  if (found.state === 'rejected') {
    return { report: { id, workspacePath, type: found.type, state: 'rejected', files: [] }, failure: null };
  }
  const { content, digest } = found;
  try {
    const file = await publishOutput({ output, content, digest }, job, options);
    return { report: { id, workspacePath, type: 'file', state: 'uploaded', files: [file] }, failure: null };
  } catch (error) {
    options.signal.throwIfAborted();
    const files = [{ path: workspacePath, ...digest, uploaded: null }];
    return { report: { id, workspacePath, type: 'file', state: 'failed', files }, failure: asError(error) };
  }
}

function summarize(
  outputs: readonly OutputRequest[],
  found: readonly FoundOutput[],
  uploads: readonly Uploaded[],
): CollectedOutputs {
  const rejected = found.flatMap((one, index) => {
    const workspacePath = outputs[index]?.workspacePath ?? '';
    return one.state === 'rejected' ? [{ workspacePath, cause: one.cause, reason: one.reason }] : [];
  });
  const digests = found.flatMap((one) => (one.state === 'found' ? [one.digest] : []));
  return {
    reports: uploads.map(({ report }) => report),
    missing: uploads.flatMap(({ report }) => (report.state === 'missing' ? [report.workspacePath] : [])),
    rejected,
    files: digests.length,
    sizeBytes: digests.reduce((sum, digest) => sum + digest.sizeBytes, 0),
    failure: toUploadError(outputs, uploads),
  };
}

function toUploadError(outputs: readonly OutputRequest[], uploads: readonly Uploaded[]): StorageError | null {
  const failed = uploads.flatMap(({ failure }, index) => {
    const output = outputs[index];
    return failure === null || output === undefined ? [] : [{ output, failure }];
  });
  const first = failed[0];
  if (first === undefined) return null;
  const known = JobRuntimeError.isInstance(first.failure) ? first.failure : null;
  const code: ErrorCodeOf<'storage'> = known?.kind === 'storage' ? known.code : 'storage.failed';
  const problems = failed.map(({ output, failure }) => {
    const problem = failure.message;
    return problem.startsWith(describeOutput(output)) ? problem : `${describeOutput(output)}: ${problem}`;
  });
  return new StorageError(
    code,
    `${String(failed.length)} of ${String(outputs.length)} outputs could not be stored: ${problems.join('; ')}`,
    {
      cause: first.failure,
      hint: known?.hint,
      details: { outputs: failed.map(({ output }) => output.workspacePath) },
    },
  );
}

const asError = (value: unknown): Error => (value instanceof Error ? value : new Error(String(value)));

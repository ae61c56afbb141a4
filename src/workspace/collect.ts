/** Collects what a run left: verifies every output first, then uploads. The verdict is the caller's. */
import type { ErrorCodeOf } from '../error-codes.js';
import { JobRuntimeError, StorageError } from '../errors.js';
import type { OpenNode } from '../host/node.js';
import type { JobIdentity, OutputRequest } from '../plan/container-spec.js';
import type { RunPlan } from '../plan/run-plan.js';
import type { OutputReport } from '../result.js';
import type { OutputBringer } from './bring-output.js';
import { openWorkspaceFolder, type Workspace } from './create.js';
import { findOutput, type FoundOutput } from './find-output.js';
import { describeOutput } from './mounts.js';
import { publishOutputs, type PublishOutputsOptions, type SentFile } from './publish-outputs.js';
import { type OutputSecrets, startOutputScan } from './output-scan.js';
import type { RejectCause } from './rejection.js';
import { toWorkspaceError } from './run-folder.js';

/** How outputs are collected. */
export interface CollectOptions extends PublishOutputsOptions {
  /** Whether the job ended well: some outputs are wanted only then, or only otherwise. */
  readonly succeeded: boolean;
  /** Of the staging: mount points, which are no outputs. */
  readonly placeholders: ReadonlySet<string>;
  /** For a workspace that this host does not see; absent: it does. */
  readonly bring?: OutputBringer | undefined;
  /** What outputs must not hold; default: nothing is looked for. */
  readonly secrets?: OutputSecrets | undefined;
  /** Told, once all is verified, of the files that are to be stored; not told where there is none. */
  readonly onUploadStart?: ((found: FoundSize) => void) | undefined;
  /** Told after the last one, stored or failed. */
  readonly onUploadEnd?: (() => void) | undefined;
  /** Told each output as soon as its state is final, by its place in the plan: before anything is stored of those that are not there or refused. */
  readonly onOutput: (index: number, report: OutputReport, refusal: OutputRefusal | null) => void;
}

/** Why an output that is there cannot be taken. */
export interface OutputRefusal {
  readonly cause: RejectCause;
  /** What is wrong with it, to be read after its name. */
  readonly reason: string;
}

/** Files that were verified, and their bytes. */
interface FoundSize {
  readonly files: number;
  readonly sizeBytes: number;
}

/** What came of the collection as a whole. */
export interface CollectedOutputs extends FoundSize {
  /** Uploads that failed, as one error with the code of the first; the others were all tried. */
  readonly failure: StorageError | null;
}

/** An output and what was found of it; `unwanted` after this end of the job. */
interface Candidate {
  readonly output: OutputRequest;
  readonly found: FoundOutput | { readonly state: 'unwanted' };
  /** Names of the secrets in it. */
  readonly secrets: readonly string[];
}

/** An output whose state is final. */
interface Settled {
  readonly output: OutputRequest;
  readonly report: OutputReport;
  readonly failures: readonly Error[];
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
  if (plan.outputs.length === 0) return { ...sizeOf([]), failure: null };
  const candidates: Candidate[] = [];
  let folder: OpenNode | null = null;
  try {
    folder = await openWorkspaceFolder(workspace);
    await findAll(folder, plan, options, candidates);
    if (options.secrets?.block === true) await refuseLeaks(candidates);
    const settled = await publishAll(candidates, plan.job, options);
    return { ...sizeOf(candidates), failure: toUploadError(settled) };
  } catch (error) {
    options.signal.throwIfAborted();
    throw toWorkspaceError('the outputs could not be collected', error);
  } finally {
    for (const { found } of candidates) if (found.state === 'found') await found.close();
    await folder?.handle.close();
  }
}

async function findAll(
  folder: OpenNode,
  plan: RunPlan,
  options: CollectOptions,
  candidates: Candidate[],
): Promise<void> {
  const { placeholders, bring, signal } = options;
  const { limits } = plan;
  let room = { bytes: Math.min(limits.outputBytes, limits.uploadBytes), entries: limits.entries };
  for (const output of plan.outputs) {
    if (!isWanted(output, options.succeeded)) {
      candidates.push({ output, found: { state: 'unwanted' }, secrets: [] });
      continue;
    }
    const scan = options.secrets === undefined ? null : startOutputScan(options.secrets);
    const found = await findOutput(folder, output, { placeholders, limits, room, scan, bring, signal });
    candidates.push({ output, found, secrets: scan?.found ?? [] });
    if (found.state === 'found') {
      room = { bytes: room.bytes - found.used.bytes, entries: room.entries - found.used.entries };
    }
  }
}

/** Refuses every output if one holds a secret: they belong together, and who reads one may have the others. */
async function refuseLeaks(candidates: Candidate[]): Promise<void> {
  const leaking = candidates.find(({ secrets }) => secrets.length > 0);
  if (leaking === undefined) return;
  for (const [index, { output, found, secrets }] of candidates.entries()) {
    if (found.state !== 'found') continue;
    await found.close();
    const names = secrets.map((name) => `"${name}"`).join(', ');
    const own = { cause: 'secret', reason: `it holds the secret ${names} (policy.secrets.onLeak)` } as const;
    const other = `it was held back with ${leaking.output.workspacePath}, which holds a secret (policy.secrets.onLeak)`;
    const refusal = secrets.length > 0 ? own : ({ cause: 'held_back', reason: other } as const);
    candidates[index] = { output, secrets, found: { state: 'rejected', type: found.type, ...refusal } };
  }
}

/** Whether an output is asked for after this end of the job. */
export function isWanted({ when }: OutputRequest, succeeded: boolean): boolean {
  return when === 'always' || (when === 'success') === succeeded;
}

/** Publishes what was found; an output is told of when its last file is through, and at once where there is nothing to publish. */
async function publishAll(
  candidates: readonly Candidate[],
  job: JobIdentity,
  options: CollectOptions,
): Promise<readonly Settled[]> {
  const settled: Settled[] = [];
  const settle = (index: number, sent: readonly SentFile[]): void => {
    const candidate = candidates[index];
    if (candidate === undefined || settled[index] !== undefined) return;
    const { found } = candidate;
    const one = toSettled(candidate, sent);
    settled[index] = one;
    const refusal = found.state === 'rejected' ? { cause: found.cause, reason: found.reason } : null;
    options.onOutput(index, one.report, refusal);
  };
  for (const [index, { found }] of candidates.entries()) if (found.state !== 'found') settle(index, []);
  const outputs = candidates.map(({ output, found }) => ({
    output,
    files: found.state === 'found' ? found.files : [],
  }));
  const found = sizeOf(candidates.filter(({ output: { upload } }) => upload !== null));
  if (found.files > 0) options.onUploadStart?.(found);
  await publishOutputs(outputs, job, options, settle);
  if (found.files > 0) options.onUploadEnd?.();
  return settled;
}

/** What was found for some of the outputs. */
function sizeOf(candidates: readonly Candidate[]): FoundSize {
  const digests = candidates.flatMap(({ found }) =>
    found.state === 'found' ? found.files.map(({ digest }) => digest) : [],
  );
  return {
    files: digests.length,
    sizeBytes: digests.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

function toSettled({ output, found }: Candidate, sent: readonly SentFile[]): Settled {
  const { id, workspacePath } = output;
  // In the order of the fields, which is the same whatever the state is.
  const base: OutputReport = { id, workspacePath, type: null, state: 'skipped', files: [], skipped: [] };
  const failures = sent.flatMap(({ failure }) => (failure === null ? [] : [failure]));
  switch (found.state) {
    case 'unwanted':
      return { output, failures, report: base };
    case 'missing': {
      const state = output.optional ? 'skipped' : 'missing';
      return { output, failures, report: { ...base, state, skipped: found.skipped } };
    }
    case 'rejected':
      return { output, failures, report: { ...base, type: found.type, state: 'rejected' } };
    case 'found': {
      const { type, skipped } = found;
      const files = sent.map(({ file }) => file);
      const isWhole = sent.every(({ failure, isHeldBack }) => failure === null && !isHeldBack);
      const state = isWhole ? 'uploaded' : 'failed';
      return { output, failures, report: { ...base, type, state, files, skipped } };
    }
  }
}

/** How many problems an error about uploads tells in full. */
const TOLD_PROBLEMS = 10;

function toUploadError(settled: readonly Settled[]): StorageError | null {
  const failed = settled.filter(({ report }) => report.state === 'failed');
  const problems = failed.flatMap(({ output, failures }) =>
    failures.map(({ message }) => {
      const name = describeOutput(output);
      return message.startsWith(name) ? message : `${name}: ${message}`;
    }),
  );
  const first = failed.flatMap(({ failures }) => failures)[0];
  if (first === undefined) return null;
  const known = JobRuntimeError.isInstance(first) ? first : null;
  const code: ErrorCodeOf<'storage'> = known?.kind === 'storage' ? known.code : 'storage.failed';
  const untold = problems.length - TOLD_PROBLEMS;
  const told =
    problems.slice(0, TOLD_PROBLEMS).join('; ') +
    (untold > 0 ? `; and ${String(untold)} more` : '') +
    (failed.some(({ failures }) => failures.length === 0) ? '; the others were held back with them' : '');
  return new StorageError(
    code,
    `${String(failed.length)} of ${String(settled.length)} outputs could not be stored: ${told}`,
    {
      cause: first,
      hint: known?.hint,
      details: { outputs: failed.map(({ output }) => output.workspacePath) },
    },
  );
}

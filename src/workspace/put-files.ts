/** Puts the caller's `files` into the workspace as private copies the job may change. It stages no inputs. */
import { checkRelativePath, foldPath, isWithin } from '../base/paths.js';
import type { Issue } from '../errors.js';
import { bytesOf, once } from '../host/chunks.js';
import { type Content, createFile, createUnhashedFile } from '../host/file-content.js';
import { errorCode } from '../host/node.js';
import type { RunPlan } from '../plan/run-plan.js';
import type { GivenReport } from '../result.js';
import {
  type CopiedFolder,
  copyLocalFile,
  copyLocalFolder,
  madeFor,
  openTarget,
  type PutFilesContext,
} from './copy-local.js';
import { type FileEntry, isLocalPath, type NormalizedFile, normalizeFile } from './file-content.js';
import { describeInput } from './mounts.js';
import { type GivenField, invalidFields, openReadable } from './open-local.js';
import { treeDigest } from './tree-digest.js';

/** What the caller gives, by workspace path. */
export type WorkspaceFiles = Readonly<Record<string, FileEntry>>;

/**
 * What is wrong with the workspace paths: each has to be acceptable, and neither be nor be beneath an input, the configuration file or a tmpfs of
 * the job's.
 */
export function fileIssues(plan: RunPlan, files: WorkspaceFiles): readonly Issue[] {
  const readOnly = (what: string): string => `is taken by ${what}, which is read-only`;
  const taken = plan.inputs.map((input) => ({
    path: input.workspacePath,
    problem: readOnly(describeInput(input)),
  }));
  if (plan.configFile !== null)
    taken.push({ path: plan.configFile.filename, problem: readOnly('the configuration file') });
  for (const { target } of plan.container.tmpfs) {
    const beneath = `${plan.workspaceMountPath}/`;
    if (!target.startsWith(beneath)) continue;
    const path = target.slice(beneath.length);
    taken.push({ path, problem: `would be hidden by the tmpfs at "${target}"` });
  }
  const issues: Issue[] = [];
  for (const path of Object.keys(files)) {
    const problem = checkRelativePath(path);
    const clash = taken.find((other) => isWithin(foldPath(other.path), foldPath(path)));
    if (problem !== null) issues.push(toIssue(path, problem));
    else if (clash !== undefined) issues.push(toIssue(path, clash.problem));
    else if (isBeneathFile(path, files)) issues.push(toIssue(path, BENEATH_FILE));
  }
  return issues;
}

const BENEATH_FILE = 'stands where another file is, or beneath one';

/** Whether another of the files is above it, but for those of this machine: such a one may be a folder. */
function isBeneathFile(path: string, files: WorkspaceFiles): boolean {
  const names = path.split('/');
  return names.some((_name, index) => {
    const above = names.slice(0, index).join('/');
    const entry = Object.hasOwn(files, above) ? files[above] : undefined;
    return entry !== undefined && !isLocalPath(normalizeFile(entry).content);
  });
}

/** @throws `validation.invalid_job` with every one of them. */
export function requireNoClash(plan: RunPlan, files: WorkspaceFiles): void {
  const issues = fileIssues(plan, files);
  if (issues.length > 0) throw invalidFields(issues);
}

/** What was put into the workspace. */
export interface PutFilesReport {
  /** In the order of `files`. */
  readonly given: GivenReport['files'];
  /** Of what was left out. */
  readonly warnings: readonly string[];
}

/**
 * Copies every file.
 *
 * @throws `workspace.too_large`; `validation.invalid_job` for a path that cannot be, for a local file that may not be read, and for a stream that fails;
 * `workspace.failed`.
 */
export async function putFiles(files: WorkspaceFiles, context: PutFilesContext): Promise<PutFilesReport> {
  const warnings: string[] = [];
  const given: GivenReport['files'][number][] = [];
  for (const [path, entry] of Object.entries(files)) {
    context.signal.throwIfAborted();
    try {
      const { type, files: copied, leftOut } = await putFile(path, normalizeFile(entry), context);
      given.push(toReport(path, type, copied));
      if (leftOut > 0) {
        warnings.push(`files: ${String(leftOut)} links and special files beneath "${path}" were left out`);
      }
    } catch (error) {
      context.signal.throwIfAborted();
      const code = errorCode(error);
      if (code === 'EEXIST' || code === 'ENOTDIR') {
        throw invalidFields([toIssue(path, BENEATH_FILE)], error);
      }
      throw error;
    }
  }
  return { given, warnings };
}

interface PutEntry extends CopiedFolder {
  readonly type: 'file' | 'directory';
}

const single = (content: Content): PutEntry => ({
  type: 'file',
  files: [{ ...content, path: '' }],
  leftOut: 0,
});

function toReport(
  workspacePath: string,
  type: PutEntry['type'],
  files: PutEntry['files'],
): GivenReport['files'][number] {
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const sha256 = type === 'file' ? (files[0]?.sha256 ?? null) : treeDigest(files);
  return { workspacePath, type, files: files.length, sizeBytes, sha256 };
}

async function putFile(path: string, file: NormalizedFile, context: PutFilesContext): Promise<PutEntry> {
  const { content } = file;
  const names = path.split('/');
  if (isLocalPath(content)) return putLocal(path, content.path, names, file, context);
  const body =
    typeof content === 'string' ? once(Buffer.from(content)) : toStream(path, content, context.signal);
  return single(await writeFile(path, names, body, file.executable, context));
}

async function* toStream(
  path: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (content instanceof Uint8Array) {
    yield content;
    return;
  }
  try {
    yield* bytesOf(content, signal);
  } catch (error) {
    signal.throwIfAborted();
    // Whatever it rejects with is about its source, not about our folder, and is nothing that another try could change.
    const problem = error instanceof Error ? error.message : String(error);
    const message = `the stream failed, and cannot be read again: ${problem}`;
    throw invalidFields([{ ...fileField(path), message, hint: 'give a new stream with a new run' }], error);
  }
}

async function putLocal(
  path: string,
  localPath: string,
  names: readonly string[],
  file: NormalizedFile,
  context: PutFilesContext,
): Promise<PutEntry> {
  const what = `files "${path}"`;
  const source = await openReadable(fileField(path), localPath, 'file or folder');
  try {
    if (source.facts.type === 'file') {
      context.budget.addEntry(what);
      const folder = await openTarget(names.slice(0, -1), context);
      try {
        return single(
          await copyLocalFile(path, folder, names.at(-1) ?? '', source, file.executable, context),
        );
      } finally {
        await folder.handle.close();
      }
    }
    return { type: 'directory', ...(await copyLocalFolder(path, names, source, file.executable, context)) };
  } finally {
    await source.handle.close();
  }
}

async function writeFile(
  path: string,
  names: readonly string[],
  body: AsyncIterable<Uint8Array>,
  executable: boolean,
  context: PutFilesContext,
): Promise<Content> {
  const { budget, user, isHashed, signal } = context;
  const what = `files "${path}"`;
  budget.addEntry(what);
  const onBytes = budget.startFile(what, 'caller');
  const folder = await openTarget(names.slice(0, -1), context);
  try {
    const options = { ...madeFor(user, executable), signal, onBytes };
    const create = isHashed ? createFile : createUnhashedFile;
    return await create(folder.handle, names.at(-1) ?? '', body, options);
  } finally {
    await folder.handle.close();
  }
}

/** Where one of the files stands among the options. */
export const fileField = (path: string): GivenField => ({
  code: 'validation.files',
  path: `files.${path}`,
});

const toIssue = (path: string, problem: string): Issue => ({
  ...fileField(path),
  message: `the workspace path ${JSON.stringify(path)} ${problem}`,
});

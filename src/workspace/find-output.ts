/** Finds and hashes one output that a job left, trusting nothing about it. It uploads nothing. */
import { globBase, isGlob } from '../base/glob.js';
import { errorCode, type NodeType, openBeneath, openContent, type OpenNode } from '../host/node.js';
import type { OutputRequest } from '../plan/container-spec.js';
import type { PlannedLimits } from '../plan/run-plan.js';
import type { OutputReport, SkippedEntry } from '../result.js';
import type { Brought, OutputBringer } from './bring-output.js';
import { ChangedError, type FoundFile, hashFile } from './found-file.js';
import { createGlobMatcher, type GlobMatcher } from './glob-matcher.js';
import { createOutputAccount, type OutputAccount, type OutputRoom } from './output-account.js';
import type { OutputScan } from './output-scan.js';
import { findTree, type OutputTree } from './output-tree.js';
import { KINDS, type RejectCause, RejectedError } from './rejection.js';

/** What stands at the place of an output. */
export type FoundOutput =
  | {
      readonly state: 'found';
      readonly type: 'file' | 'directory' | 'glob';
      readonly files: readonly FoundFile[];
      readonly skipped: readonly SkippedEntry[];
      readonly used: OutputRoom;
      /** Lets go of what is held open. */
      close(): Promise<void>;
    }
  | { readonly state: 'missing'; readonly skipped: readonly SkippedEntry[] }
  | {
      readonly state: 'rejected';
      readonly type: OutputReport['type'];
      readonly cause: RejectCause;
      readonly reason: string;
    };

/** What an output is judged by. */
export interface FindOutputOptions {
  /** Mount points, which are no outputs. */
  readonly placeholders: ReadonlySet<string>;
  readonly limits: Pick<PlannedLimits, 'fileBytes' | 'depth'>;
  /** What the outputs of this run may still have. */
  readonly room: OutputRoom;
  /** Null: there are no secrets to look for. */
  readonly scan: OutputScan | null;
  /** For a workspace that this host does not see; absent: it does. */
  readonly bring?: OutputBringer | undefined;
  readonly signal: AbortSignal;
}

type Output = Pick<OutputRequest, 'workspacePath' | 'upload' | 'specialFiles'>;

const MISSING: FoundOutput = { state: 'missing', skipped: [] };
const NO_STAND_INS: Brought['standIns'] = new Map();

/** Where an output is looked for, and how. */
interface Search extends FindOutputOptions, Brought {
  readonly isType: (type: 'file' | 'directory') => void;
}

/** Walks to an output without following links, and hashes every regular file of it, within the limits. */
export async function findOutput(
  workspace: OpenNode,
  output: Output,
  options: FindOutputOptions,
): Promise<FoundOutput> {
  const found: { type: OutputReport['type'] } = { type: isGlob(output.workspacePath) ? 'glob' : null };
  try {
    const brought = await options.bring?.bring(output.workspacePath, options);
    const place = brought ?? { workspace: workspace.handle, standIns: NO_STAND_INS };
    const isType: Search['isType'] = (type) => {
      found.type = type;
    };
    return await (found.type === 'glob' ? findGlob : findPath)(output, { ...options, ...place, isType });
  } catch (error) {
    options.signal.throwIfAborted();
    const { type } = found;
    const code = errorCode(error);
    const state = 'rejected';
    if (error instanceof RejectedError)
      return { state, type, cause: error.rejectCause, reason: error.message };
    if (error instanceof ChangedError)
      return { state, type, cause: 'kind', reason: 'changed while it was read' };
    // A job may take away its own permissions; that is no failure of ours.
    if (code === 'EACCES' || code === 'EPERM') {
      return { state, type, cause: 'kind', reason: 'may not be read by the user of this process' };
    }
    throw error;
  }
}

async function findPath(output: Output, search: Search): Promise<FoundOutput> {
  const { workspace, standIns } = search;
  const names = output.workspacePath.split('/');
  const { node, blockedBy } = await openBeneath(workspace, names);
  if (node === null) return notReached(blockedBy);
  let held = false;
  try {
    const { identity } = node.facts;
    const type = standIns.get(identity) ?? node.facts.type;
    if (search.placeholders.has(identity)) return MISSING;
    if (type !== 'file' && type !== 'directory') {
      throw new RejectedError('kind', `is ${KINDS[type]}, not a regular file or a folder`);
    }
    search.isType(type);
    requireWanted(output, type);
    const account = createOutputAccount(search.room, search.limits);
    if (type === 'directory') {
      const root = { workspace, names: names.map((name) => Buffer.from(name)), node };
      return toFound('directory', await findTree(root, treeOptions(output, search, account, null)), account);
    }
    account.addEntry();
    account.addFile('', node.facts.sizeBytes);
    const { scan, signal } = search;
    scan?.startFile(output.workspacePath, []);
    const hashed = await hashFile(node, { signal, onChunk: scan?.push });
    scan?.endFile();
    // Held from here on, so that it stays this file whatever its name stands for meanwhile.
    held = true;
    const file = {
      path: output.workspacePath,
      relativePath: '',
      ...hashed,
      open: async () => openContent(node),
    };
    const close = async (): Promise<void> => node.handle.close();
    return { state: 'found', type, files: [file], skipped: [], used: account.used, close };
  } finally {
    if (!held) await node.handle.close();
  }
}

async function findGlob(output: Output, search: Search): Promise<FoundOutput> {
  const { workspace } = search;
  const base = globBase(output.workspacePath);
  const names = base === '' ? [] : base.split('/');
  const { node, blockedBy } = await openBeneath(workspace, names);
  if (node === null) return notReached(blockedBy);
  try {
    const { type, identity } = node.facts;
    if (type === 'file' || search.placeholders.has(identity)) return MISSING;
    if (type !== 'directory') throw blocked(type);
    const account = createOutputAccount(search.room, search.limits);
    const root = { workspace, names: names.map((name) => Buffer.from(name)), node };
    const glob = await createGlobMatcher(output.workspacePath);
    const tree = await findTree(root, treeOptions(output, search, account, glob));
    return tree.files.length === 0
      ? { state: 'missing', skipped: tree.skipped }
      : toFound('glob', tree, account);
  } finally {
    await node.handle.close();
  }
}

function notReached(blockedBy: NodeType | null): FoundOutput {
  if (blockedBy === null || blockedBy === 'file') return MISSING;
  throw blocked(blockedBy);
}

const blocked = (by: NodeType): RejectedError =>
  new RejectedError('kind', `has ${KINDS[by]} in its path, which is never followed`);

function requireWanted({ upload }: Output, type: 'file' | 'directory'): void {
  const wanted = upload === null || upload === 'caller' ? null : upload.mode;
  if (wanted === null || wanted === type) return;
  throw new RejectedError('kind', `is ${KINDS[type]} where the definition wants ${KINDS[wanted]}`);
}

function treeOptions(
  { specialFiles }: Output,
  { placeholders, standIns, limits, scan, signal }: Search,
  account: OutputAccount,
  glob: GlobMatcher | null,
): Parameters<typeof findTree>[1] {
  return {
    account,
    placeholders,
    standIns,
    specialFiles,
    glob,
    scan,
    maxDepth: limits.depth,
    signal,
  };
}

function toFound(type: 'directory' | 'glob', tree: OutputTree, account: OutputAccount): FoundOutput {
  return { state: 'found', type, ...tree, used: account.used, close: () => Promise.resolve() };
}

/** Finds and hashes the regular files of a folder or a glob; links and special files are left out or refused. */
import type { FileHandle } from 'node:fs/promises';
import { checkRelativePath } from '../base/paths.js';
import { type NodeType, openChild, type OpenNode } from '../host/node.js';
import type { WalkEntry } from '../host/walk.js';
import type { OutputRequest } from '../plan/container-spec.js';
import type { SkippedEntry } from '../result.js';
import { type FoundFile, hashFile, openSameFile, pathOf } from './found-file.js';
import type { GlobMatcher } from './glob-matcher.js';
import type { OutputAccount } from './output-account.js';
import type { OutputScan } from './output-scan.js';
import { walkOutput } from './output-walk.js';
import { KINDS, RejectedError } from './rejection.js';

/** What a tree is searched with. */
export interface OutputTreeOptions {
  readonly account: OutputAccount;
  readonly placeholders: ReadonlySet<string>;
  /** By `device:inode`, what empty files stand for. */
  readonly standIns: ReadonlyMap<string, NodeType>;
  readonly specialFiles: OutputRequest['specialFiles'];
  /** Null: everything is taken. */
  readonly glob: GlobMatcher | null;
  /** Null: there are no secrets to look for. */
  readonly scan: OutputScan | null;
  readonly maxDepth: number;
  readonly signal: AbortSignal;
}

/** Where a tree lies. */
export interface OutputRoot {
  readonly workspace: FileHandle;
  /** Names from the workspace to the root. */
  readonly names: readonly Buffer[];
  readonly node: OpenNode;
}

/** What a tree holds, by path. */
export interface OutputTree {
  readonly files: readonly FoundFile[];
  readonly skipped: readonly SkippedEntry[];
}

/**
 * Walks a tree and reads each file to its end.
 *
 * @throws {@link RejectedError} beyond a limit, or for what is refused.
 */
export async function findTree(root: OutputRoot, options: OutputTreeOptions): Promise<OutputTree> {
  const files: FoundFile[] = [];
  const skipped: SkippedEntry[] = [];
  const { account, glob, maxDepth, placeholders, signal } = options;
  // A name need not be valid UTF-8; what is not becomes U+FFFD, which only a wildcard matches.
  const textOf = ({ names }: WalkEntry): string => Buffer.from(join([...root.names, ...names])).toString();
  const enters = (entry: WalkEntry): boolean =>
    !placeholders.has(entry.facts.identity) && (glob === null || glob.mayMatchBeneath(textOf(entry)));
  for await (const entry of walkOutput(root.node.handle, account, { maxDepth, signal, enters })) {
    const { identity } = entry.facts;
    const type = options.standIns.get(identity) ?? entry.facts.type;
    if (type === 'directory' || placeholders.has(identity)) continue;
    if (glob?.matches(textOf(entry)) === false) continue;
    if (type === 'file') files.push(await takeFile(root, entry, options));
    else skipped.push(skip(root, entry, type, options));
  }
  return { files, skipped };
}

async function takeFile(
  root: OutputRoot,
  entry: WalkEntry,
  { account, scan, signal }: OutputTreeOptions,
): Promise<FoundFile> {
  const names = [...root.names, ...entry.names];
  const path = pathOf(names);
  const relativePath = pathOf(entry.names);
  const problem = checkRelativePath(path);
  if (problem !== null)
    throw new RejectedError('limit', `holds ${JSON.stringify(relativePath)}, a path that ${problem}`);
  const node = await openChild(entry.parent, entry.names.at(-1) ?? '');
  try {
    const { identity, sizeBytes } = node.facts;
    account.addFile(relativePath, sizeBytes);
    scan?.startFile(path, entry.names);
    const hashed = await hashFile(node, { signal, onChunk: scan?.push });
    scan?.endFile();
    return { path, relativePath, ...hashed, open: async () => openSameFile(root.workspace, names, identity) };
  } finally {
    await node.handle.close();
  }
}

function skip(
  root: OutputRoot,
  { names }: WalkEntry,
  type: SkippedEntry['type'],
  { specialFiles }: OutputTreeOptions,
): SkippedEntry {
  if (specialFiles === 'refuse') {
    throw new RejectedError('kind', `holds ${JSON.stringify(pathOf(names))}, which is ${KINDS[type]}`);
  }
  return { path: pathOf([...root.names, ...names]), type };
}

const SEPARATOR = Buffer.from('/');

function join(names: readonly Buffer[]): Uint8Array {
  return Buffer.concat(names.flatMap((name, index) => (index === 0 ? [name] : [SEPARATOR, name])));
}

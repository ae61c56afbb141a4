/** Finds and hashes one output that a job left, trusting nothing about it. It uploads nothing. */
import type { FileHandle } from 'node:fs/promises';
import { type Digest, digestContent } from '../host/file-content.js';
import { errorCode, type NodeType, openBeneath, openContent, type OpenNode } from '../host/node.js';
import type { PlannedLimits } from '../plan/run-plan.js';

/** What stands at the place of an output. */
export type FoundOutput =
  | {
      readonly state: 'found';
      /** The very file that was hashed, whatever its name stands for later; the caller's to close. */
      readonly content: FileHandle;
      readonly digest: Digest;
    }
  | { readonly state: 'missing' }
  | {
      readonly state: 'rejected';
      readonly type: 'file' | 'directory' | null;
      readonly cause: RejectCause;
      readonly reason: string;
    };

/** Whether an output is of the wrong kind or beyond a limit. */
export type RejectCause = 'kind' | 'limit';

/** What an output is judged by. */
export interface FindOutputOptions {
  /** Mount points, which are no outputs. */
  readonly placeholders: ReadonlySet<string>;
  readonly limits: Pick<PlannedLimits, 'fileBytes'>;
  /** Bytes that outputs of this run may still have. */
  readonly roomBytes: number;
  /** What the definition says it is; null: whatever is there. */
  readonly wanted: 'file' | 'directory' | null;
  readonly signal: AbortSignal;
}

const KINDS: Readonly<Record<NodeType, string>> = {
  file: 'a file',
  directory: 'a folder',
  symlink: 'a symbolic link',
  fifo: 'a FIFO',
  socket: 'a socket',
  device: 'a device',
};

/** Walks to an output without following links, and hashes it if it is one regular file within the limits. */
export async function findOutput(
  workspace: OpenNode,
  workspacePath: string,
  options: FindOutputOptions,
): Promise<FoundOutput> {
  try {
    const { node, blockedBy } = await openBeneath(workspace.handle, workspacePath.split('/'));
    try {
      return node === null ? notReached(blockedBy) : await judge(node, options);
    } finally {
      await node?.handle.close();
    }
  } catch (error) {
    options.signal.throwIfAborted();
    const code = errorCode(error);
    // A job may take away its own permissions; that is no failure of ours.
    if (code === 'EACCES' || code === 'EPERM')
      return reject('file', 'kind', 'may not be read by the user of this process');
    throw error;
  }
}

function notReached(blockedBy: NodeType | null): FoundOutput {
  if (blockedBy === null || blockedBy === 'file') return { state: 'missing' };
  return reject(null, 'kind', `has ${KINDS[blockedBy]} in its path, which is never followed`);
}

async function judge(node: OpenNode, options: FindOutputOptions): Promise<FoundOutput> {
  const { type, identity, sizeBytes } = node.facts;
  if (options.placeholders.has(identity)) return { state: 'missing' };
  if (type === 'directory') {
    return reject('directory', 'kind', 'is a folder; only single files are collected so far');
  }
  if (type === 'file' && options.wanted === 'directory') {
    return reject('file', 'kind', 'is a file where the definition wants a folder');
  }
  if (type !== 'file') return reject(null, 'kind', `is ${KINDS[type]}, not a regular file`);
  // The logical size first: a sparse file of a tebibyte takes nothing on the disk and hours to read.
  const problem = limitProblem(sizeBytes, options);
  if (problem !== null) return reject('file', 'limit', problem);
  const content = await openContent(node);
  try {
    let total = 0;
    const onBytes = (bytes: number): void => {
      total += bytes;
      if (total > sizeBytes) throw new ChangedError();
    };
    const digest = await digestContent(content, { signal: options.signal, onBytes });
    if (digest.sizeBytes !== sizeBytes) throw new ChangedError();
    return { state: 'found', content, digest };
  } catch (error) {
    await content.close();
    if (error instanceof ChangedError) return reject('file', 'kind', 'changed while it was read');
    throw error;
  }
}

function limitProblem(sizeBytes: number, { limits, roomBytes }: FindOutputOptions): string | null {
  const size = `has ${String(sizeBytes)} bytes`;
  if (sizeBytes > limits.fileBytes)
    return `${size}, more than the limit of ${String(limits.fileBytes)} (maxFileBytes)`;
  if (sizeBytes > roomBytes)
    return `${size}, more than the ${String(roomBytes)} bytes that are left for outputs of this run`;
  return null;
}

const reject = (type: 'file' | 'directory' | null, cause: RejectCause, reason: string): FoundOutput => ({
  state: 'rejected',
  type,
  cause,
  reason,
});

class ChangedError extends Error {}

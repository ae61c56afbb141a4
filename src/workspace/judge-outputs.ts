/** Tells, while a job runs, whether its outputs are more than could ever be collected: by names and sizes, without reading a byte. */
import type { FileHandle } from 'node:fs/promises';
import { globBase, isGlob } from '../base/glob.js';
import { openBeneath } from '../host/node.js';
import type { WalkEntry } from '../host/walk.js';
import type { OutputRequest } from '../plan/container-spec.js';
import type { PlannedLimits } from '../plan/run-plan.js';
import { pathOf } from './found-file.js';
import { createGlobMatcher } from './glob-matcher.js';
import { createOutputAccount, type OutputAccount, type OutputRoom } from './output-account.js';
import { walkOutput } from './output-walk.js';
import { RejectedError } from './rejection.js';

/** Outputs and what they may be. */
export interface JudgedOutputs {
  readonly outputs: readonly Pick<OutputRequest, 'workspacePath'>[];
  readonly limits: Pick<PlannedLimits, 'fileBytes' | 'outputBytes' | 'uploadBytes' | 'entries' | 'depth'>;
}

/** An output that is too much. */
export interface OutputExcess {
  readonly workspacePath: string;
  /** To be read after its name. */
  readonly reason: string;
}

/** The first output beyond a limit; null if none is. What vanishes, or may not be looked into, does not count. */
export async function judgeOutputs(
  workspace: FileHandle,
  { outputs, limits }: JudgedOutputs,
  signal: AbortSignal,
): Promise<OutputExcess | null> {
  let room: OutputRoom = {
    bytes: Math.min(limits.outputBytes, limits.uploadBytes),
    entries: limits.entries,
  };
  for (const { workspacePath } of outputs) {
    const account = createOutputAccount(room, limits);
    try {
      await countOutput(workspace, workspacePath, { account, maxDepth: limits.depth, signal });
    } catch (error) {
      if (signal.aborted) return null;
      if (error instanceof RejectedError) return { workspacePath, reason: error.message };
      // A job may do anything to its folders meanwhile; what they come to is judged at its end.
      continue;
    }
    room = { bytes: room.bytes - account.used.bytes, entries: room.entries - account.used.entries };
  }
  return null;
}

interface CountOptions {
  readonly account: OutputAccount;
  readonly maxDepth: number;
  readonly signal: AbortSignal;
}

async function countOutput(
  workspace: FileHandle,
  workspacePath: string,
  { account, maxDepth, signal }: CountOptions,
): Promise<void> {
  const glob = isGlob(workspacePath) ? await createGlobMatcher(workspacePath) : null;
  const base = glob === null ? workspacePath : globBase(workspacePath);
  const names = base === '' ? [] : base.split('/');
  const { node } = await openBeneath(workspace, names);
  if (node === null) return;
  try {
    // A file in the place of the folder of a glob is no output.
    if (glob === null && node.facts.type === 'file') {
      account.addEntry();
      account.addFile('', node.facts.sizeBytes);
    }
    if (node.facts.type !== 'directory') return;
    const textOf = (entry: WalkEntry): string =>
      pathOf([...names.map((name) => Buffer.from(name)), ...entry.names]);
    const enters = (entry: WalkEntry): boolean => glob === null || glob.mayMatchBeneath(textOf(entry));
    for await (const entry of walkOutput(node.handle, account, { maxDepth, enters, signal })) {
      const isTaken = entry.facts.type === 'file' && glob?.matches(textOf(entry)) !== false;
      if (isTaken) account.addFile(pathOf(entry.names), entry.facts.sizeBytes);
    }
  } finally {
    await node.handle.close();
  }
}

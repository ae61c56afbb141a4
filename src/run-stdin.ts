/** Where a run's standard input comes from: a file is opened before there is a container, so that one that cannot be read is known by then. */
import type { FileHandle } from 'node:fs/promises';
import { readToEnd, type StdinContent } from './execute/stdin-source.js';
import { openContent } from './host/node.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Cleanup } from './run-cleanup.js';
import type { Run } from './run-context.js';
import { isLocalPath } from './workspace/file-content.js';
import { openLocal, unreadable } from './workspace/open-local.js';

/**
 * What was given, with a path opened; null: nothing was. The file is closed when the run is over.
 *
 * @throws `workspace.failed` when a path leads to no file that can be read.
 */
export async function openStdin(run: Run, plan: RunPlan, cleanup: Cleanup): Promise<StdinContent | null> {
  const given = run.options.stdin ?? plan.stdin;
  if (given === null || !isLocalPath(given)) return given;
  const opening = openFile(given.path);
  cleanup.add('workspace', async () => {
    const file = await opening.catch(() => null);
    await file?.close();
  });
  return readToEnd(await opening);
}

async function openFile(path: string): Promise<FileHandle> {
  const node = await openLocal('stdin', path);
  try {
    if (node.facts.type !== 'file') throw unreadable('stdin', path, `is a ${node.facts.type}`);
    return await openContent(node).catch((error: unknown) => {
      throw unreadable('stdin', path, error instanceof Error ? error.message : String(error), error);
    });
  } finally {
    await node.handle.close();
  }
}

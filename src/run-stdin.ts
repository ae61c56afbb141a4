/** Where a run's standard input comes from: a file is opened before there is a container, so that one that cannot be read is known by then. */
import type { FileHandle } from 'node:fs/promises';
import { readToEnd, type StdinContent } from './execute/stdin-source.js';
import { openContent } from './host/node.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Cleanup } from './run-cleanup.js';
import type { Run } from './run-context.js';
import { isLocalPath } from './workspace/file-content.js';
import { failureOf, type GivenField, openReadable } from './workspace/open-local.js';

/** Where standard input stands among the options. */
export const STDIN_FIELD: GivenField = { code: 'validation.stdin', path: 'stdin' };

/**
 * What was given, with a path opened; null: nothing was. The file is closed when the run is over.
 *
 * @throws `validation.invalid_job` when a path leads to no file that may be read; `workspace.failed` for any other failure.
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
  const node = await openReadable(STDIN_FIELD, path, 'file');
  try {
    return await openContent(node).catch((error: unknown) => {
      throw failureOf(STDIN_FIELD, path, error);
    });
  } finally {
    await node.handle.close();
  }
}

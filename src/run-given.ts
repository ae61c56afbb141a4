/** What a caller gives a run by names of this machine, looked at before anything is pulled or made for it. What is used later is opened anew. */
import { constants } from 'node:fs';
import { access, lstat, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Issue, issuesOf } from './errors.js';
import { errorCode } from './host/node.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Run } from './run-context.js';
import { STDIN_FIELD } from './run-stdin.js';
import { isLocalPath, normalizeFile } from './workspace/file-content.js';
import { failureOf, type GivenField, invalidFields, openReadable, unusable } from './workspace/open-local.js';
import { fileField, fileIssues } from './workspace/put-files.js';

const OUTPUT_TO: GivenField = { code: 'validation.output_to', path: 'outputTo' };

/**
 * Makes sure that the caller's files can come into the workspace, that its standard input can be read, and that the outputs for it have a folder to go to.
 *
 * @throws `validation.invalid_job` with everything that is wrong; `workspace.failed` where it cannot be told.
 */
export async function requireGiven({ options }: Run, plan: RunPlan): Promise<void> {
  const { files = {}, stdin, outputTo } = options;
  const issues = [...fileIssues(plan, files)];
  for (const [path, entry] of Object.entries(files)) {
    const { content } = normalizeFile(entry);
    if (isLocalPath(content))
      issues.push(...(await problemsOf(async () => look(fileField(path), content.path, 'file or folder'))));
  }
  if (stdin !== undefined && isLocalPath(stdin))
    issues.push(...(await problemsOf(async () => look(STDIN_FIELD, stdin.path, 'file'))));
  const isWanted = plan.outputs.some(({ upload }) => upload === 'caller');
  if (isWanted && typeof outputTo === 'string')
    issues.push(...(await problemsOf(async () => requireFolder(OUTPUT_TO, outputTo))));
  if (issues.length > 0) throw invalidFields(issues);
}

async function look(...given: Parameters<typeof openReadable>): Promise<void> {
  const { handle } = await openReadable(...given);
  await handle.close();
}

/** A folder that something can be put into, or that can be made: then what is above it has to be one. Links may lead there. */
async function requireFolder(field: GivenField, path: string): Promise<void> {
  let place = resolve(path);
  try {
    while (!(await isThere(place))) place = dirname(place);
    const facts = await stat(place).catch((error: unknown) => {
      throw errorCode(error) === 'ENOENT'
        ? unusable(field, path, 'is a link that leads nowhere', error)
        : error;
    });
    if (!facts.isDirectory()) {
      throw unusable(
        field,
        path,
        place === resolve(path) ? 'is no folder' : `${JSON.stringify(place)} is no folder`,
      );
    }
    await access(place, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw failureOf(field, path, error);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    // Not stat: a link that leads nowhere is there, and no folder can be made in its place.
    await lstat(path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
}

/** Everything is looked at before anything is said. */
async function problemsOf(work: () => Promise<void>): Promise<readonly Issue[]> {
  try {
    await work();
    return [];
  } catch (error) {
    const issues = issuesOf(error);
    if (issues.length === 0) throw error;
    return issues;
  }
}

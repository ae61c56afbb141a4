/** Opens what a caller names on this machine. Links further up are the caller's own affair; the named file or folder itself must not be one. */
import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import {
  type AnyJobRuntimeError,
  type Issue,
  JobRuntimeError,
  ValidationError,
  WorkspaceError,
} from '../errors.js';
import { errorCode, handlePath, openBeneath, openDirectory, type OpenNode } from '../host/node.js';

/** An option that a local path was given in. */
export interface GivenField {
  /** Of its issues, for example `validation.stdin`. */
  readonly code: string;
  /** Its place among the options, for example `files.in.txt`. */
  readonly path: string;
}

/** What a system says of a path that names nothing this process may use, in words; anything else is no fault of who named it. */
const CALLERS_FAULTS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'is not there'],
  ['ENOTDIR', 'is not there'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EROFS', 'is on a read-only file system'],
  ['ELOOP', 'leads through too many links'],
  ['ENAMETOOLONG', 'is too long'],
]);

async function openLocal(field: GivenField, localPath: string): Promise<OpenNode> {
  if (localPath.includes('\0')) throw unusable(field, localPath, 'is no path');
  try {
    const absolute = resolve(localPath);
    if (absolute === '/') return await openDirectory(absolute);
    const parent = await openDirectory(await realpath(dirname(absolute)));
    try {
      const { node } = await openBeneath(parent.handle, [basename(absolute)]);
      if (node !== null) return node;
    } finally {
      await parent.handle.close();
    }
  } catch (error) {
    throw failureOf(field, localPath, error);
  }
  throw unusable(field, localPath, 'is not there');
}

/**
 * Opens what is named, and makes sure that it is what is wanted and may be read. The handle is the caller's to close.
 *
 * @throws `validation.invalid_job` when it is not there, something else, or may not be read; `workspace.failed` for any other failure.
 */
export async function openReadable(
  field: GivenField,
  localPath: string,
  wanted: 'file' | 'file or folder',
): Promise<OpenNode> {
  const node = await openLocal(field, localPath);
  const { type } = node.facts;
  try {
    if (type !== 'file' && (type !== 'directory' || wanted === 'file')) {
      throw unusable(field, localPath, `is a ${type}`);
    }
    await access(handlePath(node.handle), constants.R_OK).catch((error: unknown) => {
      throw failureOf(field, localPath, error);
    });
    return node;
  } catch (error) {
    await node.handle.close();
    throw error;
  }
}

/** The error for a local path that is not what it should be. */
export function unusable(
  field: GivenField,
  localPath: string,
  problem: string,
  cause?: unknown,
): ValidationError {
  const message = `${JSON.stringify(localPath)}: ${problem}`;
  return invalidFields([{ ...field, message }], cause);
}

/** The error for options of a run that cannot be used. */
export function invalidFields(issues: readonly Issue[], cause?: unknown): ValidationError {
  const message = issues.map((issue) => `${issue.path}: ${issue.message}`).join('; ');
  return new ValidationError('validation.invalid_job', message, { cause, details: { issues } });
}

/** What a failed call on a local path means to who named it. */
export function failureOf(field: GivenField, localPath: string, error: unknown): AnyJobRuntimeError {
  if (JobRuntimeError.isInstance(error)) return error;
  const fault = CALLERS_FAULTS.get(errorCode(error) ?? '');
  if (fault !== undefined) return unusable(field, localPath, fault, error);
  const problem = error instanceof Error ? error.message : String(error);
  return new WorkspaceError('workspace.failed', `${field.path}: ${JSON.stringify(localPath)}: ${problem}`, {
    cause: error,
  });
}

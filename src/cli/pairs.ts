/** The values of `--file`, `--param` and `--output` to run options. */
import { lstat, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileProblem } from './file-problem.js';
import { usageError } from './input-error.js';

interface Pair {
  readonly name: string;
  readonly value: string;
}

function split(flag: string, text: string, form: string): Pair {
  const at = text.indexOf('=');
  if (at <= 0) throw usageError(flag, `must be ${form}; got ${JSON.stringify(text)}`);
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

/**
 * `name=value` each, the last of equal names counting. A value that reads as JSON is that (`3`, `true`, `[1]`, `"3"`), any other is text.
 *
 * @throws `validation.invalid_job`.
 */
export function readParameters(texts: readonly string[]): Readonly<Record<string, unknown>> {
  const pairs = texts.map((text) => split('--param', text, 'name=value'));
  return Object.fromEntries(pairs.map(({ name, value }) => [name, jsonOrText(value)]));
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * `workspace/path=local` each, to what `files` of the run options takes; each local file or folder must be there, and no link.
 *
 * @throws `validation.invalid_job`.
 */
export async function readFiles(
  texts: readonly string[],
  cwd: string,
): Promise<Readonly<Record<string, { readonly path: string }>>> {
  const files: [string, { readonly path: string }][] = [];
  for (const text of texts) {
    const { name, value } = split('--file', text, 'workspace/path=local/path');
    if (value === '') throw usageError(`--file ${name}`, 'the local path is missing');
    const path = resolve(cwd, value);
    const problem = await problemOf(path);
    if (problem !== null) throw usageError(`--file ${name}`, `${value}: ${problem}`);
    files.push([name, { path }]);
  }
  return Object.fromEntries(files);
}

/** Why what is at a path cannot be copied into a workspace; null: it can. */
async function problemOf(path: string): Promise<string | null> {
  try {
    const found = await lstat(path);
    if (found.isSymbolicLink()) return 'is a symbolic link, which is not followed; name what it leads to';
    return found.isFile() || found.isDirectory() ? null : 'is neither a file nor a folder';
  } catch (error) {
    return fileProblem(error);
  }
}

/**
 * The folder for outputs, which need not be there yet.
 *
 * @throws `validation.invalid_job`.
 */
export async function readOutput(text: string, cwd: string): Promise<string> {
  if (text === '') throw usageError('--output', 'must be a folder');
  const path = resolve(cwd, text);
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === false) throw usageError('--output', `${text}: is a file, not a folder`);
  return path;
}

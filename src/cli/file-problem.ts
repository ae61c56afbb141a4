/** What the operating system says of a file that cannot be read, in words. */

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'no such file or folder',
  EISDIR: 'is a folder, not a file',
  EACCES: 'may not be read (permission denied)',
};

/** The words for what a file operation threw. */
export function fileProblem(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? (PROBLEMS[code] ?? `cannot be read (${code})`) : 'cannot be read';
}

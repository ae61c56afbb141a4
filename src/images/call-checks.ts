/** Checks of what calls about images take, before anybody is asked: also of a caller that does not check types. Pure. */
import { type Check, fits, listener, only, signal } from '../base/shapes.js';
import { type Issue, ValidationError } from '../errors.js';
import { registryAuthIssues, timeoutProblem } from '../execute/call-option-issues.js';
import type { RuntimeImages } from './image-calls.js';

const PLATFORM = /^[a-z0-9]+\/[a-z0-9_-]+(\/[a-z0-9.]+)?$/;

/** Whether it is `os/architecture[/variant]`. */
export const isPlatform = (value: unknown): boolean => typeof value === 'string' && PLATFORM.test(value);

const checkedBelow: Check = () => [];
const call = { signal };
const registry = { ...call, registryAuth: checkedBelow };
const transfer = { ...registry, timeoutMs: checkedBelow, onProgress: listener };

/** What each takes as its options: a misspelt one must not mean its default. */
const OPTIONS: Readonly<Record<keyof RuntimeImages, Readonly<Record<string, Check>>>> = {
  list: call,
  inspect: call,
  pull: { ...transfer, platform: fits(isPlatform, 'must be os/architecture, for example linux/amd64') },
  tag: call,
  push: transfer,
  history: call,
  export: call,
  import: call,
  resolveDigest: registry,
  gc: { ...call, dryRun: fits((value) => typeof value === 'boolean', 'must be true or false') },
  build: transfer,
  remove: call,
};

/** What a call may be given by itself. */
const ARGUMENTS = {
  reference: fits((value) => typeof value === 'string', 'must be the name of an image, as text'),
  target: fits((value) => typeof value === 'string', 'must be the name of an image, as text'),
  tar: fits(
    (value) => typeof value === 'object' && value !== null && Symbol.asyncIterator in value,
    'must be a stream of a tar',
  ),
};

/** @throws `validation.invalid_job`, naming each argument and option that cannot be used. */
export function requireUsableCall(
  name: keyof RuntimeImages,
  given: Readonly<Partial<Record<keyof typeof ARGUMENTS, unknown>>>,
  options: unknown,
): void {
  const issues = Object.entries(given).flatMap(([argument, value]) =>
    toIssues(argument, ARGUMENTS[argument as keyof typeof ARGUMENTS], value),
  );
  if (options !== undefined) {
    const { registryAuth, timeoutMs } = Object(options) as { registryAuth?: unknown; timeoutMs?: unknown };
    const problem = timeoutMs === undefined ? null : timeoutProblem(timeoutMs);
    issues.push(
      ...toIssues('options', only(OPTIONS[name]), options),
      ...('registryAuth' in OPTIONS[name] ? registryAuthIssues(registryAuth) : []),
      ...(problem === null || !('timeoutMs' in OPTIONS[name]) ? [] : [issue('options.timeoutMs', problem)]),
    );
  }
  if (issues.length === 0) return;
  const lines = issues.map(({ path, message }) => `${path} ${message}`);
  throw new ValidationError('validation.invalid_job', lines.join('; '), { details: { issues } });
}

const toIssues = (root: string, check: Check, value: unknown): Issue[] =>
  check(value).map(({ path, message }) =>
    issue([root, ...path.map((name) => name.slice(0, 64))].join('.'), message),
  );

const issue = (path: string, message: string): Issue => ({
  code: 'validation.invalid_option',
  path,
  message,
});

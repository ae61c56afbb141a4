/** Whether what is to be built has the right shape. It judges nothing. */
import { posix } from 'node:path';
import { parseImageReference } from '../base/image-reference.js';
import type { Issue } from '../errors.js';
import type { BuildRequest } from './build-calls.js';
import { isPlatform } from './call-checks.js';

const KEYS = [
  'context',
  'tag',
  'dockerfile',
  'buildArgs',
  'target',
  'platform',
  'labels',
  'noCache',
  'pull',
  'networkMode',
] as const satisfies readonly (keyof BuildRequest)[];

type Given = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Given =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const matches = (value: unknown, pattern: RegExp): boolean =>
  typeof value === 'string' && pattern.test(value);

/** Where the Dockerfile lies in the context, in one spelling. */
export const dockerfileOf = ({ dockerfile = 'Dockerfile' }: Pick<BuildRequest, 'dockerfile'>): string =>
  posix.normalize(dockerfile);

/** What is wrong with a request, whatever was given for one; empty for one that may be judged. */
export function buildRequestIssues(request: unknown, labelPrefix: string): readonly Issue[] {
  const issues: Issue[] = [];
  const say = (field: string, isRight: boolean, message: string): void => {
    if (!isRight) issues.push({ code: 'validation.build', path: field, message });
  };
  if (!isMap(request)) {
    say('build', false, 'must be an object with context and tag');
    return issues;
  }
  for (const key of Object.keys(request))
    say(
      `build.${key}`,
      KEYS.some((each) => each === key),
      `is no known key; known keys: ${KEYS.join(', ')}`,
    );
  say(
    'build.context',
    isContext(request['context']),
    'must be the absolute path of a folder, or a stream of a tar',
  );
  const problem = tagProblem(request['tag']);
  say('build.tag', problem === null, problem ?? '');
  const { dockerfile, target, platform, networkMode } = request;
  say(
    'build.dockerfile',
    dockerfile === undefined || isInside(dockerfile),
    'must be the path of a file within the context, and not end in .in',
  );
  const { buildArgs = {}, labels = {} } = request;
  const texts = (field: string, given: unknown, isName: (name: string) => boolean, message: string): void => {
    say(`build.${field}`, isMap(given), 'must be an object of texts');
    for (const [name, value] of Object.entries(isMap(given) ? given : {}))
      say(`build.${field}.${name}`, isName(name) && typeof value === 'string', message);
  };
  const isArgument = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name);
  texts('buildArgs', buildArgs, isArgument, 'must be text under a name of letters, digits and _');
  const isLabel = (name: string): boolean => name !== '' && !name.startsWith(`${labelPrefix}.`);
  texts('labels', labels, isLabel, `must be text under a name that does not begin with ${labelPrefix}.`);
  say(
    'build.target',
    target === undefined || matches(target, /^[A-Za-z0-9][\w.-]*$/),
    'must be the name of a stage',
  );
  say(
    'build.platform',
    platform === undefined || isPlatform(platform),
    'must be os/architecture, for example linux/amd64',
  );
  say('build.networkMode', networkMode === undefined || typeof networkMode === 'string', 'must be text');
  for (const key of ['noCache', 'pull'] as const)
    say(`build.${key}`, ['undefined', 'boolean'].includes(typeof request[key]), 'must be true or false');
  return issues;
}

function isContext(context: unknown): boolean {
  if (typeof context === 'string') return context.startsWith('/') && !context.includes('\0');
  const stream = context as Partial<AsyncIterable<unknown>> | null;
  return typeof context === 'object' && typeof stream?.[Symbol.asyncIterator] === 'function';
}

function tagProblem(tag: unknown): string | null {
  if (typeof tag !== 'string') return 'must be the name of an image';
  const parsed = parseImageReference(tag);
  if (!parsed.ok) return parsed.problem;
  return parsed.reference.digest === null ? null : 'must have no digest';
}

function isInside(dockerfile: unknown): boolean {
  if (typeof dockerfile !== 'string') return false;
  const path = dockerfileOf({ dockerfile });
  // Of such a name Podman has the C preprocessor make another text, with files of the engine's host.
  return path !== '.' && !/^(\/|\.\.(\/|$))|\/$|\0|\.in$/.test(path);
}

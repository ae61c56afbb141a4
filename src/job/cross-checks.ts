/** Rules between fields of a definition whose fields are right one by one. */
import { fixedPart, isGlob } from '../base/glob.js';
import { foldPath, isWithin, pathsOverlap } from '../base/paths.js';
import type { Issue } from '../errors.js';
import { conflict } from './conflict.js';
import { mountIssues } from './mount-checks.js';
import type { ParsedJob } from './schema.js';

const MAX_INLINE_BYTES = 1024 ** 2;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Everything that does not fit together; empty if nothing does not. */
export function crossIssues({ docker, retry, retryPolicy }: ParsedJob): readonly Issue[] {
  const isTwice = retry !== undefined && retryPolicy !== undefined;
  const twice = isTwice ? [conflict('retryPolicy', 'says the same as retry: leave one of them out')] : [];
  return twice.concat(
    gpuIssues(docker),
    environmentIssues(docker),
    duplicateIds('inputs', docker.inputs),
    duplicateIds('outputs', docker.outputs),
    workspacePathIssues(docker),
    mountIssues(docker),
    inlineIssues(docker),
  );
}

type Docker = ParsedJob['docker'];

/** Neither says more than the other: `true` asks for all there are, `false` for none. */
function gpuIssues({ requiresGpu, resources }: Docker): readonly Issue[] {
  if (requiresGpu === undefined || resources?.gpu === undefined) return [];
  const means = requiresGpu ? 'all GPUs' : 'no GPU';
  return [
    conflict('docker.requiresGpu', `asks for ${means}, beside docker.resources.gpu: leave one of them out`),
  ];
}

/** Each name that stands a second time, regardless of case. */
function repeated(names: readonly (string | undefined)[]): readonly number[] {
  const seen = new Set<string>();
  const indexes: number[] = [];
  for (const [index, name] of names.entries()) {
    if (name === undefined) continue;
    const folded = name.toLowerCase();
    if (seen.has(folded)) indexes.push(index);
    seen.add(folded);
  }
  return indexes;
}

function environmentIssues({ environment = [] }: Docker): readonly Issue[] {
  const isList = Array.isArray(environment);
  const names = isList ? environment.map(({ name }) => name) : Object.keys(environment);
  return repeated(names).map((index) => {
    const name = names[index] ?? '';
    const path = isList ? `docker.environment.${String(index)}.name` : `docker.environment.${name}`;
    return conflict(path, `Duplicate environment variable: ${name}`);
  });
}

function duplicateIds(
  list: 'inputs' | 'outputs',
  artifacts: readonly { readonly id?: string | undefined }[] = [],
): readonly Issue[] {
  if (artifacts.length < 2) return [];
  return repeated(artifacts.map(({ id }) => id)).map((index) =>
    conflict(
      `docker.${list}.${String(index)}.id`,
      `Duplicate ${list.slice(0, -1)} id: ${artifacts[index]?.id ?? ''}`,
    ),
  );
}

/** What lies in the workspace, and where the definition says so. */
interface Placed {
  readonly at: string;
  readonly path: string;
}

function workspacePathIssues(docker: Docker): readonly Issue[] {
  const staged = stagedIn(docker);
  const clashing = staged.flatMap((placed, index) => clashIssues(placed, staged, index));
  const within: Issue[] = [];
  const modes: Issue[] = [];
  for (const [index, { workspacePath, upload }] of (docker.outputs ?? []).entries()) {
    const at = `docker.outputs.${String(index)}`;
    const path = foldPath(fixedPart(workspacePath));
    if (!isGlob(workspacePath)) {
      clashing.push(...clashIssues({ at: `${at}.workspacePath`, path }, staged));
      continue;
    }
    // A glob may well lie above an input, whose place it then passes over.
    const other = path === '' ? undefined : staged.find((placed) => isWithin(placed.path, path));
    if (other !== undefined)
      within.push(conflict(`${at}.workspacePath`, `lies within ${other.at}, which is read-only`));
    if (upload !== 'caller' && upload?.mode === 'file')
      modes.push(conflict(`${at}.upload.mode`, 'must not be "file" for a glob'));
  }
  return clashing.concat(within, modes);
}

function stagedIn({ inputs = [], configFile }: Docker): readonly Placed[] {
  const staged = inputs.map(({ workspacePath }, index) => ({
    at: `docker.inputs.${String(index)}.workspacePath`,
    path: foldPath(workspacePath),
  }));
  if (configFile !== undefined)
    staged.push({ at: 'docker.configFile.filename', path: foldPath(configFile.filename) });
  return staged;
}

/** Whether it is in the place of one of the first `count` others. */
function clashIssues(
  { at, path }: Placed,
  others: readonly Placed[],
  count = others.length,
): readonly Issue[] {
  const other = others.find((placed, index) => index < count && pathsOverlap(placed.path, path));
  if (other === undefined) return [];
  return [conflict(at, `is the same as, beneath or above ${other.at}, which is read-only`)];
}

function inlineIssues({ inputs = [] }: Docker): readonly Issue[] {
  const issues: Issue[] = [];
  let total = 0;
  for (const [index, { source }] of inputs.entries()) {
    if (source.type !== 'inline') continue;
    const at = `docker.inputs.${String(index)}.source.content`;
    if (source.encoding === 'base64') {
      if (!BASE64.test(source.content))
        issues.push({ code: 'validation.invalid_value', path: at, message: 'is not base64' });
      const padding = source.content.length - source.content.replace(/={1,2}$/, '').length;
      total += Math.floor((source.content.length * 3) / 4) - padding;
    } else {
      total += Buffer.byteLength(source.content);
    }
  }
  if (total > MAX_INLINE_BYTES) {
    issues.push(
      conflict('docker.inputs', `inline contents are more than ${String(MAX_INLINE_BYTES)} bytes in all`),
    );
  }
  return issues;
}

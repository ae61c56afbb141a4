/** Rules between fields of a definition whose fields are right one by one. */
import { globBase, isGlob } from '../base/glob.js';
import { foldPath, isWithin, normalizeAbsolutePath, pathsOverlap } from '../base/paths.js';
import type { Issue } from '../errors.js';
import type { ParsedJob } from './schema.js';

const MAX_INLINE_BYTES = 1024 ** 2;
const DEFAULT_WORKSPACE = '/workspace';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Everything that does not fit together; empty if nothing does not. */
export function crossIssues({ docker, retry, retryPolicy }: ParsedJob): readonly Issue[] {
  const isTwice = retry !== undefined && retryPolicy !== undefined;
  return [
    ...(isTwice ? [issue('retryPolicy', 'says the same as retry: leave one of them out')] : []),
    ...gpuIssues(docker),
    ...environmentIssues(docker),
    ...duplicateIds('inputs', docker.inputs ?? []),
    ...duplicateIds('outputs', docker.outputs ?? []),
    ...workspacePathIssues(docker),
    ...mountIssues(docker),
    ...inlineIssues(docker),
  ];
}

type Docker = ParsedJob['docker'];

const issue = (path: string, message: string): Issue => ({ code: 'validation.conflict', path, message });

/** Neither says more than the other: `true` asks for all there are, `false` for none. */
function gpuIssues({ requiresGpu, resources }: Docker): readonly Issue[] {
  if (requiresGpu === undefined || resources?.gpu === undefined) return [];
  const means = requiresGpu ? 'all GPUs' : 'no GPU';
  return [
    issue('docker.requiresGpu', `asks for ${means}, beside docker.resources.gpu: leave one of them out`),
  ];
}

/** Each name that stands a second time, regardless of case. */
function repeated(names: readonly (string | undefined)[]): readonly number[] {
  const seen = new Set<string>();
  return names.flatMap((name, index) => {
    if (name === undefined) return [];
    const folded = name.toLowerCase();
    if (seen.has(folded)) return [index];
    seen.add(folded);
    return [];
  });
}

function environmentIssues({ environment = [] }: Docker): readonly Issue[] {
  const isList = Array.isArray(environment);
  const names = isList ? environment.map(({ name }) => name) : Object.keys(environment);
  return repeated(names).map((index) => {
    const name = names[index] ?? '';
    const path = isList ? `docker.environment.${String(index)}.name` : `docker.environment.${name}`;
    return issue(path, `Duplicate environment variable: ${name}`);
  });
}

function duplicateIds(
  list: 'inputs' | 'outputs',
  artifacts: readonly { readonly id?: string | undefined }[],
): readonly Issue[] {
  return repeated(artifacts.map(({ id }) => id)).map((index) =>
    issue(
      `docker.${list}.${String(index)}.id`,
      `Duplicate ${list.slice(0, -1)} id: ${artifacts[index]?.id ?? ''}`,
    ),
  );
}

interface Placed {
  readonly at: string;
  readonly path: string;
}

function workspacePathIssues({ inputs = [], outputs = [], configFile }: Docker): readonly Issue[] {
  const staged: Placed[] = inputs.map(({ workspacePath }, index) => ({
    at: `docker.inputs.${String(index)}.workspacePath`,
    path: foldPath(workspacePath),
  }));
  if (configFile !== undefined)
    staged.push({ at: 'docker.configFile.filename', path: foldPath(configFile.filename) });
  const produced = outputs.map(({ workspacePath }, index) => ({
    at: `docker.outputs.${String(index)}.workspacePath`,
    path: foldPath(isGlob(workspacePath) ? globBase(workspacePath) : workspacePath),
    isGlob: isGlob(workspacePath),
  }));
  const clash = ({ at, path }: Placed, others: readonly Placed[]): readonly Issue[] => {
    const other = others.find((candidate) => pathsOverlap(candidate.path, path));
    return other === undefined
      ? []
      : [issue(at, `is the same as, beneath or above ${other.at}, which is read-only`)];
  };
  return [
    ...staged.flatMap((placed, index) => clash(placed, staged.slice(0, index))),
    ...produced.filter((placed) => !placed.isGlob).flatMap((placed) => clash(placed, staged)),
    // A glob may well lie above an input, whose place it then passes over.
    ...produced
      .filter((placed) => placed.isGlob && placed.path !== '')
      .flatMap((placed) => {
        const other = staged.find(({ path }) => isWithin(path, placed.path));
        return other === undefined ? [] : [issue(placed.at, `lies within ${other.at}, which is read-only`)];
      }),
    ...outputs.flatMap(({ workspacePath, upload }, index) =>
      isGlob(workspacePath) && upload !== 'caller' && upload?.mode === 'file'
        ? [issue(`docker.outputs.${String(index)}.upload.mode`, 'must not be "file" for a glob')]
        : [],
    ),
  ];
}

function mountIssues(docker: Docker): readonly Issue[] {
  const { inputs = [], outputs = [], configFile, tmpfs = [] } = docker;
  const workspace = normalizeAbsolutePath(docker.workspaceMountPath ?? DEFAULT_WORKSPACE);
  const sources = [
    ...inputs.map(({ workspacePath, mountPath }, index) => ({
      at: `docker.inputs.${String(index)}`,
      workspacePath,
      mountPath,
    })),
    ...(configFile === undefined
      ? []
      : [{ at: 'docker.configFile', workspacePath: configFile.filename, mountPath: configFile.mountPath }]),
  ].map(({ at, workspacePath, mountPath }) => ({
    at: `${at}.mountPath`,
    inside: `${workspace}/${workspacePath}`,
    mounted: mountPath === undefined ? null : normalizeAbsolutePath(mountPath),
  }));
  const issues: Issue[] = [];
  for (const [index, { at, inside, mounted }] of sources.entries()) {
    if (mounted === null) continue;
    if (isWithin(mounted, workspace)) {
      issues.push(issue(at, `must not be the workspace ${workspace} or above it`));
      continue;
    }
    const other = sources.find(
      (source, position) =>
        position !== index &&
        (pathsOverlap(source.inside, mounted) ||
          (source.mounted !== null && position < index && pathsOverlap(source.mounted, mounted))),
    );
    if (other !== undefined)
      issues.push(issue(at, `is the same as, beneath or above a place of ${other.at}`));
    else if (mounted !== inside && pathsOverlap(inside, mounted)) {
      issues.push(issue(at, 'must not lie beneath or above the same input in the workspace'));
    }
  }
  const readOnly = sources.flatMap(({ inside, mounted }) =>
    mounted === null ? [inside] : [inside, mounted],
  );
  const produced = outputs.map(({ workspacePath }) =>
    normalizeAbsolutePath(`${workspace}/${isGlob(workspacePath) ? globBase(workspacePath) : workspacePath}`),
  );
  for (const [index, place] of produced.entries()) {
    const overlaps = isGlob(outputs[index]?.workspacePath ?? '') ? isWithin : pathsOverlap;
    const over = sources.find(
      ({ mounted, inside }) => mounted !== null && mounted !== inside && overlaps(mounted, place),
    );
    if (over !== undefined) {
      issues.push(
        issue(
          `docker.outputs.${String(index)}.workspacePath`,
          `is the same as, beneath or above ${over.at}, which is read-only`,
        ),
      );
    }
  }
  for (const [index, { path }] of tmpfs.entries()) {
    const target = normalizeAbsolutePath(path);
    const before = tmpfs.slice(0, index).map((each) => normalizeAbsolutePath(each.path));
    const isTaken =
      isWithin(target, workspace) ||
      before.includes(target) ||
      readOnly.some((place) => pathsOverlap(place, target)) ||
      produced.some((place) => isWithin(target, place));
    if (isTaken) {
      issues.push(
        issue(
          `docker.tmpfs.${String(index)}.path`,
          'is, or would hide, the workspace, an input, an output or another tmpfs',
        ),
      );
    }
  }
  return issues;
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
      issue('docker.inputs', `inline contents are more than ${String(MAX_INLINE_BYTES)} bytes in all`),
    );
  }
  return issues;
}

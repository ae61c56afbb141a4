/** Rules between the places in the container at which a definition has something mounted. */
import { fixedPart, isGlob } from '../base/glob.js';
import { isWithin, normalizeAbsolutePath, pathsOverlap } from '../base/paths.js';
import type { Issue } from '../errors.js';
import { conflict } from './conflict.js';
import type { ParsedJob } from './schema.js';

const DEFAULT_WORKSPACE = '/workspace';

type Docker = ParsedJob['docker'];

/** Everything that is in another's place; empty if nothing is. */
export function mountIssues(docker: Docker): readonly Issue[] {
  const workspace = normalizeAbsolutePath(docker.workspaceMountPath ?? DEFAULT_WORKSPACE);
  const sources = sourcesOf(docker, workspace);
  const issues = sourceIssues(sources, workspace);
  // Beside an input where the workspace has it, there is nothing to compare outputs with: `workspacePath` was compared before.
  const outside = sources.filter(({ inside, mounted }) => mounted !== null && mounted !== inside);
  if (outside.length > 0) issues.push(...outputIssues(docker, outside, workspace));
  if (docker.tmpfs !== undefined) issues.push(...tmpfsIssues(docker, sources, workspace));
  return issues;
}

/** A read-only file or folder at its places in the container. */
interface Source {
  /** Where the definition says `mounted`. */
  readonly at: string;
  /** Where it says `inside`. */
  readonly insideAt: string;
  readonly inside: string;
  readonly mounted: string | null;
}

function sourcesOf({ inputs = [], configFile }: Docker, workspace: string): readonly Source[] {
  const sources = inputs.map(({ workspacePath, mountPath }, index) =>
    sourceAt(`docker.inputs.${String(index)}`, 'workspacePath', `${workspace}/${workspacePath}`, mountPath),
  );
  if (configFile !== undefined) {
    const { filename, mountPath } = configFile;
    sources.push(sourceAt('docker.configFile', 'filename', `${workspace}/${filename}`, mountPath));
  }
  return sources;
}

function sourceAt(of: string, key: string, inside: string, mountPath: string | undefined): Source {
  const mounted = mountPath === undefined ? null : normalizeAbsolutePath(mountPath);
  return { at: `${of}.mountPath`, insideAt: `${of}.${key}`, inside, mounted };
}

function sourceIssues(sources: readonly Source[], workspace: string): Issue[] {
  const issues: Issue[] = [];
  for (const [index, { at, inside, mounted }] of sources.entries()) {
    if (mounted === null) continue;
    if (isWithin(mounted, workspace)) {
      issues.push(conflict(at, `must not be the workspace ${workspace} or above it`));
      continue;
    }
    const taken = sources.flatMap((source, position) => {
      if (position === index) return [];
      if (pathsOverlap(source.inside, mounted)) return [source.insideAt];
      const isEarlier = source.mounted !== null && position < index;
      return isEarlier && pathsOverlap(source.mounted, mounted) ? [source.at] : [];
    })[0];
    if (taken !== undefined) issues.push(conflict(at, `is the same as, beneath or above ${taken}`));
    else if (mounted !== inside && pathsOverlap(inside, mounted)) {
      issues.push(conflict(at, 'must not lie beneath or above the same input in the workspace'));
    }
  }
  return issues;
}

function outputIssues(
  { outputs = [] }: Docker,
  outside: readonly Source[],
  workspace: string,
): readonly Issue[] {
  const issues: Issue[] = [];
  for (const [index, { workspacePath }] of outputs.entries()) {
    const place = placeOf(workspacePath, workspace);
    const overlaps = isGlob(workspacePath) ? isWithin : pathsOverlap;
    const over = outside.find(({ mounted }) => mounted !== null && overlaps(mounted, place));
    if (over === undefined) continue;
    const at = `docker.outputs.${String(index)}.workspacePath`;
    issues.push(conflict(at, `is the same as, beneath or above ${over.at}, which is read-only`));
  }
  return issues;
}

function tmpfsIssues(
  { tmpfs = [], outputs = [] }: Docker,
  sources: readonly Source[],
  workspace: string,
): readonly Issue[] {
  const issues: Issue[] = [];
  const readOnly = sources.flatMap(({ inside, mounted }) => (mounted === null ? inside : [inside, mounted]));
  const produced = outputs.map(({ workspacePath }) => placeOf(workspacePath, workspace));
  const targets = tmpfs.map(({ path }) => normalizeAbsolutePath(path));
  for (const [index, target] of targets.entries()) {
    const isTaken =
      isWithin(target, workspace) ||
      targets.indexOf(target) < index ||
      readOnly.some((place) => pathsOverlap(place, target)) ||
      produced.some((place) => isWithin(target, place));
    if (!isTaken) continue;
    const at = `docker.tmpfs.${String(index)}.path`;
    issues.push(conflict(at, 'is, or would hide, the workspace, an input, an output or another tmpfs'));
  }
  return issues;
}

/** Where an output lies, as far as that is certain. */
function placeOf(workspacePath: string, workspace: string): string {
  return normalizeAbsolutePath(`${workspace}/${fixedPart(workspacePath)}`);
}

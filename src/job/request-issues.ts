/** What is wrong with the places in a request that no definition was read for: those of a definition its schema has looked at. Pure. */
import { mountTargetProblem } from '../base/mount-target.js';
import { checkRelativePath } from '../base/paths.js';
import type { Issue } from '../errors.js';
import type { RunRequest } from '../plan/container-spec.js';

type Rule = (path: string) => string | null;

/** Every place that nothing of ours may be mounted at, and every one that is not in the workspace. */
export function placeIssues({ container, inputs, outputs, configFile }: RunRequest): readonly Issue[] {
  const mounted = (path: string, target: unknown): readonly Issue[] =>
    target === null ? [] : issueOf(mountTargetProblem, path, target);
  const placed = (path: string, place: unknown): readonly Issue[] => issueOf(checkRelativePath, path, place);
  return [
    ...mounted('container.workspaceMountPath', container.workspaceMountPath),
    ...container.tmpfs.flatMap(({ path }, index) => mounted(`container.tmpfs.${String(index)}.path`, path)),
    ...inputs.flatMap(({ workspacePath, mountPath }, index) => [
      ...placed(`inputs.${String(index)}.workspacePath`, workspacePath),
      ...mounted(`inputs.${String(index)}.mountPath`, mountPath),
    ]),
    ...outputs.flatMap(({ workspacePath }, index) =>
      placed(`outputs.${String(index)}.workspacePath`, workspacePath),
    ),
    ...(configFile === null
      ? []
      : [
          ...placed('configFile.filename', configFile.filename),
          ...mounted('configFile.mountPath', configFile.mountPath),
        ]),
  ];
}

function issueOf(rule: Rule, path: string, value: unknown): readonly Issue[] {
  const message = typeof value === 'string' ? rule(value) : 'must be text';
  return message === null ? [] : [{ code: 'validation.invalid_request', path: `request.${path}`, message }];
}

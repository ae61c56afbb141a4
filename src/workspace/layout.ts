/** Names in a run's folder, as text. It touches no file. */
import { WorkspaceError } from '../errors.js';
import { PLACEHOLDER } from '../plan/run-plan.js';

/** The part of a run's folder that the job may write to. */
export const WORKSPACE_FOLDER = 'workspace';

/** The part of a run's folder that holds what is mounted read-only. */
export const INPUTS_FOLDER = 'inputs';

/** The part of a run's folder that outputs are brought into from an engine that does not see it. */
export const BROUGHT_FOLDER = 'brought';

/** The note in the folder of a run that is kept on purpose. */
export const KEPT_NOTE = 'kept.json';

const MAX_NAME_LENGTH = 24;
const STAGED_PREFIX = `${PLACEHOLDER.workspace}/${INPUTS_FOLDER}/`;

/** What the names of all runs' folders begin with. */
export const RUN_FOLDER_PREFIX = 'run-';

/** What the name of a run's folder begins with: `run-<name>-`, the name cut and reduced to letters, digits and dashes. */
export function runFolderPrefix(name: string): string {
  const reduced = name
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, MAX_NAME_LENGTH)
    .replace(/-+$/, '');
  return `${RUN_FOLDER_PREFIX}${reduced === '' ? 'job' : reduced}-`;
}

/** What the names of all folders with the secrets of a run begin with. */
export const SECRET_FOLDER_PREFIX = 'secrets-';

/**
 * The single name beneath `inputs/` at which a plan stages something.
 *
 * @throws `workspace.failed` for a plan that stages elsewhere.
 */
export function stagedName(stagedAt: string): string {
  const name = stagedAt.startsWith(STAGED_PREFIX) ? stagedAt.slice(STAGED_PREFIX.length) : '';
  if (name === '' || name.includes('/') || name === '.' || name === '..') {
    throw new WorkspaceError(
      'workspace.failed',
      `${JSON.stringify(stagedAt)} is not beneath ${STAGED_PREFIX}`,
    );
  }
  return name;
}

/** The names from the workspace down to a container path, or null when it is not beneath the workspace. */
export function namesBeneathWorkspace(workspaceMountPath: string, target: string): readonly string[] | null {
  const above = workspaceMountPath.split('/').filter((name) => name !== '');
  const below = target.split('/').filter((name) => name !== '');
  const isBeneath = below.length > above.length && above.every((name, index) => below[index] === name);
  return isBeneath ? below.slice(above.length) : null;
}

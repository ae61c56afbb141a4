/** What an explanation says of the way files take into the container, as far as that is known before an engine is asked. Pure. */
import type { TransportSetting } from '../config/runtime-config.js';
import type { KnownEngine } from './engine-needs.js';
import { isBeneath } from './mount-plan.js';
import type { RunPlan } from './run-plan.js';

/** `transport`: `auto` where it is not found out yet; `engine`: null where none was asked yet. */
export function transportNotes(
  plan: RunPlan,
  transport: TransportSetting,
  engine: Pick<KnownEngine, 'volumeSubpaths' | 'gaps'> | null,
): readonly string[] {
  if (transport === 'bind') return [];
  const where = transport === 'volume' ? '' : 'where the engine does not see workspaceRoot, ';
  if (engine?.gaps?.includes('copies') === true) {
    const why =
      'the files would have to be in volumes, and the engine does not copy them in and out as they are';
    return [`${where}refused by this engine (engine.unsupported): workspace.transport: ${why}`];
  }
  const hasSubpaths = engine?.volumeSubpaths ?? null;
  const notes = [`${where}volumes of the engine take the place of the folders that are mounted here`];
  if (hasSubpaths === true) return notes;
  const how =
    hasSubpaths === null ? 'unless the engine mounts parts of volumes (API 1.45)' : 'by this engine';
  for (const { name, isFile, targets } of stagedIn(plan)) {
    const target = targets.find((each) => !isBeneath(plan.workspaceMountPath, each));
    if (target === undefined) continue;
    const what = isFile ? name : `${name}, if it is a file,`;
    notes.push(`${where}${what} is refused ${how} (engine.unsupported): it is to be at ${target}`);
  }
  return notes;
}

/** What is mounted, and whether it is known to be a file. */
interface StagedThing {
  readonly name: string;
  readonly isFile: boolean;
  readonly targets: readonly string[];
}

function stagedIn({ inputs, configFile }: RunPlan): readonly StagedThing[] {
  const things: StagedThing[] = inputs.map(({ id, workspacePath, source, targets }) => ({
    name: `input "${id ?? workspacePath}"`,
    isFile: source.type === 'inline',
    targets,
  }));
  if (configFile !== null) {
    things.push({ name: 'the configuration file', isFile: true, targets: configFile.targets });
  }
  return things;
}

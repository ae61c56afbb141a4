/** Whose a container or a volume is, by its labels and its name together. Labels alone prove nothing: an image may carry any. Pure. */
import { containerName, isHelperName } from '../base/container-name.js';
import type { ContainerSummary } from '../engine/types.js';

/** Which things are this runtime's. */
export interface OwnershipKey {
  readonly labelPrefix: string;
  readonly instance: string;
}

/** What a container or a volume is to this runtime. */
export type Ownership =
  | {
      readonly kind: 'owned';
      readonly owner: string;
      readonly runId: string;
      /** It is made for a job's container and goes with it; of such a kind every volume is. */
      readonly isHelper: boolean;
    }
  | { readonly kind: 'other_version' | 'other_instance' | 'look_alike'; readonly detail: string };

/** What labels mean today. Containers do not say so: a version that changes it says so in the label `schema`. */
const SCHEMA = '1';

/** Null for what has nothing of ours about it. */
export function ownershipOf(
  { name, labels }: Pick<ContainerSummary, 'name' | 'labels'>,
  { labelPrefix, instance }: OwnershipKey,
): Ownership | null {
  const label = (key: string): string | undefined => labels[`${labelPrefix}.${key}`];
  const lookAlike = (detail: string): Ownership => ({ kind: 'look_alike', detail });
  if (label('managed') !== 'true') {
    return name.startsWith(`${labelPrefix}-`)
      ? lookAlike('it has a name like ours, but not our labels')
      : null;
  }
  const schema = label('schema') ?? SCHEMA;
  // First of all: what another schema's labels seem to say of instance and owner need not be what they say.
  if (schema !== SCHEMA) {
    return { kind: 'other_version', detail: `this version does not know labels of the schema "${schema}"` };
  }
  if (label('instance') !== instance) {
    return { kind: 'other_instance', detail: `it is of the instance "${label('instance') ?? ''}"` };
  }
  const owner = label('owner');
  const runId = label('run-id');
  const attempt = label('attempt') ?? '';
  const kind = label('kind') ?? '';
  if (kind !== 'job' && kind !== 'helper') {
    return lookAlike(`it is of the kind "${kind}", which is not a job`);
  }
  if (owner === undefined || runId === undefined || !/^[1-9]\d{0,8}$/.test(attempt)) {
    return lookAlike('it lacks labels that this version gives');
  }
  const ofRun = containerName(labelPrefix, label('job') ?? '', runId, Number(attempt));
  const isHelper = kind === 'helper';
  if (isHelper ? !isHelperName(name, ofRun) : name !== ofRun) {
    return lookAlike('its name is not that of the run in its labels');
  }
  return { kind: 'owned', owner, runId, isHelper };
}

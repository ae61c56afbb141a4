/** Puts a run's own values in the place of a plan's placeholders. Only where berthkit wrote them: a job's own text is never touched. */
import { containerName } from '../base/container-name.js';
import type { ProxyKind } from '../base/proxy-variables.js';
import { RuntimeError } from '../errors.js';
import type { ContainerSpec, MountSpec, TmpfsSpec } from './container-spec.js';
import { withEmptied } from './image-variables.js';
import { coverImageVolumes } from './image-volumes.js';
import { parentsFirst } from './mount-plan.js';
import { verifyPlanHash } from './plan-run.js';
import { PLACEHOLDER, type RunPlan } from './run-plan.js';

/** What only a run knows. */
export interface RunValues {
  readonly runId: string;
  readonly attempt: number;
  readonly imageId: string;
  readonly imageVolumes: readonly string[];
  /** `NAME=value` as the image has them. */
  readonly imageEnvironment: readonly string[];
  /** The run's folder on this host. */
  readonly workspacePath: string;
  readonly labelPrefix: string;
  readonly instance: string;
  readonly owner: string;
  readonly createdAt: string;
  /** Values by variable name, of those that are delivered in the variable. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Addresses of proxies, of those that there are. */
  readonly proxies: ReadonlyMap<ProxyKind, string>;
  /** The run's folder for secrets that are files; null where the plan has none. */
  readonly secretsPath: string | null;
  /** Indexes of optional inputs that are not there: they get no mount. */
  readonly skippedInputs: ReadonlySet<number>;
  readonly stdin: boolean;
  /** Where the run's files are in volumes: what takes the place of the plan's mounts and covers the volumes of the image. Absent: they are in its folders. */
  readonly placed?:
    { readonly mounts: readonly MountSpec[]; readonly imageTmpfs: readonly TmpfsSpec[] } | undefined;
}

/** A container ready to be created, and the folders it needs in the workspace. */
export interface MaterializedContainer {
  readonly spec: ContainerSpec;
  readonly workspaceFolders: readonly string[];
}

/**
 * Makes the container of one attempt.
 *
 * @throws `runtime.failed` for a plan that was changed after it was made, or a secret without a value or a place.
 */
export function materializeContainer(plan: RunPlan, values: RunValues): MaterializedContainer {
  if (!verifyPlanHash(plan)) {
    throw new RuntimeError(
      'runtime.failed',
      'the plan was changed after it was made, so it is not carried out',
    );
  }
  const { container } = plan;
  const { mounts, imageTmpfs, workspaceFolders } = values.placed
    ? { ...values.placed, workspaceFolders: [] }
    : placeInFolders(plan, values);
  const spec: ContainerSpec = {
    ...container,
    name: containerName(values.labelPrefix, plan.job.slug ?? '', values.runId, values.attempt),
    image: values.imageId,
    environment: withEmptied(
      revealEnvironment(plan, values),
      values.imageEnvironment,
      plan.emptiedImageVariables ?? [],
    ),
    mounts: parentsFirst(mounts),
    tmpfs: parentsFirst([...container.tmpfs, ...imageTmpfs]),
    stdin: values.stdin,
    labels: fillLabels(plan, values),
  };
  return { spec, workspaceFolders };
}

function placeInFolders(
  plan: RunPlan,
  values: RunValues,
): NonNullable<RunValues['placed']> & Pick<MaterializedContainer, 'workspaceFolders'> {
  const cover = coverImageVolumes(plan, values.imageVolumes);
  const skipped = new Set(
    plan.inputs.filter((_, index) => values.skippedInputs.has(index)).map((input) => input.stagedAt),
  );
  const mounts = [...plan.container.mounts, ...cover.mounts]
    .filter(({ source }) => !skipped.has(source))
    .map((mount) => placeMount(mount, values));
  return { mounts, imageTmpfs: cover.tmpfs, workspaceFolders: cover.workspaceFolders };
}

function placeMount(mount: MountSpec, { workspacePath, secretsPath }: RunValues): MountSpec {
  // Every source in a plan was written by us: it is the one placeholder or begins with the other.
  if (mount.source !== PLACEHOLDER.secrets) {
    return { ...mount, source: workspacePath + mount.source.slice(PLACEHOLDER.workspace.length) };
  }
  if (secretsPath === null) {
    throw new RuntimeError('runtime.failed', 'the plan has secrets that are files, but they have no place');
  }
  return { ...mount, source: secretsPath };
}

function revealEnvironment(
  plan: RunPlan,
  { secrets, proxies }: Pick<RunValues, 'secrets' | 'proxies'>,
): ContainerSpec['environment'] {
  const secretNames = new Set(plan.secretEnvironment.flatMap(({ name, as }) => (as === 'env' ? [name] : [])));
  const proxyOf = new Map(plan.proxyEnvironment.map(({ name, proxy }) => [name, proxy]));
  return plan.container.environment.flatMap(({ name, value }) => {
    const proxy = proxyOf.get(name);
    if (proxy !== undefined) {
      const address = proxies.get(proxy);
      return address === undefined ? [] : [{ name, value: address }];
    }
    if (!secretNames.has(name)) return [{ name, value }];
    const secret = secrets.get(name);
    if (secret === undefined)
      throw new RuntimeError('runtime.failed', `variable ${name} has no value for its secret`);
    return [{ name, value: secret }];
  });
}

/** The labels of a plan's container, for one run. */
export function fillLabels(
  plan: RunPlan,
  values: Pick<RunValues, 'runId' | 'attempt' | 'instance' | 'owner' | 'createdAt'>,
): Readonly<Record<string, string>> {
  const known: Readonly<Record<string, string>> = {
    [PLACEHOLDER.instance]: values.instance,
    [PLACEHOLDER.owner]: values.owner,
    [PLACEHOLDER.runId]: values.runId,
    [PLACEHOLDER.attempt]: String(values.attempt),
    [PLACEHOLDER.createdAt]: values.createdAt,
    [PLACEHOLDER.planHash]: plan.planHash,
  };
  return Object.fromEntries(
    Object.entries(plan.container.labels).map(([name, value]) => [name, known[value] ?? value]),
  );
}

/** The test that what is explained is what is applied leaves out no field of a plan's container. */
import fc from 'fast-check';
import { createRuntime, type RunPlan } from 'berthkit';
import { expect, it } from 'vitest';
import { configurations, definitionsOn } from '../integration/explained-jobs.js';
import { inEngineWords, type Surroundings } from '../integration/explained-words.js';

/** What nobody has a say in, so that it is the same in every plan: placeholders, and decisions of ours. */
const NEVER_VARIED = [
  'name',
  'image',
  'capabilitiesDropped',
  'stopSignal',
  'log.maxBytesPerFile',
  'log.maxFiles',
  'mounts.type',
  'tmpfs.mode',
];

const SURROUNDINGS: Surroundings = {
  ...{ runId: 'run', transport: 'bind', containerName: 'container', instance: 'one', owner: 'two' },
  ...{ createdAt: 'now', workspace: '/run', secrets: '/secrets', imageId: 'sha256:1' },
  image: { Env: [], Labels: {}, WorkingDir: '/', Entrypoint: null, Cmd: [] },
  defaultRuntime: 'none',
};

const PLANS = fc
  .sample(fc.tuple(definitionsOn('busybox:1'), configurations), { numRuns: 200, seed: 1 })
  .map(([definition, config]) => {
    const { plan } = createRuntime(config).explain(definition);
    if (plan === null) throw new Error('there is no plan');
    return plan;
  });

type Path = readonly string[];

/** The paths of all values in data. Names of labels belong to their values; lists without anything in them are values too. */
function leavesOf(
  data: unknown,
  path: Path = [],
): readonly { readonly path: Path; readonly value: unknown }[] {
  const isTree = typeof data === 'object' && data !== null && Object.keys(data).length > 0;
  if (!isTree) return [{ path, value: data }];
  return Object.entries(data).flatMap(([name, value]) => leavesOf(value, [...path, name]));
}

/** The field of a path, for all members of a list together. */
const fieldOf = (path: Path): string =>
  path.filter((each, index) => !(path[0] === 'labels' && index > 0) && !/^\d+$/.test(each)).join('.');

/** Another value of the same kind; in the place of nothing, what another plan has there. */
function changed(value: unknown, path: Path): unknown {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') return `x${value}`;
  const others = PLANS.map(({ container }) => valueAt(container, path));
  return others.find((other) => other !== undefined && JSON.stringify(other) !== JSON.stringify(value));
}

const valueAt = (data: unknown, path: Path): unknown =>
  path.reduce((place, name) => (place as Readonly<Record<string, unknown>> | null)?.[name], data);

function withChange(plan: RunPlan, path: Path, value: unknown): RunPlan {
  const copy = structuredClone(plan);
  let place = copy.container as unknown as Record<string, unknown>;
  for (const name of path.slice(0, -1)) place = place[name] as typeof place;
  place[path.at(-1) ?? ''] = value;
  return copy;
}

it('every field is varied but those that are the same in all plans', () => {
  const seen = new Map<string, Set<string>>();
  for (const { container } of PLANS) {
    const ofThis = new Map<string, unknown[]>();
    for (const { path, value } of leavesOf(container)) {
      ofThis.set(fieldOf(path), [...(ofThis.get(fieldOf(path)) ?? []), value]);
    }
    for (const [field, values] of ofThis) {
      seen.set(field, (seen.get(field) ?? new Set()).add(JSON.stringify([...new Set(values)])));
    }
  }
  const isBegun = (field: string): boolean => [...seen.keys()].some((each) => each.startsWith(`${field}.`));
  const same = [...seen]
    .filter(([field, values]) => values.size === 1 && !isBegun(field))
    .map(([field]) => field);
  expect(same.sort()).toEqual([...NEVER_VARIED].sort());
});

// Not in every plan: an input that is not there has no mount, and a proxy that nobody knows no variable.
it('a change of any field changes what is expected of the engine', () => {
  const fields = new Set<string>();
  const noticed = new Set<string>();
  for (const plan of PLANS.slice(0, 50)) {
    const before = JSON.stringify(inEngineWords(plan, SURROUNDINGS));
    for (const { path, value } of leavesOf(plan.container)) {
      fields.add(fieldOf(path));
      const after = inEngineWords(withChange(plan, path, changed(value, path)), SURROUNDINGS);
      if (JSON.stringify(after) !== before) noticed.add(fieldOf(path));
    }
  }
  expect([...fields].filter((field) => !noticed.has(field))).toEqual([]);
});

/** Cases about what `inspect` tells of how a container was made. That it also takes effect is the matter of other cases. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADDED_ULIMITS, ADDED_VARIABLES } from '../base/engine-additions.js';
import type { AppliedSpec } from '../engine/applied-spec.js';
import type { UntoldSetting } from '../engine/types.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { check, checkEqual, type CaseOf } from './conformance-case.js';
import { PROGRAMS } from './conformance-programs.js';
import { engineCase, type EngineTrial } from './engine-trial.js';
import { appliedOf } from './fake-applied.js';

const { silent } = PROGRAMS;

const everything: Partial<ContainerSpec> = {
  entryPoint: ['printf', '[%s]'],
  command: ['a b', ''],
  workingDirectory: '/tmp',
  environment: [
    { name: 'B', value: 'x=y' },
    { name: 'A', value: '' },
  ],
  user: '1234:5678',
  capabilitiesAdded: ['CHOWN', 'SETUID'],
  resources: {
    cpus: 0.5,
    memoryBytes: 67_108_864,
    pidsLimit: 32,
    shmBytes: 8_388_608,
    ulimits: [
      { name: 'nofile', soft: 100, hard: 200 },
      { name: 'core', soft: 0, hard: 0 },
    ],
  },
  tmpfs: [
    { target: '/tmp', sizeBytes: 65_536, inodes: 16, uid: 1234, gid: 5678, mode: '0700', exec: true },
    { target: '/scratch', sizeBytes: 131_072, inodes: 32, uid: 0, gid: 0, mode: '1777', exec: false },
  ],
  stopSignal: 'SIGINT',
  stdin: true,
  log: { maxBytesPerFile: 1_000_000, maxFiles: 3 },
};

const relaxed: Partial<ContainerSpec> = {
  readOnlyRootFilesystem: false,
  capabilitiesDropped: [],
  noNewPrivileges: false,
  init: false,
  networkMode: 'bridge',
};

/** Makes a container and compares what is told of it; a runtime nobody asked for may be any. */
async function checkApplied(trial: EngineTrial, overrides: Partial<ContainerSpec>): Promise<void> {
  const { engine, within, reference } = trial;
  if (!engine.capabilities.verifiableSpec) return;
  const image = await within('images.inspect', engine.images.inspect(reference));
  check(image !== null, 'images.inspect: the image is not there');
  const spec = trial.spec(silent.script, overrides);
  const { id } = await within('create', engine.containers.create(spec));
  const { applied } = await trial.inspect(id);
  check(applied !== null, 'inspect: applied is null, though the engine has the capability verifiableSpec');
  const expected = withoutUntold(appliedOf(spec, image, applied.runtime ?? ''), applied.untold ?? []);
  const found = withoutAdded(applied, expected);
  for (const [field, value] of Object.entries(expected)) {
    checkEqual(found[field as keyof AppliedSpec], value, `inspect: applied.${field}`);
  }
}

/** Whatever an engine never tells is null, whatever was asked. */
function withoutUntold(expected: AppliedSpec, untold: readonly UntoldSetting[]): AppliedSpec {
  const inodes = untold.includes('tmpfsInodes') ? { inodes: null } : {};
  const owner = untold.includes('tmpfsOwners') ? { uid: null, gid: null, mode: null } : {};
  return {
    ...expected,
    tmpfs: expected.tmpfs.map((tmpfs) => ({ ...tmpfs, ...inodes, ...owner })),
    log: untold.includes('log') ? null : expected.log,
    untold,
  };
}

/** Without what engines are known to add where nobody asked. */
function withoutAdded(applied: AppliedSpec, asked: AppliedSpec): AppliedSpec {
  const only = <T extends { readonly name: string }>(
    found: readonly T[],
    wanted: readonly T[],
    added: ReadonlySet<string>,
  ): readonly T[] =>
    found.filter(({ name }) => !added.has(name) || wanted.some((each) => each.name === name));
  const { environment, resources } = applied;
  return {
    ...applied,
    environment: only(environment, asked.environment, ADDED_VARIABLES),
    resources: { ...resources, ulimits: only(resources.ulimits, asked.resources.ulimits, ADDED_ULIMITS) },
  };
}

/** The cases. */
export const APPLIED_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('inspect tells all that was applied to a container', (trial) => checkApplied(trial, everything)),
  engineCase('inspect tells what was left to the image', (trial) =>
    checkApplied(trial, { entryPoint: null, command: null, workingDirectory: null, environment: [] }),
  ),
  engineCase('inspect tells what was relaxed', (trial) => checkApplied(trial, relaxed)),
  engineCase('inspect tells each mount', async (trial) => {
    if (!trial.engine.capabilities.bindMounts) return;
    const folder = await mkdtemp(join(tmpdir(), 'berthkit-conformance-'));
    try {
      await mkdir(join(folder, 'sub'));
      await checkApplied(trial, {
        mounts: [
          { type: 'bind', source: folder, target: '/out', readOnly: false },
          { type: 'bind', source: join(folder, 'sub'), target: '/in', readOnly: true },
        ],
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }),
  engineCase('inspect tells each volume that is mounted', async (trial) => {
    const { engine, label, within } = trial;
    const { volumes } = engine;
    if (volumes === undefined) return;
    const name = `berthkit-conformance-${randomUUID()}`;
    await within('volumes.create', volumes.create({ name, labels: { [label]: 'yes' } }));
    try {
      const volume = { type: 'volume', source: name, subpath: null } as const;
      await checkApplied(trial, {
        mounts: [
          { ...volume, target: '/out', readOnly: false },
          { ...volume, target: '/in', readOnly: true },
        ],
      });
    } finally {
      for (const { id } of await engine.containers.list({ [label]: 'yes' }))
        await engine.containers.remove(id);
      await within('volumes.remove', volumes.remove(name));
    }
  }),
  engineCase('inspect tells nothing of this where the engine cannot', async (trial) => {
    if (trial.engine.capabilities.verifiableSpec) return;
    checkEqual((await trial.inspect(await trial.create(silent.script))).applied, null, 'inspect: applied');
  }),
];

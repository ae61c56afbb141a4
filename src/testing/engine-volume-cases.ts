/** Cases about volumes, and about files that are copied into them and out of them. An engine without them passes: whoever needs them is told so. */
import { randomUUID } from 'node:crypto';
import type { EngineContainers, EngineVolumes } from '../engine/types.js';
import type { MountSpec, VolumeMount } from '../plan/container-spec.js';
import {
  check,
  checkEqual,
  checkRejects,
  checkRejectsWith,
  rejection,
  type CaseOf,
} from './conformance-case.js';
import { PROGRAMS } from './conformance-programs.js';
import { engineCase, NO_SUCH_ID, type EngineTrial } from './engine-trial.js';
import { packEntries, readEntries, tarEntry, type TarEntry } from './tar-entries.js';

const { mounts, silent } = PROGRAMS;

type Copying = Required<Pick<EngineContainers, 'copyIn' | 'copyOut' | 'lookAt'>>;

/** An engine that has it all. */
interface Storing {
  readonly trial: EngineTrial;
  readonly volumes: EngineVolumes;
  readonly containers: Copying;
  /** A new volume, removed when the case is over. */
  readonly volume: () => Promise<string>;
  /** A container that is not started and has a volume of its own at `/in`, into which some entries beneath `in/` are copied. */
  readonly filled: (
    entries: readonly TarEntry[],
    others?: readonly MountSpec[],
  ) => Promise<{ readonly id: string; readonly name: string }>;
}

const at = (target: string, source: string, rest: Partial<VolumeMount> = {}): VolumeMount => ({
  ...{ type: 'volume', source, subpath: null, target, readOnly: false },
  ...rest,
});

const canCopy = (containers: EngineContainers): containers is EngineContainers & Copying =>
  (['copyIn', 'copyOut', 'lookAt'] as const).every((call) => containers[call] !== undefined);

const volumeCase = (name: string, body: (storing: Storing) => Promise<void>): CaseOf<EngineTrial> =>
  engineCase(name, async (trial) => {
    const { within, engine, label } = trial;
    const { containers, volumes } = engine;
    if (volumes === undefined || !canCopy(containers)) return;
    const names: string[] = [];
    const volume = async (): Promise<string> => {
      const made = `berthkit-conformance-${randomUUID()}`;
      names.push(made);
      await within(
        'volumes.create',
        volumes.create({ name: made, labels: { [label]: String(names.length) } }),
      );
      return made;
    };
    const filled: Storing['filled'] = async (entries, others = []) => {
      const made = await volume();
      // Not read-only: the folder that the volume is mounted in is of the image.
      const id = await trial.create(silent.script, {
        mounts: [at('/in', made), ...others],
        readOnlyRootFilesystem: false,
      });
      await within('copyIn', containers.copyIn(id, '/', packEntries(entries)));
      return { id, name: made };
    };
    try {
      await body({ trial, volumes, containers, volume, filled });
    } finally {
      const tidy = async (): Promise<void> => {
        for (const { id } of await engine.containers.list({ [label]: 'yes' }))
          await engine.containers.remove(id);
        for (const name of names) await volumes.remove(name);
      };
      await within('removing the volumes', tidy()).catch(() => undefined);
    }
  });

/** Of what an engine with the gap `copies` cannot do. */
const copyCase: typeof volumeCase = (name, body) =>
  volumeCase(name, async (storing) => {
    if (!storing.trial.gaps.has('copies')) await body(storing);
  });

const outOf = async ({ trial, containers }: Storing, id: string, path: string) =>
  trial.within('copyOut', containers.copyOut(id, path).then(readEntries));

const TREE: readonly TarEntry[] = [
  tarEntry('in/', { mode: 0o750, uid: 1234, gid: 5678 }),
  tarEntry('in/empty/', { mode: 0o700 }),
  tarEntry('in/file', { text: 'x'.repeat(100_000), mode: 0o640, uid: 1234, gid: 5678 }),
  tarEntry('in/link', { type: 'symlink', linkname: 'empty', mode: 0o777 }),
  tarEntry('in/run', { text: '#!\n', mode: 0o755, mtime: 1_234_567_890 }),
];

/** The cases. */
export const VOLUME_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase(
    'copying and volumes are there if the capabilities say so, and only then',
    async ({ engine }) => {
      const { capabilities, containers, volumes } = engine;
      for (const call of ['copyIn', 'copyOut', 'lookAt'] as const)
        checkEqual(containers[call] !== undefined, capabilities.copy, `whether ${call} is there`);
      checkEqual(volumes !== undefined, capabilities.volumes, 'whether volumes are there');
      return Promise.resolve();
    },
  ),
  copyCase('files come out of a volume as they went in, links as links', async (storing) => {
    const { id } = await storing.filled(TREE);
    checkEqual(await outOf(storing, id, '/in'), TREE, 'copyOut of a folder');
    const [, , file, link] = TREE;
    checkEqual(await outOf(storing, id, '/in/file'), [{ ...file, name: 'file' }], 'copyOut of a file');
    checkEqual(await outOf(storing, id, '/in/link'), [{ ...link, name: 'link' }], 'copyOut of a link');
  }),
  copyCase('what is there is replaced, but no folder of the same tar', async (storing) => {
    const { trial, containers, filled } = storing;
    const { id } = await filled(TREE);
    const copyIn = async (entries: readonly TarEntry[]): Promise<void> =>
      trial.within('copyIn', containers.copyIn(id, '/', packEntries(entries)));
    const [, , file] = TREE;
    await copyIn([
      tarEntry('in/empty', { type: 'symlink', linkname: 'file', mode: 0o777 }),
      tarEntry('in/link', { text: 'mine' }),
      tarEntry('in/run/'),
    ]);
    const told = (await outOf(storing, id, '/in')).map(({ name, type, text }) => [name, type, text]);
    const expected = [
      ['in/', 'directory', ''],
      ['in/empty', 'symlink', ''],
      ['in/file', 'file', file?.text],
      ['in/link', 'file', 'mine'],
      ['in/run/', 'directory', ''],
    ];
    checkEqual(told, expected, 'what a second tar leaves');
    const twice = [
      tarEntry('in/new/'),
      tarEntry('in/new', { type: 'symlink', linkname: 'gone', mode: 0o777 }),
    ];
    await checkRejects(copyIn(twice), ['engine.failed', 'engine.not_found'], 'copyIn of a replaced folder');
  }),
  copyCase('a volume keeps what is in it for a container that comes later', async (storing) => {
    const { trial, volume, filled } = storing;
    const inner = await volume();
    const { name } = await filled(
      [tarEntry('in/'), tarEntry('in/file', { text: 'given\n' }), tarEntry('in/sub/', { mode: 0o700 })],
      [at('/in/sub', inner)],
    );
    const { id, stdout } = await trial.run(mounts.script, {
      mounts: [at('/in', name, { readOnly: true }), at('/in/sub', inner)],
    });
    checkEqual(stdout.toString(), 'refused\ngiven\n', 'what a job reads, and writes to a read-only volume');
    const out = await outOf(storing, id, '/in/sub');
    const told = out.map((entry) => [entry.name.replace(/\/$/, ''), entry.text, entry.uid, entry.gid]);
    const expected = [
      ['sub', '', 1000, 1000],
      ['sub/out', 'made', 1000, 1000],
    ];
    checkEqual(told, expected, 'copyOut after the end');
  }),
  volumeCase('a volume is not filled with what the image has there', async (storing) => {
    const { trial, volume } = storing;
    const id = await trial.create(silent.script, { mounts: [at('/bin', await volume())] });
    checkEqual((await outOf(storing, id, '/bin')).length, 1, 'entries of an empty volume');
  }),
  copyCase('a part of a volume is mounted, where the engine says that it can', async (storing) => {
    const { trial, filled } = storing;
    const info = await trial.within('info', trial.engine.info());
    if (!info.volumeSubpaths) return;
    const { name } = await filled([
      tarEntry('in/a/'),
      tarEntry('in/a/file', { text: 'given\n' }),
      tarEntry('in/a/sub/'),
    ]);
    const { stdout } = await trial.run(mounts.script, {
      mounts: [at('/in', name, { subpath: 'a', readOnly: true }), at('/in/sub', name, { subpath: 'a/sub' })],
    });
    checkEqual(stdout.toString(), 'refused\ngiven\n', 'what a job reads in a part');
  }),
  copyCase('looking at a path tells what stands there and follows no link at its end', async (storing) => {
    const { trial, containers, filled } = storing;
    const loop = tarEntry('in/loop', { type: 'symlink', linkname: 'loop' });
    const { id } = await filled([...TREE, loop]);
    const lookAt = async (of: string, path: string) => trial.within('lookAt', containers.lookAt(of, path));
    checkEqual(await lookAt(id, '/in'), 'directory', 'a folder');
    checkEqual(await lookAt(id, '/in/file'), 'file', 'a file');
    checkEqual(await lookAt(id, '/in/link'), 'symlink', 'a link');
    checkEqual(await lookAt(id, '/in/loop'), 'symlink', 'a link to itself');
    checkEqual(await lookAt(id, '/in/absent'), null, 'a path without anything');
    checkEqual(await lookAt(NO_SUCH_ID, '/in'), null, 'no container');
  }),
  volumeCase('copying to or from what is not there is told', async ({ trial, containers, filled }) => {
    const { id } = await filled(TREE);
    const absent = ['engine.not_found'] as const;
    const { within } = trial;
    await checkRejects(within('copyOut', containers.copyOut(id, '/in/absent')), absent, 'copyOut of nothing');
    await checkRejects(
      within('copyOut', containers.copyOut(NO_SUCH_ID, '/in')),
      absent,
      'copyOut of no container',
    );
    await checkRejects(
      within('copyIn', containers.copyIn(NO_SUCH_ID, '/in', packEntries(TREE))),
      absent,
      'copyIn to no container',
    );
  }),
  volumeCase('a tar that fails is what copying rejects with', async ({ trial, containers, filled }) => {
    const { id } = await filled(TREE);
    const mine = new Error('mine');
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(512);
      await Promise.reject(mine);
    }
    const copying = trial.within('copyIn', containers.copyIn(id, '/in', failing()));
    checkEqual(await rejection(copying, 'copyIn'), mine, 'what a failing tar comes to');
  }),
  volumeCase('copying can be given up', async ({ trial, containers, filled }) => {
    const { id } = await filled(TREE);
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    const { within } = trial;
    await checkRejectsWith(
      within('copyIn', containers.copyIn(id, '/in', packEntries(TREE), { signal })),
      reason,
      'copyIn',
    );
    await checkRejectsWith(within('copyOut', containers.copyOut(id, '/in', { signal })), reason, 'copyOut');
    await checkRejectsWith(within('lookAt', containers.lookAt(id, '/in', { signal })), reason, 'lookAt');
    const later = new AbortController();
    const tar = await within('copyOut', containers.copyOut(id, '/in', { signal: later.signal }));
    later.abort(reason);
    await checkRejectsWith(within('reading', readEntries(tar)), reason, 'reading what comes out');
  }),
  volumeCase('a volume has its labels, and its name for itself', async ({ trial, volumes, volume }) => {
    const { within, label } = trial;
    const [first, second] = [await volume(), await volume()];
    const named = async (labels: Readonly<Record<string, string>>): Promise<readonly string[]> => {
      const found = await within('volumes.list', volumes.list(labels));
      return found.map(({ name }) => name);
    };
    checkEqual(await named({ [label]: '1' }), [first], 'the volumes with the labels of the first');
    const one = (await within('volumes.list', volumes.list({ [label]: '2' })))[0];
    checkEqual(one, { name: second, labels: { [label]: '2' } }, 'what is told of the second');
    await within('volumes.create', volumes.create({ name: first, labels: { [label]: '1' } }));
    await checkRejects(
      within('volumes.create', volumes.create({ name: first, labels: { [label]: 'other' } })),
      ['engine.conflict'],
      'volumes.create with a name that is taken',
    );
  }),
  volumeCase('a volume goes when no container has it, and only then', async (storing) => {
    const { trial, volumes, filled } = storing;
    const { within, label, engine } = trial;
    const { id, name } = await filled(TREE);
    await checkRejects(
      within('volumes.remove', volumes.remove(name)),
      ['engine.conflict'],
      'volumes.remove of a volume in use',
    );
    if (!trial.gaps.has('copies'))
      check((await outOf(storing, id, '/in')).length === TREE.length, 'the volume has lost something');
    await within('remove', engine.containers.remove(id));
    await within('volumes.remove', volumes.remove(name));
    checkEqual(await within('volumes.list', volumes.list({ [label]: '1' })), [], 'the volumes left');
    await within('volumes.remove', volumes.remove(name));
  }),
];

/** Cases about what a container is told, each seen by its effect inside, and about images. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, checkEqual, checkRejects, rejection, type CaseOf } from './conformance-case.js';
import { PROGRAMS } from './conformance-programs.js';
import { engineCase, type EngineTrial } from './engine-trial.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { JobRuntimeError } from '../errors.js';

// Nothing listens on port 1, so this cannot be pulled, with or without a network.
const NO_SUCH_IMAGE = '127.0.0.1:1/berthkit/no-such-image:1';

const said = async (
  trial: EngineTrial,
  { script }: { readonly script: string },
  overrides: Partial<ContainerSpec>,
): Promise<string> => (await trial.run(script, overrides)).stdout.toString();

/** The cases. */
export const CONTAINER_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('the environment arrives exactly', async (trial) => {
    const values = ['plain', 'a=b=c', 'two\nlines', `"it's" $HOME \\n`, 'ünï 日本 🚢', ''];
    const environment = values.map((value, index) => ({ name: `V${index + 1}`, value }));
    const output = await said(trial, PROGRAMS.environment, { environment });
    checkEqual(output, `${values.map((value) => `[${value}]`).join('')}[unset]`, 'the environment');
  }),
  engineCase('entry point and command arrive word by word', async (trial) => {
    const words = ['a b', '$HOME', '', '"', 'ü'];
    const { stdout } = await trial.run('', { entryPoint: ['printf', '[%s]'], command: words });
    checkEqual(stdout.toString(), words.map((word) => `[${word}]`).join(''), 'the words');
  }),
  engineCase('the working directory is the one given', async (trial) => {
    checkEqual(await said(trial, PROGRAMS.workingDirectory, { workingDirectory: '/tmp' }), '/tmp\n', 'pwd');
  }),
  engineCase('the user is the one given', async (trial) => {
    for (const user of ['1234:5678', '0:0']) {
      checkEqual(await said(trial, PROGRAMS.user, { user }), `${user.replace(':', '\n')}\n`, 'id');
    }
  }),
  engineCase('a read-only root file system refuses writes, another takes them', async (trial) => {
    const overrides = { user: '0:0', readOnlyRootFilesystem: true };
    checkEqual(
      await said(trial, PROGRAMS.rootFilesystem, overrides),
      'refused\n',
      'a write to a read-only root',
    );
    const writable = { ...overrides, readOnlyRootFilesystem: false };
    checkEqual(
      await said(trial, PROGRAMS.rootFilesystem, writable),
      'written\n',
      'a write to a writable root',
    );
  }),
  engineCase('a temporary file system can be written by its owner', async (trial) => {
    const scratch = { target: '/scratch', sizeBytes: 65_536, inodes: 16, uid: 1000, gid: 1000 };
    const tmpfs = [{ ...scratch, mode: '0700', exec: false }];
    checkEqual(await said(trial, PROGRAMS.tmpfs, { tmpfs }), 'job\n', 'what was written and read');
  }),
  engineCase(
    'a read-only mount refuses writes, and what is written to another appears on this host',
    async (trial) => {
      if (!trial.engine.capabilities.bindMounts) return;
      const folder = await mkdtemp(join(tmpdir(), 'berthkit-conformance-'));
      try {
        const odd = trial.gaps.has('mountPaths') ? 'odd: name' : 'odd: name, "out"';
        const [input, output] = [join(folder, 'in'), join(folder, odd)];
        await mkdir(join(input, 'sub'), { recursive: true });
        await mkdir(output);
        await writeFile(join(input, 'file'), 'unchanged\n');
        // Whatever user the engine maps the job's to.
        for (const path of [folder, input, join(input, 'sub'), output]) await chmod(path, 0o777);
        await chmod(join(input, 'file'), 0o666);
        const mounts = [
          { type: 'bind', source: input, target: '/in', readOnly: true },
          { type: 'bind', source: output, target: '/in/sub', readOnly: false },
        ] as const;
        checkEqual(
          await said(trial, PROGRAMS.mounts, { mounts }),
          'refused\nunchanged\n',
          'the read-only mount',
        );
        checkEqual(await readFile(join(input, 'file'), 'utf8'), 'unchanged\n', 'the input on this host');
        checkEqual(await readFile(join(output, 'out'), 'utf8'), 'made', 'the output on this host');
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  ),
  engineCase('what looks like an option in a path is none, or the path is refused', async (trial) => {
    if (!trial.engine.capabilities.bindMounts) return;
    const { containers } = trial.engine;
    const folder = await mkdtemp(join(tmpdir(), 'berthkit-conformance-'));
    try {
      for (const part of [',readonly=false', ',ro=false,x="', '"', '"\n"', '\n']) {
        const mount = { type: 'bind', source: folder, target: `/in${part}`, readOnly: true } as const;
        await checkMount(trial, { mounts: [mount] });
      }
      await mkdir(join(folder, 'a,target=b'));
      const named = {
        type: 'bind',
        source: join(folder, 'a,target=b'),
        target: '/in',
        readOnly: true,
      } as const;
      await checkMount(trial, { mounts: [named] });
      const tmpfs = { sizeBytes: 65_536, inodes: 16, uid: 1000, gid: 1000, mode: '0700', exec: false };
      if (trial.gaps.has('mountPaths'))
        await checkMount(trial, { tmpfs: [{ ...tmpfs, target: '/scratch:exec,size=1g' }] });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }

    /** Refused before anything is made where the engine says that it cannot; else there, and nothing but read-only. */
    async function checkMount(
      { gaps, within }: EngineTrial,
      overrides: Pick<Partial<ContainerSpec>, 'mounts' | 'tmpfs'>,
    ): Promise<void> {
      const spec = trial.spec(PROGRAMS.silent.script, overrides);
      const creating = within('create', containers.create(spec));
      if (gaps.has('mountPaths')) {
        const error = await checkRejects(creating, ['engine.unsupported'], 'create with such a path');
        check(typeof error.details['field'] === 'string', 'create: details.field does not name it');
        checkEqual(await within('inspect', containers.inspect(spec.name)), null, 'the refused container');
        return;
      }
      const { applied } = await trial.inspect((await creating).id);
      const told = applied?.mounts.map(({ source, target, readOnly }) => [source, target, readOnly]);
      const asked = spec.mounts.map(({ source, target, readOnly }) => [source, target, readOnly]);
      if (applied !== null) checkEqual(told, asked, 'inspect: applied.mounts');
    }
  }),
  engineCase('a folder to mount that is not there is refused, and not made', async (trial) => {
    const { bindMounts, seesFiles } = trial.engine.capabilities;
    // One in this process finds out when its job looks.
    if (!bindMounts || seesFiles === true) return;
    const { containers } = trial.engine;
    const folder = await mkdtemp(join(tmpdir(), 'berthkit-conformance-'));
    try {
      const source = join(folder, 'missing', 'folder');
      const mount = { type: 'bind', source, target: '/in', readOnly: true } as const;
      const spec = trial.spec(PROGRAMS.silent.script, { mounts: [mount] });
      await checkRejects(
        trial.within('create', containers.create(spec)),
        ['engine.failed'],
        'create with a folder that is not there',
      );
      checkEqual(await trial.within('inspect', containers.inspect(spec.name)), null, 'the refused container');
      checkEqual(await readdir(folder), [], 'what was made of it');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }),
  engineCase('network mode none leaves no route anywhere', async (trial) => {
    checkEqual(await said(trial, PROGRAMS.routes, { networkMode: 'none' }), 'end\n', 'the routes');
  }),
  engineCase(
    'dropped capabilities are gone, also for root, and no new privileges can be had',
    async (trial) => {
      const none = '0000000000000000';
      const expected = `CapEff:\t${none}\nCapBnd:\t${none}\nNoNewPrivs:\t1\n`;
      const lines = (await said(trial, PROGRAMS.privileges, { user: '0:0' })).split('\n').sort();
      checkEqual(lines, expected.split('\n').sort(), 'the privileges');
    },
  ),
  engineCase('memory and processes are limited as given', async (trial) => {
    checkEqual(await said(trial, PROGRAMS.limits, {}), '134217728\n256\n', 'the limits');
  }),
  engineCase('there is an init process where it is asked for, and only there', async (trial) => {
    checkEqual(await said(trial, PROGRAMS.firstProcess, { init: true }), 'child\n', 'with an init process');
    checkEqual(await said(trial, PROGRAMS.firstProcess, { init: false }), 'first\n', 'without one');
  }),
  engineCase(
    'an image is found by reference and by id; one that is not there is null',
    async ({ engine: { images }, reference, imageId, within }) => {
      const info = await within('images.inspect', images.inspect(reference));
      check(info !== null, 'images.inspect: the image is not there');
      check(/^sha256:[0-9a-f]{64}$/.test(info.id), `the id of the image: ${info.id}`);
      for (const value of [info.operatingSystem, info.architecture]) check(value !== '', 'an empty field');
      const { repoDigests, repoTags, volumes, entryPoint, command, environment } = info;
      for (const list of [repoDigests, repoTags, volumes, entryPoint, command, environment]) {
        check(Array.isArray(list), 'images.inspect: a list is missing');
      }
      checkEqual(
        (await within('images.inspect', images.inspect(imageId)))?.id,
        info.id,
        'the image by its id',
      );
      checkEqual(await within('images.inspect', images.inspect(NO_SUCH_IMAGE)), null, 'no image');
    },
  ),
  engineCase(
    'pulling what cannot be had is an error of kind image, and the image is not there',
    async ({ engine: { images }, within }) => {
      const error = await rejection(within('images.pull', images.pull(NO_SUCH_IMAGE)), 'images.pull');
      const kind = JobRuntimeError.isInstance(error) ? error.kind : 'foreign';
      checkEqual(kind, 'image', `the kind of ${String(error)}`);
      checkEqual(await within('images.inspect', images.inspect(NO_SUCH_IMAGE)), null, 'no image');
    },
  ),
];

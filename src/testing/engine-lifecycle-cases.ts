/** Cases about what a container is before, while and after it runs, and about what is not there. */
import type { ContainerSpec } from '../plan/container-spec.js';
import { check, checkEqual, checkRejects, type CaseOf } from './conformance-case.js';
import { A_FILE, EXIT_CODES, exitWith, NO_SUCH_PROGRAM, PROGRAMS } from './conformance-programs.js';
import { engineCase, NO_SUCH_ID, type EngineTrial } from './engine-trial.js';

const { silent, sleeps, streams, readsLine } = PROGRAMS;

const badEntryPoint = async (trial: EngineTrial, entryPoint: string, exitCode: number): Promise<void> =>
  failedStart(trial, { entryPoint: [entryPoint], command: null, init: false }, exitCode);

const failedStart = async (
  trial: EngineTrial,
  overrides: Partial<ContainerSpec>,
  exitCode: number,
): Promise<void> => {
  const { engine } = trial;
  const id = await trial.create(silent.script, overrides);
  await trial.within('attach', engine.containers.attach(id, { stdin: false }));
  const starting = trial.within('start', engine.containers.start(id));
  const error = await checkRejects(starting, ['engine.failed'], 'a start that cannot be');
  checkEqual(error.details['exitCode'], exitCode, 'details.exitCode of the failed start');
  const { status, startedAt, exitCode: exited, error: words } = await trial.inspect(id);
  check(status !== 'running' && startedAt === null, `it never ran, but inspect says ${status}, ${startedAt}`);
  checkEqual(exited, null, 'exitCode of a container that never ran');
  check(error.message !== '', 'start: the engine has no words about its failure');
  checkEqual(
    words === '',
    trial.gaps.has('startErrors'),
    'inspect: whether it has no words about the failed start',
  );
};

/** The cases. */
export const LIFECYCLE_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('says what it is', async ({ engine, within }) => {
    const info = await within('info', engine.info());
    const { name, version, apiVersion, operatingSystem, architecture, cpus, memoryBytes, runtimes } = info;
    for (const text of [engine.name, name, version, apiVersion, operatingSystem, architecture]) {
      check(typeof text === 'string' && text !== '', `info: an empty field in ${JSON.stringify(info)}`);
    }
    check(cpus > 0 && memoryBytes > 0, `info: ${cpus} processors, ${memoryBytes} bytes of memory`);
    check(Array.isArray(runtimes), 'info: runtimes is not a list');
    for (const value of Object.values(engine.capabilities))
      checkEqual(typeof value, 'boolean', 'a capability');
  }),
  engineCase('a created container has what it was given, and does not run', async (trial) => {
    const spec = trial.spec(silent.script);
    const created = await trial.within('create', trial.engine.containers.create(spec));
    check(Array.isArray(created.warnings), 'create: warnings is not a list');
    await trial.pause();
    const info = await trial.inspect(created.id);
    const { id, name, imageId, status, startedAt, finishedAt, exitCode, oomKilled, error } = info;
    checkEqual(
      { id, name, imageId, status, startedAt, finishedAt, exitCode, oomKilled, error },
      {
        id: created.id,
        name: spec.name,
        imageId: trial.imageId,
        status: 'created',
        startedAt: null,
        finishedAt: null,
        exitCode: null,
        oomKilled: false,
        error: '',
      },
      'inspect of a created container',
    );
    checkEqual(info.labels[trial.label], 'yes', 'the label');
  }),
  engineCase('inspect takes a name, and gives null for what is not there', async (trial) => {
    const { engine, within } = trial;
    const spec = trial.spec(silent.script);
    const { id } = await within('create', engine.containers.create(spec));
    checkEqual((await within('inspect', engine.containers.inspect(spec.name)))?.id, id, 'inspect by name');
    checkEqual(await within('inspect', engine.containers.inspect(NO_SUCH_ID)), null, 'inspect of no id');
    const missing = await within('inspect', engine.containers.inspect(`${spec.name}-missing`));
    checkEqual(missing, null, 'inspect of no name');
  }),
  engineCase('a name that is taken is engine.conflict, and its container is left alone', async (trial) => {
    const { engine } = trial;
    const spec = trial.spec(silent.script);
    const { id } = await trial.within('create', engine.containers.create(spec));
    const again = trial.within('create', engine.containers.create(spec));
    await checkRejects(again, ['engine.conflict'], 'create with a name that is taken');
    checkEqual((await trial.inspect(spec.name)).id, id, 'the container of that name');
  }),
  engineCase('a missing image is engine.image_not_found, and nothing is made', async (trial) => {
    const { engine } = trial;
    const spec = trial.spec(silent.script, { image: `sha256:${'0'.repeat(64)}` });
    const creating = trial.within('create', engine.containers.create(spec));
    await checkRejects(creating, ['engine.image_not_found'], 'create with a missing image');
    const found = await trial.within('inspect', engine.containers.inspect(spec.name));
    checkEqual(found, null, 'the container of a missing image');
  }),
  engineCase(
    'start, attach and wait of an unknown container are engine.not_found',
    async ({ engine: { containers }, within }) => {
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        start: () => containers.start(NO_SUCH_ID),
        attach: () => containers.attach(NO_SUCH_ID, { stdin: false }),
        wait: () => containers.wait(NO_SUCH_ID),
      };
      for (const [name, call] of Object.entries(calls)) {
        await checkRejects(within(name, call()), ['engine.not_found'], `${name} of an unknown container`);
      }
    },
  ),
  engineCase('a running container has a start and no end', async (trial) => {
    const begun = await trial.begin(sleeps.script);
    await trial.within('the first output', begun.output.until('ready'));
    const { status, startedAt, finishedAt, exitCode } = await trial.inspect(begun.id);
    checkEqual(
      { status, finishedAt, exitCode },
      { status: 'running', finishedAt: null, exitCode: null },
      'inspect',
    );
    check(Number.isFinite(Date.parse(startedAt ?? '')), `startedAt: ${startedAt} is not a time`);
  }),
  engineCase('a container that ended has a start, an end and its exit code, and stays', async (trial) => {
    const { id, info } = await trial.run(streams.script);
    checkEqual([info.exitCode, info.error], [7, ''], 'exit code, error');
    check(info.oomKilled !== true, 'oomKilled: said of a container that ended by itself');
    for (const at of ['startedAt', 'finishedAt'] as const) {
      check(Number.isFinite(Date.parse(info[at] ?? '')), `${at}: ${info[at]} is not a time`);
    }
    await trial.pause();
    checkEqual((await trial.inspect(id)).exitCode, 7, 'exit code, asked again');
  }),
  engineCase('a container that lasted ended after it started', async (trial) => {
    const begun = await trial.begin(readsLine.script, { stdin: true });
    await trial.within('the first output', begun.output.until('ready'));
    await trial.pause();
    await trial.within('writing', begun.attachment.stdin?.write(Buffer.from('go\n')) ?? Promise.resolve());
    const { info } = await trial.end(begun);
    const started = Date.parse(info.startedAt ?? '');
    const finished = Date.parse(info.finishedAt ?? '');
    check(started < finished, `started ${info.startedAt}, finished ${info.finishedAt}`);
  }),
  engineCase('exit codes arrive unchanged', async (trial) => {
    for (const code of EXIT_CODES) {
      checkEqual((await trial.run(exitWith(code))).info.exitCode, code, 'exit code');
    }
  }),
  engineCase('an entry point that is not there fails the start with exit code 127, and never runs', (trial) =>
    badEntryPoint(trial, NO_SUCH_PROGRAM, 127),
  ),
  engineCase(
    'an entry point that cannot be run fails the start with exit code 126, and never runs',
    (trial) => badEntryPoint(trial, '/etc', 126),
  ),
  engineCase('a folder that is to be mounted on a file fails the start with exit code 127', (trial) => {
    const size = { sizeBytes: 65_536, inodes: 16, uid: 0, gid: 0, mode: '0700', exec: false };
    return failedStart(trial, { tmpfs: [{ ...size, target: A_FILE }] }, 127);
  }),
  engineCase('wait, called before start, resolves when the container ends and not before', async (trial) => {
    const begun = await trial.begin(readsLine.script, { stdin: true });
    let woken = false;
    void begun.waiting.then(() => {
      woken = true;
    });
    await trial.within('the first output', begun.output.until('ready'));
    await trial.pause();
    check(!woken, 'wait resolved while the container still runs');
    checkEqual((await trial.inspect(begun.id)).status, 'running', 'status');
    await trial.within('writing', begun.attachment.stdin?.write(Buffer.from('go\n')) ?? Promise.resolve());
    const { info } = await trial.end(begun);
    checkEqual(info.exitCode, 5, 'exit code');
  }),
  engineCase('wait resolves for a container that has ended already', async (trial) => {
    const { id } = await trial.run(streams.script);
    await trial.within('wait', trial.engine.containers.wait(id));
  }),
  engineCase('wait resolves when a container that never ran is gone', async (trial) => {
    const { containers } = trial.engine;
    const id = await trial.create(silent.script);
    const waiting = containers.wait(id);
    waiting.catch(() => undefined);
    await trial.pause();
    await trial.within('remove', containers.remove(id));
    await trial.within('wait', waiting);
  }),
];

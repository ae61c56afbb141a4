/** Cases about signals, removal, lists, aborted calls and calls at the same time. */
import { check, checkEqual, checkRejectsWith, type CaseOf } from './conformance-case.js';
import { PROGRAMS } from './conformance-programs.js';
import { engineCase, NO_SUCH_ID, type EngineTrial } from './engine-trial.js';

const { environment, handlesTerm, handlesUsr1, silent, sleeps, streams } = PROGRAMS;

const killed = async (trial: EngineTrial, script: string, signal: string) => {
  const begun = await trial.begin(script);
  await trial.within('the first output', begun.output.until('ready'));
  await trial.within('kill', trial.engine.containers.kill(begun.id, signal));
  const { info, stdout } = await trial.end(begun);
  return { exitCode: info.exitCode, said: stdout.toString().replace('ready\n', '') };
};

const idsOf = async (trial: EngineTrial, labels: Readonly<Record<string, string>>): Promise<string[]> => {
  const found = await trial.within('list', trial.engine.containers.list(labels));
  return found.map(({ id }) => id).sort();
};

/** The cases. */
export const CONTROL_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('kill sends the signal it is given', async (trial) => {
    const term = await killed(trial, handlesTerm.script, 'SIGTERM');
    checkEqual(term, { exitCode: 3, said: 'got TERM\n' }, 'a job that handles SIGTERM');
    const usr1 = await killed(trial, handlesUsr1.script, 'SIGUSR1');
    checkEqual(usr1, { exitCode: 4, said: 'got USR1\n' }, 'a job that handles SIGUSR1');
  }),
  engineCase('a signal that is not handled ends a job, with 128 and its number', async (trial) => {
    checkEqual((await killed(trial, sleeps.script, 'SIGTERM')).exitCode, 143, 'exit code after SIGTERM');
    checkEqual((await killed(trial, sleeps.script, 'SIGKILL')).exitCode, 137, 'exit code after SIGKILL');
  }),
  engineCase('kill of a container that does not run or is not there is success', async (trial) => {
    const { containers } = trial.engine;
    const created = await trial.create(silent.script);
    await trial.within('kill', containers.kill(created, 'SIGTERM'));
    checkEqual((await trial.inspect(created)).status, 'created', 'status after the kill');
    const { id } = await trial.run(streams.script);
    await trial.within('kill', containers.kill(id, 'SIGTERM'));
    checkEqual((await trial.inspect(id)).exitCode, 7, 'exit code after the kill');
    await trial.within('kill', containers.kill(NO_SUCH_ID, 'SIGTERM'));
  }),
  engineCase('a removed container is gone, and removing it again is success', async (trial) => {
    const { containers } = trial.engine;
    const spec = trial.spec(silent.script);
    const { id: created } = await trial.within('create', containers.create(spec));
    const { id: ended } = await trial.run(silent.script);
    for (const id of [created, ended]) {
      await trial.within('remove', containers.remove(id));
      checkEqual(await trial.within('inspect', containers.inspect(id)), null, 'inspect after remove');
      await trial.within('remove', containers.remove(id));
    }
    await trial.within('remove', containers.remove(NO_SUCH_ID));
    await trial.within('create', containers.create(spec));
  }),
  engineCase('removing a running container kills it, and wakes whoever waits or reads', async (trial) => {
    const { containers } = trial.engine;
    const begun = await trial.begin(sleeps.script);
    await trial.within('the first output', begun.output.until('ready'));
    await trial.within('remove', containers.remove(begun.id));
    checkEqual(await trial.within('inspect', containers.inspect(begun.id)), null, 'inspect after remove');
    await trial.within('wait', begun.waiting);
    await trial.within('the end of the output', begun.output.done());
  }),
  engineCase('many may remove a container at the same time, and for each it is gone', async (trial) => {
    const { containers } = trial.engine;
    const { id } = await trial.begin(sleeps.script);
    const removals = Array.from({ length: 8 }, async () => {
      await containers.remove(id);
      return containers.inspect(id);
    });
    const seen = await trial.within('remove', Promise.all(removals));
    check(
      seen.every((info) => info === null),
      'inspect after remove: it is still there for some',
    );
  }),
  engineCase('list gives containers in any state that carry every label, and no others', async (trial) => {
    const { label } = trial;
    const one = { [label]: 'yes', [`${label}.kind`]: 'one' };
    const created = await trial.create(silent.script, { labels: one });
    const { id: ended } = await trial.run(silent.script, { labels: one });
    const { id: running } = await trial.begin(sleeps.script, { labels: one });
    const other = await trial.create(silent.script, {
      labels: { [label]: 'yes', [`${label}.kind`]: 'two' },
    });
    const half = await trial.create(silent.script, { labels: { [`${label}.kind`]: 'one' } });
    checkEqual(await idsOf(trial, one), [created, ended, running].sort(), 'with both labels');
    checkEqual(
      await idsOf(trial, { [label]: 'yes' }),
      [created, ended, running, other].sort(),
      'with one label',
    );
    checkEqual(
      await idsOf(trial, { [`${label}.kind`]: 'one' }),
      [created, ended, running, half].sort(),
      'the other',
    );
    checkEqual(await idsOf(trial, { [label]: 'no' }), [], 'with another value');
  }),
  engineCase('labels come back as they were given', async (trial) => {
    const labels = { [trial.label]: 'a=b, "c" ü', [`${trial.label}.empty`]: '' };
    const spec = trial.spec(silent.script, { labels });
    const { id } = await trial.within('create', trial.engine.containers.create(spec));
    const info = await trial.inspect(id);
    const [found] = await trial.within('list', trial.engine.containers.list(labels));
    checkEqual([found?.id, found?.name], [id, spec.name], 'the entry in the list');
    checkEqual(found?.imageId, info.imageId, 'the image in the list');
    for (const [name, value] of Object.entries(labels)) {
      checkEqual(info.labels[name], value, 'a label, by inspect');
      checkEqual(found?.labels[name], value, 'a label, by list');
    }
  }),
  engineCase('a call with an aborted signal rejects with its reason, and has no effect', async (trial) => {
    const { containers, images } = trial.engine;
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    const id = await trial.create(silent.script);
    const spec = trial.spec(silent.script);
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      info: () => trial.engine.info({ signal }),
      create: () => containers.create(spec, { signal }),
      attach: () => containers.attach(id, { signal, stdin: false }),
      start: () => containers.start(id, { signal }),
      wait: () => containers.wait(id, { signal }),
      kill: () => containers.kill(id, 'SIGKILL', { signal }),
      remove: () => containers.remove(id, { signal }),
      inspect: () => containers.inspect(id, { signal }),
      list: () => containers.list({ [trial.label]: 'yes' }, { signal }),
      'images.inspect': () => images.inspect(trial.reference, { signal }),
      'images.pull': () => images.pull(trial.reference, { signal }),
    };
    for (const [name, call] of Object.entries(calls)) {
      await checkRejectsWith(trial.within(name, call()), reason, `${name} with an aborted signal`);
    }
    checkEqual((await trial.inspect(id)).status, 'created', 'status after the aborted calls');
    const made = await trial.within('inspect', containers.inspect(spec.name));
    checkEqual(made, null, 'the container of the aborted create');
  }),
  engineCase('an aborted wait rejects with the reason, and the container goes on', async (trial) => {
    const begun = await trial.begin(sleeps.script);
    const controller = new AbortController();
    const reason = new Error('enough');
    const waiting = trial.engine.containers.wait(begun.id, { signal: controller.signal });
    waiting.catch(() => undefined);
    await trial.pause();
    controller.abort(reason);
    await checkRejectsWith(trial.within('wait', waiting), reason, 'the aborted wait');
    checkEqual((await trial.inspect(begun.id)).status, 'running', 'status');
  }),
  engineCase('containers at the same time keep apart', async (trial) => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const runs = names.map((value) =>
      trial.run(environment.script, { environment: [{ name: 'V1', value }] }),
    );
    const said = (await Promise.all(runs)).map(({ stdout }) => stdout.toString());
    checkEqual(
      said,
      names.map((value) => `[${value}]${'[unset]'.repeat(6)}`),
      'standard output',
    );
  }),
  engineCase('close may be called again', async (trial) => {
    const begun = await trial.begin(sleeps.script);
    await trial.within('the first output', begun.output.until('ready'));
    await trial.within('remove', trial.engine.containers.remove(begun.id));
    await trial.within('close', trial.engine.close());
    await trial.within('close', trial.engine.close());
  }),
];

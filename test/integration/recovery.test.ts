/** A process that runs jobs is killed at every step; what it left is found, proven and removed on a real engine, and nothing else is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { createRuntime, dockerEngine, type Runtime } from 'berthkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importBusybox } from './busybox-image.js';
import { KILL_STEPS } from './recovery-steps.js';
import { temporaryFolder } from './setup.js';

const IMAGE = 'berthkit-test:busybox';
const host = process.env['DOCKER_HOST'] ?? '';
const engine = dockerEngine({ host });
const program = fileURLToPath(new URL('./recovery-program.ts', import.meta.url));
const TABLE: string[] = ['step                found                  done'];

beforeAll(async () => {
  await importBusybox(host);
});
afterAll(async () => {
  await engine.close();
  process.stdout.write(`\n${TABLE.join('\n')}\n`);
});

interface Place {
  readonly root: string;
  readonly instance: string;
}

/** Starts the program, through another command if need be. */
function start(
  { root, instance }: Place,
  step: string,
  runId: string,
  wrapper: readonly string[] = [],
): ChildProcess {
  const words = [
    ...wrapper,
    process.execPath,
    '--import',
    'tsx',
    program,
    root,
    instance,
    IMAGE,
    step,
    runId,
  ];
  const [command = '', ...rest] = words;
  return spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function newPlace(name: string): Promise<Place> {
  return { root: join(await temporaryFolder(), 'root'), instance: `recovery-${name}-${String(process.pid)}` };
}

const containersOf = async ({ instance }: Place): Promise<readonly string[]> =>
  (await engine.containers.list({ 'berthkit.instance': instance })).map(({ name }) => name);
const foldersOf = async ({ root }: Place): Promise<readonly string[]> => readdir(root).catch(() => []);

async function withRuntime<T>({ root, instance }: Place, work: (runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = createRuntime({ workspaceRoot: root, instanceId: instance, engine: { host } });
  try {
    return await work(runtime);
  } finally {
    await runtime.close();
  }
}

/** A child that has started its job and stays. */
async function startStaying(
  place: Place,
  runId: string,
  wrapper: readonly string[] = [],
): Promise<ChildProcess> {
  const child = start(place, 'stay', runId, wrapper);
  if (child.stdout === null) throw new Error('no output');
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the program ended early')));
  ended.catch(() => undefined);
  await Promise.race([once(child.stdout, 'data'), ended]);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

describe('a process that is killed', { timeout: 240_000 }, () => {
  it.each(KILL_STEPS)(
    'at $step leaves nothing once another one has looked',
    async ({ step, container, folder }) => {
      const place = await newPlace(step.replaceAll('_', '-'));
      const [, signal] = (await once(start(place, step, 'r1'), 'exit')) as [unknown, unknown];
      expect(signal).toBe('SIGKILL');
      const found = [await containersOf(place), await foldersOf(place)] as const;
      const isThere = found[0].length > 0;
      expect(found.map(({ length }) => length)).toEqual([(container ?? isThere) ? 1 : 0, folder ? 1 : 0]);

      const report = await withRuntime(place, (runtime) => runtime.reconcile());
      expect(report.leftAlone.filter(({ runId }) => runId === 'r1')).toEqual([]);
      expect(report.actions.map(({ what, runId, problem }) => ({ what, runId, problem }))).toEqual([
        ...(isThere ? [{ what: 'container', runId: 'r1', problem: null }] : []),
        ...(folder ? [{ what: 'workspace', runId: 'r1', problem: null }] : []),
      ]);
      expect(await containersOf(place)).toEqual([]);
      expect(await foldersOf(place)).toEqual([]);
      const cell = found
        .map(({ length }, index) => `${String(length)} ${['container', 'folder'][index] ?? ''}`)
        .join(', ');
      TABLE.push(
        `${step.padEnd(20)}${cell.padEnd(23)}${report.actions.map(({ what }) => `${what} removed`).join(', ') || '–'}`,
      );
    },
  );
});

describe('a process that lives', { timeout: 240_000 }, () => {
  it('keeps what it has, also while it is stopped, and only its own is removed when it is killed', async () => {
    const place = await newPlace('alive');
    const stopped = await startStaying(place, 'stopped');
    const killed = await startStaying(place, 'killed');
    stopped.kill('SIGSTOP');
    await kill(killed);
    await withRuntime(place, async (runtime) => {
      const { actions, leftAlone } = await runtime.reconcile();
      expect(actions.map(({ runId }) => runId)).toEqual(['killed', 'killed']);
      const kept = leftAlone.filter(({ runId }) => runId === 'stopped');
      expect(kept.map(({ why }) => why)).toEqual(['alive', 'alive']);
      expect(await containersOf(place)).toHaveLength(1);
      await kill(stopped);
      await runtime.reconcile();
    });
    expect(await containersOf(place)).toEqual([]);
    expect(await foldersOf(place)).toEqual([]);
  });

  it('in another pid namespace is never taken for dead, though nobody can see it', async () => {
    const place = await newPlace('namespace');
    const wrapper = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const child = await startStaying(place, 'sibling', wrapper);
    await withRuntime(place, async (runtime) => {
      const { actions, leftAlone } = await runtime.reconcile();
      expect(actions).toEqual([]);
      const kept = leftAlone.filter(({ runId }) => runId === 'sibling');
      expect(kept.map(({ why }) => why)).toEqual(['owner_unknown', 'owner_unknown']);
    });
    const [name = ''] = await containersOf(place);
    const info = await engine.containers.inspect(name);
    expect(info?.status).toBe('running');
    await kill(child);
    if (info !== null) await engine.containers.remove(info.id);
  });

  it('shares an engine with another instance, and neither touches the other’s', async () => {
    const [here, there] = [await newPlace('here'), await newPlace('there')];
    await kill(await startStaying(here, 'here1'));
    await kill(await startStaying(there, 'there1'));
    const report = await withRuntime(here, (runtime) => runtime.reconcile());
    expect(report.actions.map(({ what }) => what)).toEqual(['container', 'workspace']);
    expect(report.leftAlone.map(({ why }) => why)).toContain('other_instance');
    expect(await containersOf(here)).toEqual([]);
    expect(await containersOf(there)).toHaveLength(1);
    await withRuntime(there, (runtime) => runtime.reconcile());
    expect(await containersOf(there)).toEqual([]);
  });
});

/** A process that runs jobs is killed at every step; what it left is found, proven and removed on a real engine, and nothing else is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import {
  createRuntime,
  fileRunStore,
  filesystemStorage,
  RUN_STEPS,
  type RunEvent,
  type RunOutcome,
  type Runtime,
  type RuntimeConfigInput,
  verifyReceipt,
} from 'berthkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundleProgram } from '../../scripts/bundle-program.js';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { leftJob } from './recovery-job.js';
import { KILL_STEPS } from './recovery-steps.js';
import { temporaryFolder } from './setup.js';
import { isRemote, testEngine } from './test-engine.js';
import { testWorkspace } from './test-workspace.js';

let image = '';
const engine = testEngine();
const program = await bundleProgram(new URL('./recovery-program.ts', import.meta.url));
const TABLE: string[] = [`${'step'.padEnd(17)}${'found'.padEnd(36)}${'done'.padEnd(46)}outputs  end`];

beforeAll(async () => {
  image = await ensureImage('busybox');
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
  const words = [...wrapper, process.execPath, program, root, instance, image, step, runId];
  const [command = '', ...rest] = words;
  return spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function newPlace(name: string): Promise<Place> {
  return { root: join(await temporaryFolder(), 'root'), instance: `recovery-${name}-${String(process.pid)}` };
}

/** Containers of jobs. */
const containersOf = async ({ instance }: Place): Promise<readonly string[]> =>
  (await engine.containers.list({ 'berthkit.instance': instance, 'berthkit.kind': 'job' })).map(
    ({ name }) => name,
  );
const volumesOf = async ({ instance }: Place): Promise<readonly string[]> =>
  ((await engine.volumes?.list({ 'berthkit.instance': instance })) ?? []).map(({ name }) => name);
/** Everything of it that the engine has: containers of jobs, and those that hold the volumes of one, and the volumes. */
const onEngine = async (place: Place): Promise<readonly string[]> => {
  const all = await engine.containers.list({ 'berthkit.instance': place.instance });
  return [...all.map(({ name }) => name), ...(await volumesOf(place))];
};
const namesIn = async (path: string): Promise<readonly string[]> => readdir(path).catch(() => []);
const foldersOf = async ({ root }: Place): Promise<readonly string[]> => namesIn(join(root, 'work'));
const secretsOf = async ({ root }: Place): Promise<readonly string[]> => namesIn(join(root, 'secrets'));
/** What was published, and what would be visible to nobody: everything beneath the storage. */
const storedOf = async ({ root }: Place): Promise<readonly string[]> =>
  (await readdir(join(root, 'out'), { recursive: true }).catch(() => []))
    .filter((name) => name !== 'results')
    .sort();
const storeOf = ({ root }: Place) => fileRunStore(join(root, 'state', 'runs'));
const wordFor = (end: RunOutcome | null | undefined): string =>
  end == null ? 'open' : end.outcome === 'result' ? end.result.reason : end.error.code;

/** What each run has besides volumes and what holds them. */
const THINGS = ['secrets', 'container', 'workspace', 'run'];
const withoutVolumes = <T extends { readonly what: string; readonly name: string }>(
  things: readonly T[],
): readonly T[] =>
  things.filter(({ what, name }) => what !== 'volume' && !(what === 'container' && name.endsWith('-files')));

async function withRuntime<T>(
  { root, instance }: Place,
  config: RuntimeConfigInput,
  work: (runtime: Runtime) => Promise<T>,
  onEvent?: (event: RunEvent) => void,
): Promise<T> {
  const runtime = createRuntime(
    {
      ...{
        workspaceRoot: join(root, 'work'),
        secretsRoot: join(root, 'secrets'),
        stateDir: join(root, 'state'),
      },
      ...{ instanceId: instance, workspace: testWorkspace, ...config },
    },
    { storage: { out: filesystemStorage(join(root, 'out')) }, onEvent },
  );
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
    'at $step leaves nothing once another one has looked, and its run has its end',
    async ({ step, container, folder, outputs, end }) => {
      const place = await newPlace(step.replaceAll('_', '-'));
      if (step === 'withdrawn') {
        await mkdir(join(place.root, 'out', 'results'), { recursive: true });
        await writeFile(join(place.root, 'out', 'results', 'b.txt'), 'there before');
      }
      const before = await storedOf(place);
      const [, signal] = (await once(start(place, step, 'r1'), 'exit')) as [unknown, unknown];
      expect(signal).toBe('SIGKILL');
      const found = [await containersOf(place), await foldersOf(place), await secretsOf(place)] as const;
      const hasSecrets = found[2].length > 0;
      const isStaged = RUN_STEPS.indexOf(step) >= RUN_STEPS.indexOf('staged');
      expect((await volumesOf(place)).length > 0).toBe(isRemote && isStaged);
      expect(found.slice(0, 2).map(({ length }) => length)).toEqual([container ? 1 : 0, folder ? 1 : 0]);
      expect((await storeOf(place).get('r1'))?.end).toBeNull();

      const events: RunEvent[] = [];
      const report = await withRuntime(
        place,
        {},
        (runtime) => runtime.reconcile(),
        (event) => events.push(event),
      );
      expect(report.leftAlone.filter(({ runId }) => runId === 'r1')).toEqual([]);
      const told = withoutVolumes(report.actions);
      expect(told.map(({ what, runId, problem }) => ({ what, runId, problem }))).toEqual(
        [hasSecrets && 'secrets', container && 'container', folder && 'workspace', 'run']
          .filter((what) => what !== false)
          .map((what) => ({ what, runId: 'r1', problem: null })),
      );
      expect([await onEngine(place), await foldersOf(place), await secretsOf(place)]).toEqual([[], [], []]);
      const published = outputs === 'all' ? ['results/a.txt', 'results/b.txt'] : before;
      expect(await storedOf(place)).toEqual(published);
      const stored = await storeOf(place).get('r1');
      expect(wordFor(stored?.end)).toBe(end);
      expect(stored?.steps.at(-1)?.name).toBe(step);
      if (stored?.end?.outcome === 'result') {
        const { result } = stored.end;
        expect(verifyReceipt(result.receipt, { result })).toEqual({ valid: true, differences: [] });
      }
      expect(events).toMatchObject([{ type: 'run_end', runId: 'r1', ...stored?.end }]);
      expect(await namesIn(join(place.root, 'state', 'runs', 'open'))).toEqual([]);
      const cell = ['container', 'folder', 'secrets']
        .map((what, index) => `${String(found[index]?.length ?? 0)} ${what}`)
        .join(', ');
      const done = report.actions
        .map(({ what, action }) => (action === 'removed' ? what : action))
        .join(', ');
      TABLE.push(
        `${step.padEnd(17)}${cell.padEnd(36)}${done.padEnd(46)}${outputs.padEnd(9)}${wordFor(stored?.end)}`,
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
    await withRuntime(place, {}, async (runtime) => {
      const { actions, leftAlone } = await runtime.reconcile();
      expect(withoutVolumes(actions).map(({ what, runId }) => `${what} ${runId ?? ''}`)).toEqual(
        THINGS.map((what) => `${what} killed`),
      );
      const kept = withoutVolumes(leftAlone.filter(({ runId }) => runId === 'stopped'));
      expect(kept.map(({ what, why }) => `${what} ${why}`)).toEqual(THINGS.map((what) => `${what} alive`));
      expect(await containersOf(place)).toHaveLength(1);
      await kill(stopped);
      await runtime.reconcile();
    });
    expect(await onEngine(place)).toEqual([]);
    expect(await foldersOf(place)).toEqual([]);
  });

  it('in another pid namespace is never taken for dead, though nobody can see it', async () => {
    const place = await newPlace('namespace');
    const wrapper = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const child = await startStaying(place, 'sibling', wrapper);
    await withRuntime(place, {}, async (runtime) => {
      const { actions, leftAlone } = await runtime.reconcile();
      expect(actions).toEqual([]);
      const kept = withoutVolumes(leftAlone.filter(({ runId }) => runId === 'sibling'));
      expect(kept.map(({ what, why }) => `${what} ${why}`)).toEqual(
        THINGS.map((what) => `${what} owner_unknown`),
      );
      expect((await storeOf(place).get('sibling'))?.end).toBeNull();
    });
    const [name = ''] = await containersOf(place);
    expect((await engine.containers.inspect(name))?.status).toBe('running');
    await kill(child);
    // Where the operator says how long a lease may go without a renewal, that is what proves it.
    const recovery = { leaseMs: 1_000, leaseExpiryMs: 4_000 };
    await withRuntime(place, { recovery }, async (runtime) => {
      const { actions } = await runtime.reconcile();
      expect(actions).toEqual([]);
      await vi.waitFor(
        async () => {
          const later = await runtime.reconcile();
          expect(withoutVolumes(later.actions).map(({ what, problem }) => [what, problem])).toEqual(
            THINGS.map((what) => [what, null]),
          );
          expect(later.actions[0]?.proof).toMatch(/has not renewed its lease for \d+ ms/);
        },
        { timeout: 60_000, interval: 500 },
      );
    });
    expect(wordFor((await storeOf(place).get('sibling'))?.end)).toBe('orphaned');
    expect(await onEngine(place)).toEqual([]);
  });

  it('is joined by its key from another one, which gets the end of its run when it is killed', async () => {
    const place = await newPlace('joined');
    const child = await startStaying(place, 'held');
    await withRuntime(place, {}, async (runtime) => {
      const joined = runtime.startJob(leftJob({ image, pauseSeconds: '1000' }), {
        idempotencyKey: 'key-held',
        runId: 'joined',
      });
      await vi.waitFor(
        () => {
          expect(joined.summary().phase).toBe('queue');
        },
        { timeout: 60_000 },
      );
      await kill(child);
      const result = await joined.result;
      expect(result).toMatchObject({ runId: 'held', status: 'failed', reason: 'orphaned' });
      expect(await onEngine(place)).toEqual([]);
    });
    expect(await foldersOf(place)).toEqual([]);
  });

  it('shares an engine with another instance, and neither touches the other’s', async () => {
    const [here, there] = [await newPlace('here'), await newPlace('there')];
    await kill(await startStaying(here, 'here1'));
    await kill(await startStaying(there, 'there1'));
    const report = await withRuntime(here, {}, (runtime) => runtime.reconcile());
    expect(withoutVolumes(report.actions).map(({ what }) => what)).toEqual(THINGS);
    expect(report.leftAlone.map(({ why }) => why)).toContain('other_instance');
    expect(await onEngine(here)).toEqual([]);
    expect(await containersOf(there)).toHaveLength(1);
    await withRuntime(there, {}, (runtime) => runtime.reconcile());
    expect(await onEngine(there)).toEqual([]);
  });
});

/** A process is killed while its job runs, and another one follows that job to its end, on a real engine: once, with its deadline, without a secret. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import {
  type AuditRecord,
  createRuntime,
  fileRunStore,
  filesystemStorage,
  type ReconcileReport,
  type RunEvent,
  type RunResult,
  type Runtime,
  type RuntimeConfigInput,
  type RuntimePorts,
  type StorageAdapter,
  verifyReceipt,
} from 'berthkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { bundleProgram } from '../../scripts/bundle-program.js';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { TOKEN, waitingJob } from './adoption-job.js';
import { temporaryFolder } from './setup.js';
import { needsSharedFiles, testEngine } from './test-engine.js';

needsSharedFiles('a run whose files are in volumes is not adopted');

let image = '';
const engine = testEngine();
const program = await bundleProgram(new URL('./adoption-program.ts', import.meta.url));

beforeAll(async () => {
  image = await ensureImage('busybox');
});
afterAll(async () => {
  await engine.close();
});

interface Place {
  readonly root: string;
  readonly instance: string;
}

async function newPlace(name: string): Promise<Place> {
  const place = {
    root: join(await temporaryFolder(), 'root'),
    instance: `adoption-${name}-${String(process.pid)}`,
  };
  // Whatever a test that failed left behind.
  onTestFinished(async () => {
    for (const { id } of await engine.containers.list({ 'berthkit.instance': place.instance }))
      await engine.containers.remove(id);
  });
  return place;
}

function start({ root, instance }: Place, what: string, runId: string): ChildProcess {
  const words = [program, root, instance, image, what, runId];
  return spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** A process that was killed while its job ran. */
async function die(place: Place, runId = 'r1', what = 'stay'): Promise<void> {
  await kill(await startStaying(place, what, runId));
}

/** A process that said what it has to say, and stays. */
async function startStaying(place: Place, what: string, runId: string): Promise<ChildProcess> {
  const child = start(place, what, runId);
  if (child.stdout === null) throw new Error('no output');
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the program ended early')));
  ended.catch(() => undefined);
  const said = once(child.stdout, 'data') as Promise<[Buffer]>;
  const [text] = await Promise.race([said, ended]);
  if (what === 'adopt') expect(String(text)).toBe('["adopted"]\n');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

interface Heir {
  readonly runtime: Runtime;
  readonly events: RunEvent[];
  readonly records: AuditRecord[];
}

/** Another runtime of the same instance, which adopts. */
function heir({ root, instance }: Place, config: RuntimeConfigInput = {}, ports: RuntimePorts = {}): Heir {
  const events: RunEvent[] = [];
  const records: AuditRecord[] = [];
  const runtime = createRuntime(
    {
      ...{ workspaceRoot: join(root, 'work'), secretsRoot: join(root, 'secrets') },
      ...{ stateDir: join(root, 'state'), instanceId: instance },
      ...{ stopGraceMs: 1_000, recovery: 'adopt', ...config },
    },
    {
      storage: { out: filesystemStorage(join(root, 'out')) },
      resolveSecret: () => Promise.resolve(TOKEN),
      onEvent: (event) => events.push(event),
      audit: async (record) => {
        await Promise.resolve();
        records.push(record);
      },
      ...ports,
    },
  );
  onTestFinished(async () => {
    await runtime.close();
  });
  return { runtime, events, records };
}

const namesIn = async (path: string): Promise<readonly string[]> => readdir(path).catch(() => []);
const storeOf = ({ root }: Place) => fileRunStore(join(root, 'state', 'runs'));
const storedOf = async ({ root }: Place): Promise<readonly string[]> =>
  (await readdir(join(root, 'out'), { recursive: true }).catch(() => []))
    .filter((name) => name !== 'results')
    .sort();

/** Lets the job go on. */
async function letGo({ root }: Place): Promise<void> {
  const [folder = ''] = await namesIn(join(root, 'work'));
  await writeFile(join(root, 'work', folder, 'workspace', 'go'), '');
}

async function expectNothingLeft({ root, instance }: Place): Promise<void> {
  expect(await engine.containers.list({ 'berthkit.instance': instance })).toEqual([]);
  expect(await namesIn(join(root, 'work'))).toEqual([]);
  expect(await namesIn(join(root, 'secrets'))).toEqual([]);
  expect(await namesIn(join(root, 'state', 'runs', 'open'))).toEqual([]);
}

/** The same without transactions: then every object is one `write`. */
function withoutTransactions(storage: StorageAdapter): Omit<StorageAdapter, 'begin'> {
  const rest: { -readonly [K in keyof StorageAdapter]: StorageAdapter[K] } = { ...storage };
  delete rest.begin;
  return rest;
}

const wordsOf = ({ actions }: ReconcileReport): readonly string[] =>
  actions.map(({ action, what, problem }) => `${action} ${what}${problem === null ? '' : `: ${problem}`}`);

async function resultOf({ runtime }: Heir, runId = 'r1'): Promise<RunResult> {
  const handle = runtime.get(runId);
  if (handle === undefined) throw new Error('no handle');
  return handle.result;
}

describe('a run whose process was killed', { timeout: 240_000 }, () => {
  it('is followed to its end: logs masked, outputs stored, told to everybody, and nothing left', async () => {
    const place = await newPlace('whole');
    await die(place);
    const next = heir(place);
    const report = await next.runtime.reconcile();
    expect(wordsOf(report)).toEqual(['adopted run']);
    expect(report.actions[0]).toMatchObject({ runId: 'r1', notAdopted: null });
    expect(report.actions[0]?.proof).toMatch(/^process \d+ is gone$/);
    expect(next.runtime.runs()).toMatchObject([{ runId: 'r1', jobSlug: 'waiting', state: 'running' }]);
    // A later pass leaves it alone: it is this process's own now.
    expect(wordsOf(await next.runtime.reconcile())).toEqual([]);
    const joined = next.runtime.startJob(waitingJob(image), { runId: 'r2', idempotencyKey: 'key-r1' });
    await vi.waitFor(
      () => {
        expect(joined.summary().phase).toBe('queue');
      },
      { timeout: 60_000 },
    );
    await letGo(place);
    const result = await resultOf(next);
    expect(result).toMatchObject({
      ...{ runId: 'r1', attempt: 1, status: 'succeeded', reason: 'completed', exitCode: 0 },
      ...{ logsComplete: false, jobSlug: 'waiting', stdout: { text: 'after ***\n***\n' } },
      outputs: [{ state: 'uploaded' }, { state: 'uploaded' }],
    });
    expect(result.warnings.join('\n')).toMatch(/taken over from a process that died \(process \d+ is gone\)/);
    expect(result.image.reference).toBe(image);
    expect(verifyReceipt(result.receipt, { result })).toEqual({ valid: true, differences: [] });
    expect(await storedOf(place)).toEqual(['results/a.txt', 'results/b.txt']);
    await expectNothingLeft(place);
    expect((await storeOf(place).get('r1'))?.end).toEqual({ outcome: 'result', result });
    expect(await joined.result).toEqual(result);
    const types = next.events.filter(({ runId }) => runId === 'r1').map(({ type }) => type);
    expect(types[0]).toBe('run_start');
    expect(types.filter((type) => type === 'run_start' || type === 'run_end')).toEqual([
      'run_start',
      'run_end',
    ]);
    const actions = next.records.map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(['reconcile_action', 'secret_resolved', 'run_ended']));
    expect(JSON.stringify([result, next.events, next.records])).not.toContain(TOKEN);
  });

  it('is adopted by one of two that look at the same time, and its outputs are stored once', async () => {
    const place = await newPlace('race');
    await die(place);
    const writes: string[] = [];
    const out = filesystemStorage(join(place.root, 'out'));
    const counting: StorageAdapter = {
      ...withoutTransactions(out),
      write: async (...given) => {
        writes.push(given[0]);
        return out.write(...given);
      },
    };
    const both = [
      heir(place, {}, { storage: { out: counting } }),
      heir(place, {}, { storage: { out: counting } }),
    ];
    const reports = await Promise.all(both.map(async ({ runtime }) => runtime.reconcile()));
    expect(reports.flatMap(wordsOf)).toEqual(['adopted run']);
    expect(both.filter(({ runtime }) => runtime.get('r1') !== undefined)).toHaveLength(1);
    await letGo(place);
    const winner = both.find(({ runtime }) => runtime.get('r1') !== undefined);
    if (winner === undefined) throw new Error('no winner');
    expect(await resultOf(winner)).toMatchObject({ status: 'succeeded' });
    const finals = writes.filter((path) => ['results/a.txt', 'results/b.txt'].includes(path));
    expect(finals.sort()).toEqual(['results/a.txt', 'results/b.txt']);
    // Temporary ones, too: each key once.
    expect(new Set(writes).size).toBe(writes.length);
    expect(await storedOf(place)).toEqual(['results/a.txt', 'results/b.txt']);
    await expectNothingLeft(place);
  });

  it.each(['by the clock of its boot', 'by its stamp, where an earlier version wrote it'])(
    'keeps its deadline, counted from its start %s',
    async (how) => {
      const place = await newPlace('deadline');
      await die(place);
      // As if it had been started an hour ago: counted from now on it would run for ten more minutes.
      const file = join(place.root, 'state', 'runs', 'open', 'run-r1.jsonl');
      const started = (await storeOf(place).get('r1'))?.steps.find((step) => step.name === 'started');
      if (started?.bootTime === undefined) throw new Error('its start was not written down');
      const { boot, ms } = started.bootTime;
      const early = how.includes('boot')
        ? { ...started, bootTime: { boot, ms: ms - 3_600_000 } }
        : { ...started, at: new Date(Date.parse(started.at) - 3_600_000).toISOString(), bootTime: undefined };
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.replace(JSON.stringify(started), JSON.stringify(early)));
      const next = heir(place);
      expect(wordsOf(await next.runtime.reconcile())).toEqual(['adopted run']);
      const result = await resultOf(next);
      expect(result).toMatchObject({ status: 'timed_out', reason: 'timed_out' });
      expect(result.message).toContain('exceeded timeout after 600000ms');
      expect(result.durations.runMs).toBeGreaterThanOrEqual(3_600_000);
      expect(verifyReceipt(result.receipt, { result }).valid).toBe(true);
      await expectNothingLeft(place);
    },
  );

  it('keeps its deadline where the clock was set by an hour since its start', async () => {
    const place = await newPlace('clock');
    await die(place);
    const clock = { now: () => Date.now() + 3_600_000, monotonic: () => performance.now() };
    const next = heir(place, {}, { clock });
    expect(wordsOf(await next.runtime.reconcile())).toEqual(['adopted run']);
    await letGo(place);
    expect(await resultOf(next)).toMatchObject({ status: 'succeeded' });
    await expectNothingLeft(place);
  });

  it.each([
    ['that are not known any more', undefined, 'could not be resolved again'],
    ['that have changed since', 'another-value-2', 'what its job was given'],
  ])('with secrets %s has its logs and outputs withheld, and says so', async (_, value, words) => {
    const place = await newPlace('withheld');
    await die(place);
    const next = heir(place, {}, { resolveSecret: () => Promise.resolve(value) });
    expect(wordsOf(await next.runtime.reconcile())).toEqual(['adopted run']);
    await letGo(place);
    const result = await resultOf(next);
    expect(result).toMatchObject({
      ...{ status: 'failed', reason: 'orphaned', retryable: true, exitCode: 0, logsComplete: false },
      ...{ stdout: { text: '' }, stderr: { text: '' }, lastLog: null },
      outputs: [
        { state: 'rejected', files: [] },
        { state: 'rejected', files: [] },
      ],
    });
    expect(result.evidence.at(-1)?.what).toContain(words);
    expect(result.warnings.join('\n')).toContain('its logs and outputs are withheld');
    expect(await storedOf(place)).toEqual([]);
    expect(JSON.stringify([result, next.events, next.records])).not.toContain(TOKEN);
    await expectNothingLeft(place);
  });

  it('is adopted again when the process that adopted it is killed, too', async () => {
    const place = await newPlace('again');
    await die(place);
    await die(place, '', 'adopt');
    const next = heir(place);
    expect(wordsOf(await next.runtime.reconcile())).toEqual(['adopted run']);
    await letGo(place);
    expect(await resultOf(next)).toMatchObject({ status: 'succeeded', attempt: 1 });
    expect(await storedOf(place)).toEqual(['results/a.txt', 'results/b.txt']);
    await expectNothingLeft(place);
  });

  it('is cancelled like any run, and ends with the runtime that adopted it', async () => {
    const place = await newPlace('cancelled');
    await die(place, 'r1');
    await die(place, 'r2');
    const next = heir(place);
    expect(wordsOf(await next.runtime.reconcile())).toEqual(['adopted run', 'adopted run']);
    const other = heir(place, { recovery: 'remove' });
    expect(wordsOf(await other.runtime.reconcile())).toEqual([]);
    expect(await other.runtime.cancelRun('r1', { reason: 'enough' })).toMatchObject({ outcome: 'cancelled' });
    const cancelled = await resultOf(next);
    expect(cancelled.status).toBe('cancelled');
    expect(cancelled.evidence[0]).toMatchObject({
      by: 'caller',
      what: expect.stringMatching(/: enough$/) as string,
    });
    await next.runtime.close();
    expect(await resultOf(next, 'r2')).toMatchObject({ status: 'cancelled', reason: 'runtime_shutdown' });
    await expectNothingLeft(place);
  });
});

describe('a run that cannot be adopted', { timeout: 240_000 }, () => {
  const finish = async (place: Place, words: RegExp, next = heir(place)): Promise<void> => {
    const report = await next.runtime.reconcile();
    expect(wordsOf(report).at(-1)).toBe('finished run');
    expect(report.actions.at(-1)?.notAdopted).toMatch(words);
    const end = (await storeOf(place).get('r1'))?.end;
    if (end?.outcome !== 'result') throw new Error('no result');
    expect(end.result.reason).toBe('orphaned');
    expect(verifyReceipt(end.result.receipt, { result: end.result })).toEqual({
      valid: true,
      differences: [],
    });
    expect(next.runtime.get('r1')).toBeUndefined();
    await expectNothingLeft(place);
  };

  it.each(['planned', 'staged', 'created'])('because it died at "%s" is finished', async (step) => {
    const place = await newPlace(step);
    const [, signal] = (await once(start(place, step, 'r1'), 'exit')) as [unknown, unknown];
    expect(signal).toBe('SIGKILL');
    await finish(place, step === 'created' ? /its container is "created"/ : new RegExp(`come to "${step}"`));
  });

  it('because its container has ended is finished', async () => {
    const place = await newPlace('ended');
    await die(place);
    const [container] = await engine.containers.list({ 'berthkit.instance': place.instance });
    await engine.containers.kill(container?.id ?? '', 'SIGKILL');
    await vi.waitFor(async () => {
      expect((await engine.containers.inspect(container?.id ?? ''))?.status).toBe('exited');
    }, 30_000);
    await finish(place, /its container is "exited"/);
  });

  it('because the folder with its secrets is gone is finished', async () => {
    const place = await newPlace('secrets');
    await die(place);
    await rm(join(place.root, 'secrets'), { recursive: true });
    await finish(place, /its folders are not there any more/);
  });

  it('because its storage is not there is finished', async () => {
    const place = await newPlace('storage');
    await die(place);
    await finish(place, /no storage "out"/, heir(place, {}, { storage: {} }));
  });

  it('because its standard input broke off is finished', async () => {
    const place = await newPlace('stdin');
    await die(place, 'r1', 'stdin');
    await finish(place, /standard input broke off/);
  });

  it('by who is not to is left to another runtime', async () => {
    const place = await newPlace('left');
    await die(place);
    const next = heir(place, {}, { storage: {} });
    for (const dryRun of [true, false]) {
      const { actions, leftAlone } = await next.runtime.reconcile({ adopts: false, dryRun });
      expect(actions).toEqual([]);
      expect(leftAlone.filter(({ runId }) => runId === 'r1')).toMatchObject([
        { what: 'run', why: 'adoptable' },
      ]);
    }
    const last = heir(place);
    expect(wordsOf(await last.runtime.reconcile({ dryRun: true }))).toEqual(['adopted run']);
    expect(last.runtime.get('r1')).toBeUndefined();
    expect(wordsOf(await last.runtime.reconcile())).toEqual(['adopted run']);
    await letGo(place);
    expect(await resultOf(last)).toMatchObject({ status: 'succeeded' });
    await expectNothingLeft(place);
  });
});

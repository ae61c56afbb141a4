/** A workspace is looked at while a job writes to it, told of at most once, and never held open for longer than the job runs. */
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createWorkspace, type Workspace } from '../../src/workspace/create.js';
import {
  excessOf,
  type WorkspaceBounds,
  type WorkspaceExcess,
  type WorkspaceListener,
  type WorkspaceWatch,
  watchWorkspace,
} from '../../src/workspace/watch-workspace.js';
import { isRoot, openBelow } from '../host/scratch.js';
import { at } from './collect-fixture.js';
import { makeWorkspace, OWN_USER } from './plan-fixture.js';
import { smallFileSystem } from './small-file-system.js';

const MIB = 1024 ** 2;
const BEYOND_REACH = 2 ** 50;
/** More than any disk has free. */
const TOO_MUCH_FREE = 2 ** 52;

const LIMITS = { fileBytes: 100, outputBytes: 100, uploadBytes: 100, entries: 10, depth: 4 };
const UNBOUNDED: WorkspaceBounds = {
  maxBytes: null,
  maxEntries: null,
  outputs: { outputs: [], limits: LIMITS },
  floor: { minFreeBytes: 0, minFreeInodes: 0 },
};
const ONE_OUTPUT = { outputs: { outputs: [{ workspacePath: 'out' }], limits: LIMITS } };

/** A watch, and what it told. */
interface Watched {
  readonly watch: WorkspaceWatch;
  readonly excesses: readonly WorkspaceExcess[];
  readonly measured: readonly number[];
  readonly failures: readonly unknown[];
  /** How often it asked whether this run makes room. */
  readonly asked: () => number;
}

/** Of a job that runs. */
function watchOf(...given: Parameters<typeof earlyWatchOf>): Watched {
  const watched = earlyWatchOf(...given);
  watched.watch.started();
  return watched;
}

function earlyWatchOf(
  workspace: Workspace,
  bounds: Partial<WorkspaceBounds>,
  listener: Partial<WorkspaceListener> = {},
): Watched {
  const excesses: WorkspaceExcess[] = [];
  const measured: number[] = [];
  const failures: unknown[] = [];
  let asked = 0;
  const watch = watchWorkspace(
    workspace,
    { ...UNBOUNDED, ...bounds },
    {
      onExcess: (excess) => excesses.push(excess),
      onMeasured: (bytes) => measured.push(bytes),
      onFailure: (error) => failures.push(error),
      ...listener,
      makesRoom: (shortage) => {
        asked += 1;
        return listener.makesRoom?.(shortage) ?? false;
      },
    },
  );
  return { watch, excesses, measured, failures, asked: () => asked };
}

/** A clock that stands still but for what each reading of it is made to take. */
function stopClock(): { now: number; stepMs: number; readings: number } {
  const clock = { now: 1_000_000, stepMs: 0, readings: 0 };
  vi.spyOn(performance, 'now').mockImplementation(() => {
    clock.readings += 1;
    clock.now += clock.stepMs;
    return clock.now;
  });
  return clock;
}

/** Long enough for more than one look; on a busy machine there is less to see, never more. */
const someLooks = async (): Promise<void> => sleep(450);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a workspace that is watched', () => {
  it('is not even opened if nothing bounds it', async () => {
    const workspace = await makeWorkspace();
    const { watch, measured } = watchOf(workspace, {});
    expect(await openBelow(workspace.path)).toEqual([]);
    writeFileSync(at(workspace, 'f'), 'x');
    await watch.end();
    expect(measured).toEqual([]);
  });

  it.each([
    ['bytes', { maxBytes: BEYOND_REACH }],
    ['entries', { maxEntries: 10 }],
    ['outputs', ONE_OUTPUT],
    ['free bytes', { floor: { minFreeBytes: 1, minFreeInodes: 0 } }],
    ['free inodes', { floor: { minFreeBytes: 0, minFreeInodes: 1 } }],
  ])('is open while the job runs, and no longer, if %s bound it', async (_, bounds) => {
    const workspace = await makeWorkspace();
    const { watch, measured, excesses, failures } = watchOf(workspace, bounds);
    await expect.poll(async () => openBelow(workspace.path)).toContain(workspace.workspacePath);
    await watch.end();
    expect(await openBelow(workspace.path)).toEqual([]);
    expect(measured.length).toBeGreaterThan(0);
    expect([excesses, failures]).toEqual([[], []]);
  });

  it('is looked at seldom before the job runs', async () => {
    const workspace = await makeWorkspace();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { watch, measured } = earlyWatchOf(workspace, { maxBytes: BEYOND_REACH });
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(999);
    expect(vi.getTimerCount()).toBe(1);
    watch.started();
    vi.advanceTimersByTime(199);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    await expect.poll(() => measured).toHaveLength(1);
    await watch.end();
  });

  it('has to be the folder that was made', async () => {
    const [one, other] = [await makeWorkspace(), await makeWorkspace()];
    const exchanged = { ...one, workspacePath: other.workspacePath };
    const { watch, failures } = watchOf(exchanged, { maxBytes: 1 });
    await expect.poll(() => failures).toMatchObject([{ code: 'workspace.failed' }]);
    await watch.end();
  });

  it('is told of once, while the job runs, when it holds too many bytes', async () => {
    const workspace = await makeWorkspace();
    const { watch, excesses } = watchOf(workspace, { maxBytes: 2 * MIB });
    await someLooks();
    expect(excesses).toEqual([]);
    writeFileSync(at(workspace, 'f'), Buffer.alloc(3 * MIB));
    await expect.poll(() => excesses).toEqual([{ of: 'bytes', allowed: 2 * MIB }]);
    await expect.poll(async () => openBelow(workspace.path)).toEqual([]);
    await watch.end();
    expect(excesses).toHaveLength(1);
  });

  it('is told of when it holds too many files and folders', async () => {
    const workspace = await makeWorkspace();
    mkdirSync(at(workspace, 'd'));
    const { watch, excesses } = watchOf(workspace, { maxEntries: 2 });
    await someLooks();
    for (const name of ['a', 'b']) writeFileSync(at(workspace, `d/${name}`), '');
    await expect.poll(() => excesses).toEqual([{ of: 'entries', allowed: 2 }]);
    await watch.end();
  });

  it('is looked at once more at the end, for the job that was faster than the next look', async () => {
    const workspace = await makeWorkspace();
    const { watch, excesses, measured } = watchOf(workspace, { maxBytes: 2 * MIB });
    await expect.poll(() => measured).toHaveLength(1);
    writeFileSync(at(workspace, 'f'), Buffer.alloc(3 * MIB));
    await watch.end();
    expect(excesses).toEqual([{ of: 'bytes', allowed: 2 * MIB }]);
    expect(measured.at(-1)).toBeGreaterThanOrEqual(3 * MIB);
  });

  it.each([
    ['nothing', () => undefined, 0],
    ['something', (workspace: Workspace) => mkdirSync(at(workspace, 'd')), 1],
  ])('is looked into once if its job left %s before the first look', async (_, leave, entries) => {
    const workspace = await makeWorkspace();
    leave(workspace);
    const { watch, excesses, measured, failures } = earlyWatchOf(workspace, { maxEntries: 0 });
    await watch.end();
    expect([excesses.length, measured.length, failures]).toEqual([entries, 1, []]);
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it('may hold as much as it is allowed', () => {
    const usage = { bytes: 10, entries: 3 };
    expect(excessOf(usage, { maxBytes: 10, maxEntries: 3 })).toBeNull();
    expect(excessOf(usage, { maxBytes: null, maxEntries: null })).toBeNull();
    expect(excessOf(usage, { maxBytes: 9, maxEntries: 2 })).toEqual({ of: 'bytes', allowed: 9 });
    expect(excessOf(usage, { maxBytes: null, maxEntries: 2 })).toEqual({ of: 'entries', allowed: 2 });
  });

  it('says why it can be watched no longer, and is let go of', async () => {
    const workspace = await makeWorkspace();
    const problem = new Error('nobody listens');
    const onMeasured = (): never => {
      throw problem;
    };
    const { watch, failures } = watchOf(workspace, { maxBytes: 1 }, { onMeasured });
    await expect.poll(() => failures).toEqual([problem]);
    await watch.end();
    expect(failures).toHaveLength(1);
    expect(await openBelow(workspace.path)).toEqual([]);
  });
});

describe('outputs in a workspace that is watched', () => {
  /** The clock is read before and after a measurement, and before and after a look at outputs. */
  const firstLookAtOutputs = async (clock: { readonly readings: number }): Promise<void> =>
    expect.poll(() => clock.readings).toBeGreaterThanOrEqual(4);

  it('are told of while the job runs, when they are too much', async () => {
    const workspace = await makeWorkspace();
    const clock = stopClock();
    const { watch, excesses } = watchOf(workspace, ONE_OUTPUT);
    await firstLookAtOutputs(clock);
    // It takes nothing on the disk, so only a look at the output tells.
    writeFileSync(at(workspace, 'out'), '');
    truncateSync(at(workspace, 'out'), 101);
    await someLooks();
    expect(excesses).toEqual([]);
    clock.now += 1_000;
    const reason = 'has 101 bytes, more than the limit of 100 (maxFileBytes)';
    await expect.poll(() => excesses).toEqual([{ of: 'output', workspacePath: 'out', reason }]);
    await watch.end();
  });

  it('are left to those who collect them when the job has ended', async () => {
    const workspace = await makeWorkspace();
    const clock = stopClock();
    const { watch, excesses } = watchOf(workspace, ONE_OUTPUT);
    await firstLookAtOutputs(clock);
    writeFileSync(at(workspace, 'out'), 'x'.repeat(101));
    await watch.end();
    expect(excesses).toEqual([]);
  });
});

describe('a disk that is low while a workspace is watched', () => {
  const LOW = { floor: { minFreeBytes: TOO_MUCH_FREE, minFreeInodes: 0 } };

  it('is the end of the run that is to make room', async () => {
    const workspace = await makeWorkspace();
    const { watch, excesses } = watchOf(workspace, LOW, { makesRoom: () => true });
    await expect.poll(() => excesses).toHaveLength(1);
    const where = `the file system of workspaceRoot (${dirname(workspace.path)}) has `;
    const shortage = expect.stringContaining(where) as string;
    expect(excesses).toEqual([{ of: 'disk', shortage }]);
    await watch.end();
  });

  it('is no end of another, which is measured at each look, and none of a job that has ended', async () => {
    const workspace = await makeWorkspace();
    stopClock();
    let ending: Promise<void> | null = null;
    const watched: Watched = watchOf(workspace, LOW, {
      makesRoom: () => {
        if (watched.asked() === 3) ending = watched.watch.end();
        return watched.asked() > 3;
      },
    });
    await expect.poll(() => ending).not.toBeNull();
    await watched.watch.end();
    expect([watched.asked(), watched.measured.length, watched.excesses]).toEqual([3, 4, []]);
  });
});

describe('a workspace that is watched is measured', () => {
  it('now and then if nothing else asks for it', async () => {
    const workspace = await makeWorkspace();
    const clock = stopClock();
    const { watch, measured } = watchOf(workspace, {
      maxBytes: BEYOND_REACH,
      maxEntries: BEYOND_REACH,
    });
    await expect.poll(() => measured).toHaveLength(1);
    clock.now += 4_999;
    await someLooks();
    expect(measured).toHaveLength(1);
    clock.now += 1;
    await expect.poll(() => measured).toHaveLength(2);
    await someLooks();
    expect(measured).toHaveLength(2);
    await watch.end();
  });

  it('not for a time ten times as long as the last time took', async () => {
    const workspace = await makeWorkspace();
    const clock = stopClock();
    clock.stepMs = 3_000;
    const endedAt = clock.now + 2 * clock.stepMs;
    const { watch, measured, excesses } = watchOf(
      workspace,
      { maxBytes: 2 * MIB, floor: { minFreeBytes: TOO_MUCH_FREE, minFreeInodes: 0 } },
      { onMeasured: () => (clock.stepMs = 0) },
    );
    await expect.poll(() => clock.stepMs).toBe(0);
    expect(measured).toEqual([]);
    writeFileSync(at(workspace, 'f'), Buffer.alloc(3 * MIB));
    clock.now = endedAt + 29_999;
    await someLooks();
    expect(excesses).toEqual([]);
    clock.now = endedAt + 30_000;
    await expect.poll(() => excesses).toEqual([{ of: 'bytes', allowed: 2 * MIB }]);
    await watch.end();
  });

  it.each([
    ['once more at the end if that is cheap', 2_000, 2],
    ['not once more at the end if that is not cheap', 2_001, 1],
  ])('%s', async (_, tookMs, times) => {
    const workspace = await makeWorkspace();
    const clock = stopClock();
    clock.stepMs = tookMs;
    let count = 0;
    const { watch } = watchOf(
      workspace,
      { maxBytes: BEYOND_REACH },
      {
        onMeasured: () => {
          clock.stepMs = 0;
          count += 1;
        },
      },
    );
    await expect.poll(() => count).toBe(1);
    await watch.end();
    expect(count).toBe(times);
  });

  it.skipIf(!isRoot)('as soon as the file system has lost enough to reach a bound', async () => {
    const workspace = await createWorkspace(await smallFileSystem(), { name: 'test', user: OWN_USER });
    stopClock();
    const { watch, measured, excesses } = watchOf(workspace, { maxBytes: 2 * MIB, maxEntries: 10 });
    await expect.poll(() => measured).toHaveLength(1);
    writeFileSync(at(workspace, 'f'), Buffer.alloc(MIB));
    for (let index = 0; index < 9; index += 1) writeFileSync(at(workspace, `f${String(index)}`), '');
    await someLooks();
    expect(measured).toHaveLength(1);
    writeFileSync(at(workspace, 'g'), '');
    await expect.poll(() => excesses).toEqual([{ of: 'entries', allowed: 10 }]);
    await watch.end();
  });

  it.skipIf(!isRoot)('as soon as it has lost bytes enough, counted from what was there before', async () => {
    const workspace = await createWorkspace(await smallFileSystem(), { name: 'test', user: OWN_USER });
    writeFileSync(at(workspace, 'before'), Buffer.alloc(1.5 * MIB));
    stopClock();
    const { watch, measured, excesses } = watchOf(workspace, { maxBytes: 2 * MIB });
    await expect.poll(() => measured).toEqual([1.5 * MIB]);
    writeFileSync(at(workspace, 'f'), Buffer.alloc(0.5 * MIB));
    await someLooks();
    expect(measured).toHaveLength(1);
    writeFileSync(at(workspace, 'g'), 'x');
    await expect.poll(() => excesses).toEqual([{ of: 'bytes', allowed: 2 * MIB }]);
    await watch.end();
  });
});

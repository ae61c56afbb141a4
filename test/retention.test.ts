/** What runs keep on purpose: what was asked for and allowed, named, tamed, bounded; everything else is gone as ever. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRuntime,
  type Retention,
  type RetentionWhen,
  type RunOptions,
  type RunResult,
  type Runtime,
  type RuntimeConfigInput,
} from 'berthkit';
import {
  type FakeEngine,
  fakeEngine,
  type FakeEngineScript,
  type FakeExit,
  type FakeJob,
} from 'berthkit/testing';
import { bootTime } from '../src/host/boot-clock.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berthkit-kept-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

interface Setup {
  readonly engine: FakeEngine;
  readonly runtime: Runtime;
  readonly run: (options?: RunOptions) => Promise<RunResult>;
}

const leavesAFile = async (job: FakeJob): Promise<FakeExit> => {
  await job.writeFile('/workspace/left', 'by the job');
  return { exitCode: 0 };
};

function setUp(
  script: FakeEngineScript,
  config: RuntimeConfigInput = {},
  clock?: { now: () => number },
): Setup {
  const engine = fakeEngine(script);
  const ports = {
    engine,
    ...(clock === undefined ? {} : { clock: { monotonic: () => performance.now(), ...clock } }),
  };
  const runtime = createRuntime({ workspaceRoot: root, instanceId: 'ours', ...config }, ports);
  return {
    engine,
    runtime,
    run: async (options) => runtime.runJob({ docker: { image: 'busybox:1' } }, options),
  };
}

const keep = (container: RetentionWhen, workspace: RetentionWhen): { readonly retention: Retention } => ({
  retention: { container, workspace },
});
const folders = async (): Promise<string[]> => (await readdir(root)).sort();

describe('what is kept', () => {
  it.each<[RetentionWhen, number, boolean]>([
    ['never', 0, false],
    ['never', 3, false],
    ['on_failure', 0, false],
    ['on_failure', 3, true],
    ['always', 0, true],
    ['always', 3, true],
  ])('%s, after exit code %i: %s', async (when, exitCode, isKept) => {
    const script: FakeEngineScript = { run: async (job) => ({ ...(await leavesAFile(job)), exitCode }) };
    const { engine, run, runtime } = setUp(script);
    const { kept, containerName } = await run(keep(when, when));
    expect(engine.leftovers()).toEqual(isKept ? [containerName] : []);
    expect(await folders()).toHaveLength(isKept ? 1 : 0);
    if (!isKept) expect(kept).toBeNull();
    else {
      expect(kept).toEqual({ container: containerName, workspace: join(root, (await folders())[0] ?? '') });
      expect(await readFile(join(kept?.workspace ?? '', 'workspace/left'), 'utf8')).toBe('by the job');
    }
    const report = await runtime.close();
    expect(report.kept.map(({ container, workspace }) => [container?.name, workspace])).toEqual(
      isKept ? [[containerName, kept?.workspace]] : [],
    );
    expect(engine.leftovers()).toEqual(isKept ? [containerName] : []);
  });

  it('is one of the two, if only one is asked for', async () => {
    const { engine, run } = setUp({ run: leavesAFile });
    const onlyFiles = await run(keep('never', 'always'));
    expect([engine.leftovers(), onlyFiles.kept?.container]).toEqual([[], null]);
    expect(onlyFiles.kept?.workspace).not.toBeNull();
    const onlyContainer = await run(keep('always', 'never'));
    expect(engine.leftovers()).toEqual([onlyContainer.containerName]);
    expect(onlyContainer.kept?.workspace).toBeNull();
    // A note of it stays, by which it can be swept, and nothing else.
    const noted = (await folders()).filter((name) => join(root, name) !== onlyFiles.kept?.workspace);
    expect((await readdir(join(root, noted[0] ?? ''))).sort()).toEqual(['kept.json', 'owner.json']);
  });

  it('is also there when the run could have no result', async () => {
    const { engine, runtime } = setUp({ run: leavesAFile });
    const events: unknown[] = [];
    const failing = runtime.runJob(
      {
        docker: {
          image: 'busybox:1',
          outputs: [{ workspacePath: 'left', upload: 'caller' }],
        },
      },
      {
        ...keep('on_failure', 'on_failure'),
        outputTo: {
          stat: () => Promise.reject(new Error('down')),
          list: () => {
            throw new Error('down');
          },
          read: () => Promise.reject(new Error('down')),
          write: () => Promise.reject(new Error('down')),
        },
        onEvent: (event) => {
          if (event.type === 'kept') events.push({ container: event.container, workspace: event.workspace });
        },
      },
    );
    const error: unknown = await failing.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'storage.failed', result: { kept: events[0] } });
    expect(engine.leftovers()).toHaveLength(1);
  });

  it('comes from the operator where the run says nothing, and within what they allow', async () => {
    const { run, runtime } = setUp(
      { run: leavesAFile },
      {
        retention: {
          default: { workspace: 'always' },
          max: { container: 'never', workspace: 'always' },
        },
      },
    );
    expect((await run()).kept).toMatchObject({ container: null, workspace: expect.any(String) as unknown });
    expect((await run({ retention: { workspace: 'never' } })).kept).toBeNull();
    await expect(run({ retention: { container: 'on_failure' } })).rejects.toMatchObject({
      code: 'validation.invalid_job',
      message: 'options.retention.container must be "never"; retention.max allows no more',
    });
    for (const wrong of ['sometimes', 5, null]) {
      const retention = { workspace: wrong } as unknown as Retention;
      await expect(run({ retention })).rejects.toMatchObject({ code: 'validation.invalid_job' });
    }
    await expect(run({ retention: { volumes: 'always' } as unknown as Retention })).rejects.toThrow(
      /options\.retention\.volumes is unknown/,
    );
    expect(() =>
      createRuntime({ retention: { default: { container: 'always' }, max: { container: 'on_failure' } } }),
    ).toThrow(
      /retention\.default\.container.*must not be more than retention\.max\.container \(on_failure\)/,
    );
    await runtime.close();
  });

  it('has no special mode bits, and no file that is not the job’s or ours', async () => {
    const { run } = setUp({
      run: async (job) => {
        await job.writeFile('/workspace/deep/tool', 'x');
        const host = job.spec.mounts.find(({ target }) => target === '/workspace')?.source ?? '';
        await chmod(join(host, 'deep/tool'), 0o6755);
        await chmod(join(host, 'deep'), 0o7777);
        return { exitCode: 0 };
      },
    });
    const { kept } = await run(keep('never', 'always'));
    const modeOf = async (path: string): Promise<string> =>
      ((await stat(join(kept?.workspace ?? '', 'workspace', path))).mode & 0o7777).toString(8);
    expect([await modeOf('deep'), await modeOf('deep/tool')]).toEqual(['777', '755']);
    expect((await readdir(kept?.workspace ?? '')).sort()).toEqual(['kept.json', 'owner.json', 'workspace']);
  });

  it('warns of a container that has secrets in its environment', async () => {
    const { runtime } = setUp({ run: leavesAFile });
    const result = await runtime.runJob(
      { docker: { image: 'busybox:1', environment: { TOKEN: { secret: { source: 'store', key: 'k' } } } } },
      { ...keep('always', 'always'), secrets: { k: 'correct horse battery' } },
    );
    expect(result.warnings).toEqual([expect.stringContaining('has secrets in its environment')]);
    const note = await readFile(join(result.kept?.workspace ?? '', 'kept.json'), 'utf8');
    expect(note).not.toContain('horse');
  });

  it('warns of no container whose secrets are all files', async () => {
    const { runtime } = setUp({ run: leavesAFile });
    const secret = { source: 'store', key: 'k' } as const;
    const result = await runtime.runJob(
      { docker: { image: 'busybox:1', environment: { TOKEN: { secret, as: 'file' } } } },
      { ...keep('always', 'always'), secrets: { k: 'correct horse battery' } },
    );
    expect(result).toMatchObject({ warnings: [], kept: { container: expect.any(String) as string } });
  });

  it('is nothing, with a warning, when it is more than may be kept', async () => {
    const { engine, run } = setUp({ run: leavesAFile }, { retention: { maxBytes: 5 } });
    const result = await run(keep('always', 'always'));
    expect(result.kept).toBeNull();
    expect(result.warnings).toEqual([expect.stringMatching(/nothing is kept: .*more than the 5 bytes/)]);
    expect([engine.leftovers(), await folders()]).toEqual([[], []]);
  });

  it('is never a container that still runs', async () => {
    const { engine, run } = setUp({
      run: async (job) => {
        job.onSignal('SIGTERM', () => undefined);
        await job.stdout('ready\n');
        return job.sleepUntilKilled();
      },
      // It cannot be killed, only removed.
      fail: [{ call: 'containers.kill' }],
    });
    const controller = new AbortController();
    const result = await run({
      ...keep('always', 'never'),
      signal: controller.signal,
      onLine: () => {
        controller.abort(new Error('enough'));
      },
    });
    expect(result).toMatchObject({ status: 'cancelled', kept: null });
    expect(engine.leftovers()).toEqual([]);
  }, 60_000);
});

const DAY_MS = 86_400_000;

interface Note {
  readonly bootTime: { readonly boot: string; readonly ms: number };
}

async function rewrite({ kept }: RunResult, change: (note: Note) => Note): Promise<void> {
  const path = join(kept?.workspace ?? '', 'kept.json');
  await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')) as Note)));
}

/** As if it had been kept so much earlier. */
const age = async (result: RunResult, ms: number): Promise<void> =>
  rewrite(result, (note) => ({ ...note, bootTime: { ...note.bootTime, ms: note.bootTime.ms - ms } }));

describe('what was kept goes', () => {
  const always = keep('always', 'always');
  const until = async (isSo: () => Promise<boolean>): Promise<void> => {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('when it is too old, the next time somebody looks', async () => {
    const config = { retention: { maxAgeMs: 60_000 } };
    const { engine, run, runtime } = setUp({ run: leavesAFile }, config);
    const first = await run(always);
    const second = await run(always);
    await age(first, 61_000);
    await age(second, 30_000);
    const { kept } = await runtime.close();
    expect(kept.map(({ runId }) => runId)).toEqual([second.runId]);
    expect(engine.leftovers()).toEqual([second.containerName]);
    expect(await folders()).toEqual([second.kept?.workspace?.slice(root.length + 1)]);
    expect(first.kept?.workspace).not.toBeNull();
  });

  it.each([
    ['forward', 30 * DAY_MS],
    ['back', -30 * DAY_MS],
  ])('neither sooner nor later when the clock jumps %s', async (_direction, jumpMs) => {
    const time = { ms: Date.parse('2026-01-01T00:00:00Z') };
    const { run, runtime } = setUp(
      { run: leavesAFile },
      { retention: { maxAgeMs: DAY_MS } },
      { now: () => time.ms },
    );
    const [old, young] = [await run(always), await run(always)];
    await age(old, 2 * DAY_MS);
    time.ms += jumpMs;
    const { kept } = await runtime.close();
    expect(kept.map(({ runId }) => runId)).toEqual([young.runId]);
  });

  it('by its stamp after the machine was restarted, and at the latest when it has run for so long', async () => {
    const uptimeMs = bootTime()?.ms ?? 0;
    const time = { ms: Date.parse('2026-01-01T00:00:00Z') };
    const clock = { now: () => time.ms };
    const { run, runtime } = setUp(
      { run: leavesAFile },
      { retention: { maxAgeMs: uptimeMs + DAY_MS } },
      clock,
    );
    const kept = await run(always);
    await rewrite(kept, (note) => ({ ...note, bootTime: { boot: 'another', ms: 0 } }));
    expect((await runtime.close()).kept).toHaveLength(1);
    time.ms -= 30 * DAY_MS;
    const impatient = setUp({}, { retention: { maxAgeMs: Math.floor(uptimeMs / 2) } }, clock).runtime;
    await impatient.reconcile();
    expect((await impatient.close()).kept).toEqual([]);
  });

  it('in one look for all the runs that end while another look is under way', async () => {
    const fake = fakeEngine({ run: leavesAFile });
    let removals = 0;
    let goOn: () => void = () => undefined;
    const open = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const remove = async (): Promise<never> => {
      removals += 1;
      await open;
      throw new Error('busy');
    };
    const engine = { ...fake, containers: { ...fake.containers, remove } };
    const runtime = createRuntime(
      { workspaceRoot: root, instanceId: 'ours', retention: { maxRuns: 1 } },
      { engine },
    );
    const one = async (): Promise<RunResult> => runtime.runJob({ docker: { image: 'busybox:1' } }, always);
    await one();
    await one();
    await vi.waitFor(() => expect(removals).toBe(1), { timeout: 60_000 });
    for (let count = 0; count < 8; count += 1) await one();
    goOn();
    expect((await runtime.close()).kept).toHaveLength(10);
    // That one of the first look, and nine each of the one that was waited for and of the one at the end.
    expect(removals).toBeLessThanOrEqual(1 + 2 * 9);
  });

  it('when it is too old, also where no run ends any more', async () => {
    const config = { retention: { maxAgeMs: 60_000 }, recovery: { firstPassMs: 1, everyMs: 1_000 } };
    const { engine, run, runtime } = setUp({ run: leavesAFile }, config);
    await age(await run(always), 61_000);
    await vi.waitFor(async () => expect(await folders()).toEqual([]), { timeout: 60_000 });
    expect(engine.leftovers()).toEqual([]);
    await runtime.close();
  });

  it.each<[string, RuntimeConfigInput['retention']]>([
    ['many', { maxRuns: 2 }],
    ['large', { maxBytes: 25 }],
  ])('oldest first when they are too %s', async (_name, retention) => {
    const { engine, run, runtime } = setUp(
      { run: leavesAFile },
      retention === undefined ? {} : { retention },
    );
    const results: RunResult[] = [];
    for (let count = 0; count < 4; count += 1) results.push(await run(always));
    await until(async () => (await folders()).length === 2);
    const { kept } = await runtime.close();
    const names = results.slice(2).map(({ containerName }) => containerName);
    expect(kept.map(({ container }) => container?.name)).toEqual(names);
    expect(engine.leftovers()).toEqual(names);
  });

  it('but only what is ours: neither another instance’s, nor a look-alike', async () => {
    const { engine, run, runtime } = setUp({ run: leavesAFile }, { retention: { maxRuns: 1 } });
    const other = createRuntime({ workspaceRoot: root, instanceId: 'theirs' }, { engine });
    const theirs = await other.runJob({ docker: { image: 'busybox:1' } }, always);
    const note = JSON.parse(
      await readFile(join(theirs.kept?.workspace ?? '', 'kept.json'), 'utf8'),
    ) as object;
    // A note that says it is ours but names a container of theirs.
    const planted = join(root, 'run-planted');
    await mkdir(planted, { mode: 0o700 });
    await writeFile(join(planted, 'kept.json'), JSON.stringify({ ...note, instance: 'ours' }));
    await mkdir(join(root, 'run-broken'));
    await writeFile(join(root, 'run-broken', 'kept.json'), '{"instance":');
    const ours = await run(always);
    const { kept } = await runtime.close();
    expect(kept.map(({ runId }) => runId)).toEqual([ours.runId]);
    expect(engine.leftovers()).toEqual([theirs.containerName, ours.containerName]);
    expect(await folders()).toEqual(
      [
        'run-broken',
        ...[theirs, ours].map((each) => each.kept?.workspace?.slice(root.length + 1) ?? ''),
      ].sort(),
    );
    expect((await other.close()).kept).toHaveLength(1);
  });

  it('not while its container cannot be removed: it is tried again', async () => {
    const { engine, run, runtime } = setUp(
      { run: leavesAFile, fail: [{ call: 'containers.remove', times: 1 }] },
      { retention: { maxRuns: 1 } },
    );
    const [first, second] = [await run(always), await run(always)];
    expect(engine.leftovers()).toContain(second.containerName);
    await until(async () => Promise.resolve(engine.calls.some(({ call }) => call === 'containers.remove')));
    const { kept } = await runtime.close();
    expect(kept.map(({ runId }) => runId)).toEqual([second.runId]);
    expect(engine.leftovers()).not.toContain(first.containerName);
  });
});

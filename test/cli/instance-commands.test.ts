/** `ps`, `cancel` and `reconcile` from their words to output and exit code, on the fake engine and a store in files. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRuntime, fileRunStore, type RunHandle, type Runtime, type RuntimePorts } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CliIo } from '../../src/cli/io.js';
import { deadOwner } from '../host/child-owner.js';
import { type Outcome, runWith, temporaryFolder } from './fixture.js';

const INSTANCE = 'shop';
const JOB = { slug: 'long', docker: { image: 'busybox:1', command: ['work'] } };

let folder = '';
let ports: RuntimePorts = {};
let app: Runtime;
const started = vi.fn();

beforeEach(async () => {
  folder = await temporaryFolder();
  started.mockReset();
  const engine = fakeEngine({
    run: async () => {
      started();
      return new Promise(() => undefined);
    },
  });
  ports = { engine };
  app = createRuntime(config(), ports);
  await writeFile(join(folder, 'app.json'), JSON.stringify(config()));
});
afterEach(async () => {
  await app.close();
});

const config = () => ({
  ...{ workspaceRoot: join(folder, 'root'), stateDir: join(folder, 'state'), instanceId: INSTANCE },
  // What tests of other files have in the usual one is none of this one's.
  secretsRoot: join(folder, 'secrets'),
  stopGraceMs: 1_000,
});
const store = () => fileRunStore(join(folder, 'state', 'runs'));

const cli = async (args: string, changes: Partial<CliIo> = {}): Promise<Outcome> =>
  runWith(folder, [...args.split(' '), '--config', 'app.json'], '', { ports, ...changes });
const parsed = (text: string): unknown => JSON.parse(text);

async function begin(runId: string): Promise<RunHandle> {
  const handle = app.startJob(JOB, { runId });
  await vi.waitFor(
    () => {
      expect(started).toHaveBeenCalled();
    },
    { timeout: 60_000 },
  );
  return handle;
}

/** A run that its process claimed, and then died. */
async function leave(runId: string): Promise<void> {
  const { plan } = app.explain(JOB);
  if (plan === null) throw new Error('no plan');
  await store().putIfAbsent({
    ...{ runId, key: null, requestHash: 'h', instance: INSTANCE, owner: await deadOwner() },
    ...{ jobSlug: 'left', metadata: {}, startedAt: '2026-01-01T00:00:00.000Z', plan },
  });
}

describe('ps', () => {
  it('shows each run with how far it is and who runs it', async () => {
    await leave('left-1');
    await begin('long-1');
    await vi.waitFor(
      async () => {
        expect((await app.openRuns()).find(({ runId }) => runId === 'long-1')?.step).toBe('started');
      },
      { timeout: 60_000 },
    );
    const { code, stdout, stderr } = await cli('ps');
    expect([code, stderr]).toEqual([0, '']);
    const [title, left, long, ...rest] = stdout.trimEnd().split('\n');
    expect(rest).toEqual([]);
    expect(title).toMatch(/^RUN +JOB +IMAGE +STATE +SINCE +OWNER$/);
    expect(left).toMatch(
      /^left-1 +left +busybox:1 +queued +2026-01-01T00:00:00\.000Z +dead: process \d+ is gone$/,
    );
    expect(long).toMatch(/^long-1 +long +busybox:1 +running \(started\) +\S+Z +self: it is this process$/);
  });

  it('gives all there is to know as JSON', async () => {
    await begin('long-1');
    const { runs } = parsed((await cli('ps --json')).stdout) as { readonly runs: readonly object[] };
    expect(runs).toMatchObject([
      {
        ...{ runId: 'long-1', instance: INSTANCE, jobSlug: 'long', image: 'busybox:1', state: 'running' },
        ...{ attempt: 1, ownerState: 'self', container: { status: 'running' } },
      },
    ]);
  });

  it('says that there are none, and makes nothing', async () => {
    expect(await cli('ps')).toEqual({ code: 0, stdout: 'no open runs\n', stderr: '' });
    expect((await readdir(folder)).sort()).toEqual(['app.json']);
  });

  it('shows containers of other instances with --all, and only then', async () => {
    const { engine } = ports;
    const other = createRuntime({ ...config(), instanceId: 'other', stateDir: null }, { engine });
    const handle = other.startJob(JOB, { runId: 'theirs' });
    await vi.waitFor(
      () => {
        expect(started).toHaveBeenCalled();
      },
      { timeout: 60_000 },
    );
    expect((await cli('ps')).stdout).toBe('no open runs\n');
    const lines = (await cli('ps --all')).stdout.split('\n');
    expect(lines[0]).toMatch(/^RUN +INSTANCE +JOB/);
    expect(lines[1]).toMatch(/^theirs +other +- +sha256:\S+ +running \(running\)/);
    handle.cancel();
    await other.close();
  });
});

describe('cancel', () => {
  it('ends a run of another runtime, says so, and tells it who asked', async () => {
    const handle = await begin('long-1');
    expect(await cli('cancel long-1 --reason mistaken')).toEqual({
      ...{ code: 0, stdout: 'long-1: cancelled\n', stderr: '' },
    });
    const { status, evidence } = await handle.result;
    expect(status).toBe('cancelled');
    expect(evidence[0]).toMatchObject({ by: 'caller', what: 'asked for by ops@example: mistaken' });
  });

  it('says of each of several what came of it, and exits as the worst', async () => {
    const handle = await begin('long-1');
    await leave('left-1');
    const { code, stdout, stderr } = await cli('cancel long-1 left-1 nobody');
    expect(code).toBe(2);
    const [first, second] = stdout.split('\n');
    expect(first).toBe('long-1: cancelled');
    expect(second).toMatch(/^left-1: nobody runs it any more: .* is gone; .*berthkit reconcile$/);
    expect(stderr).toMatch(
      /^berthkit: the run store of the instance "shop" knows no run "nobody"\n {4}hint: /,
    );
    expect((await handle.result).status).toBe('cancelled');
    expect((await cli('cancel left-1')).code).toBe(1);
  });

  it('gives all of it as JSON', async () => {
    await begin('long-1');
    const answer = await cli('cancel long-1 nobody --json');
    expect(answer).toMatchObject({ code: 2, stderr: '' });
    expect(parsed(answer.stdout)).toMatchObject({
      ok: false,
      runs: [
        { runId: 'long-1', outcome: 'cancelled', end: { outcome: 'result' } },
        { runId: 'nobody', error: { code: 'run.not_found' } },
      ],
    });
  });

  it('exits 124 when it has waited long enough, and the run ends all the same', async () => {
    const handle = await begin('long-1');
    expect(await cli('cancel long-1 --wait 0')).toMatchObject({
      ...{ code: 124, stdout: 'long-1: it was asked to end, and has not within 0 ms\n' },
    });
    expect((await handle.result).status).toBe('cancelled');
  });

  it('exits 0 for a run that had ended', async () => {
    const handle = await begin('long-1');
    handle.cancel();
    await handle.result;
    const { code, stdout } = await cli('cancel long-1');
    expect([code, stdout]).toEqual([0, 'long-1: it had ended before: cancelled\n']);
  });

  it.each(['cancel', 'cancel long-1 --wait soon', 'cancel long-1 --wait 1e9'])(
    '%s is refused',
    async (words) => {
      expect((await cli(words)).code).toBe(2);
    },
  );
});

describe('reconcile', () => {
  it('says what it would do, and touches nothing, with --dry-run', async () => {
    await leave('left-1');
    const { code, stdout } = await cli('reconcile --dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^would be finished run left-1: process \d+ is gone\n1 would be done, 0 left alone\n$/,
    );
    expect((await store().get('left-1'))?.end).toBeNull();
  });

  it('does it, and gives the report as JSON', async () => {
    await leave('left-1');
    const { code, stdout } = await cli('reconcile --json');
    expect(code).toBe(0);
    expect(parsed(stdout)).toMatchObject({
      dryRun: false,
      actions: [{ action: 'finished', what: 'run', name: 'left-1', problem: null }],
    });
    expect((await store().get('left-1'))?.end).toMatchObject({ result: { reason: 'orphaned' } });
  });

  it('exits 1 for what could not be done, and names what it left alone', async () => {
    await leave('left-1');
    // As a process left it that was publishing where this command cannot reach.
    const publication = { mountId: 'out', transactionId: 't', objects: [], metadata: {} };
    await store().append('left-1', {
      name: 'storing',
      attempt: 1,
      at: '2026-01-01T00:00:01.000Z',
      publication,
    });
    await mkdir(join(folder, 'root', 'run-stranger'), { recursive: true });
    const { code, stdout } = await cli('reconcile');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failed {4}run left-1: .*"out".*\n/m);
    expect(stdout).toMatch(/^left {6}workspace .*run-stranger: look_alike: /m);
    expect(stdout).toMatch(/\n0 done, 1 failed, 1 left alone\n$/);
  });
});

describe('an engine that is away', () => {
  it.each(['ps', 'reconcile'])('is 125 for %s', async (words) => {
    const engine = fakeEngine({ fail: [{ call: 'containers.list' }] });
    expect((await cli(words, { ports: { engine } })).code).toBe(125);
  });
});

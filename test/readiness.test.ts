/** Whether a runtime says truly that it would take a run, and what it asks the engine for that. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EngineError } from 'berthkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { job, many } from './many-fixture.js';

const clockFrom = (
  start: number,
): { now: () => number; monotonic: () => number; advance(ms: number): void } => {
  let elapsed = 0;
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    advance(ms) {
      elapsed += ms;
    },
  };
};
const START = Date.parse('2026-01-02T03:04:05.000Z');

describe('readiness', () => {
  it('asks the engine at most once a minute, however many ask', async () => {
    const clock = clockFrom(START);
    const { runtime, engine } = await many({}, { ports: { clock } });
    const asked = (): number => engine.calls.filter(({ call }) => call === 'info').length;
    const answers = await Promise.all([runtime.readiness(), runtime.readiness(), runtime.readiness()]);
    expect(asked()).toBe(1);
    expect(answers[0]).toEqual({
      ready: true,
      reason: null,
      checkedAt: '2026-01-02T03:04:05.000Z',
      details: {
        engine: expect.objectContaining({ name: 'fake', cpus: 64 }) as object,
        doctor: null,
        warnings: [expect.stringContaining('policy.images.allow is empty')],
      },
    });
    clock.advance(59_999);
    expect(await runtime.readiness()).toEqual(answers[0]);
    expect(asked()).toBe(1);
    clock.advance(1);
    expect((await runtime.readiness()).checkedAt).toBe('2026-01-02T03:05:05.000Z');
    expect(asked()).toBe(2);
  });

  it('does not remember that the engine could not be reached', async () => {
    const { runtime, engine } = await many();
    engine.goAway();
    const answers = await Promise.all([runtime.readiness(), runtime.readiness()]);
    expect(engine.calls.filter(({ call }) => call === 'info')).toHaveLength(1);
    for (const answer of answers) {
      expect(answer).toMatchObject({
        ready: false,
        reason: 'the fake engine is away',
        details: { engine: null },
      });
    }
    engine.comeBack();
    expect(await runtime.readiness()).toMatchObject({ ready: true });
  });

  it('forgets a good answer when a run could not reach the engine', async () => {
    const { runtime, engine } = await many();
    expect(await runtime.readiness()).toMatchObject({ ready: true });
    engine.goAway();
    await expect(runtime.runJob(job('a'))).rejects.toMatchObject({ code: 'engine.unreachable' });
    expect(await runtime.readiness()).toMatchObject({ ready: false, reason: 'the fake engine is away' });
    engine.comeBack();
  });

  it('knows by itself that it is paused, full or closed, without asking the engine', async () => {
    const { runtime, gate, engine } = await many({ maxConcurrentRuns: 1, maxQueuedRuns: 1 });
    expect(await runtime.readiness()).toMatchObject({ ready: true });
    const before = engine.calls.filter(({ call }) => call === 'info').length;
    runtime.pause();
    expect(await runtime.readiness()).toMatchObject({ ready: false, reason: 'the runtime is paused' });
    runtime.resume();
    expect(await runtime.readiness()).toMatchObject({ ready: true });
    const [a, b] = ['a', 'b'].map((name) => runtime.startJob(job(name)));
    await gate.reached(1);
    expect(await runtime.readiness()).toMatchObject({
      ready: false,
      reason: 'the queue is full: 1 runs are running, 1 are waiting',
    });
    gate.openAll();
    await Promise.all([a?.result, b?.result]);
    expect(await runtime.readiness()).toMatchObject({ ready: true });
    await runtime.close();
    expect(await runtime.readiness()).toMatchObject({ ready: false, reason: 'the runtime is closed' });
    expect(engine.calls.filter(({ call }) => call === 'info')).toHaveLength(before);
  });

  it('says what keeps runs from having a folder, and is true again once it is gone', async () => {
    const workspaceRoot = join(await mkdtemp(join(tmpdir(), 'berthkit-ready-')), 'root');
    onTestFinished(async () => rm(dirname(workspaceRoot), { recursive: true, force: true }));
    const { runtime, gate } = await many({ workspaceRoot });
    gate.openAll();
    const refused = async (why: RegExp): Promise<void> => {
      const { ready, reason } = await runtime.readiness();
      expect({ ready, reason }).toEqual({ ready: false, reason: expect.stringMatching(why) as string });
      await expect(runtime.runJob(job('a'))).rejects.toMatchObject({
        code: 'workspace.failed',
        message: expect.stringMatching(why) as string,
      });
    };
    await writeFile(workspaceRoot, '');
    await refused(/ENOTDIR/);
    await rm(workspaceRoot);
    expect(await runtime.readiness()).toMatchObject({ ready: true });
    await mkdir(workspaceRoot);
    await chmod(workspaceRoot, 0o777);
    await refused(/may be written to by others/);
    await chmod(workspaceRoot, 0o700);
    expect(await runtime.readiness()).toMatchObject({ ready: true });
  });

  it('warns of an open list of images each time, by the policy of now', async () => {
    const { runtime } = await many();
    for (let time = 0; time < 2; time += 1) {
      expect((await runtime.readiness()).details.warnings).toHaveLength(1);
    }
    runtime.updatePolicy({ images: { allow: ['busybox:*'] } });
    expect((await runtime.readiness()).details.warnings).toEqual([]);
  });

  it('is never a rejection, whatever the engine rejects with', async () => {
    for (const error of [new EngineError('engine.failed', 'broken'), new TypeError('odd')]) {
      const { runtime } = await many({}, { script: { fail: [{ call: 'info', error }] } });
      expect(await runtime.readiness()).toMatchObject({ ready: false, reason: error.message });
    }
  });
});

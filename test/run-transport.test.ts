/** How runs find out whether the engine sees their folder, on the fake engine: once, with proof, and never by a failure that says nothing of it. */
import { EngineError } from 'berthkit';
import type { EngineCall } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { DEFINITION, settle, type Setup, setUp, setUpUnseen } from './run-fixture.js';

const callsOf = ({ engine }: Setup, name: EngineCall): number =>
  engine.calls.filter(({ call }) => call === name).length;
const created = (setup: Setup): number => callsOf(setup, 'containers.create');
const isInVolumes = (setup: Setup): boolean => callsOf(setup, 'volumes.create') > 0;

/** Asked with the folder, without it, and with it again. */
const REFUSED_TWICE = 3;

const REFUSED_ONCE = [{ call: 'containers.create', times: 1 }] as const;

const NOT_THERE = new EngineError('engine.not_found', 'no');
const MARKER_MISSING = [{ call: 'containers.copyOut', times: 1, error: NOT_THERE }] as const;

describe('the transport is found out', () => {
  it('once: an engine that does not mount the folder gets volumes', async () => {
    const setup = setUp({ seesFiles: false });
    expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
    // The helper and the job.
    expect(created(setup)).toBe(REFUSED_TWICE + 2);
    expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
    expect(created(setup)).toBe(REFUSED_TWICE + 4);
    expect(isInVolumes(setup)).toBe(true);
    await setup.runtime.close();
    expect(setup.engine.leftovers()).toEqual([]);
  });

  it('once for all runs that begin together', async () => {
    const setup = setUp({ seesFiles: false });
    const runs = Array.from({ length: 4 }, async () => setup.runtime.runJob(DEFINITION));
    for (const result of await Promise.all(runs)) expect(result).toMatchObject({ status: 'succeeded' });
    expect(created(setup)).toBe(REFUSED_TWICE + 8);
    await setup.runtime.close();
    expect(setup.engine.leftovers()).toEqual([]);
  });

  it.each<[string, () => Setup, number]>([
    ['refuses to show it', () => setUpUnseen(), 2],
    ['has no volumes', () => setUpUnseen({ volumes: false }), 1],
    ['says that it sees it', () => setUp(), 1],
    ['refuses one creation, whatever for', () => setUpUnseen({ fail: REFUSED_ONCE }), 4],
    [
      'refuses what it made all the same',
      () => setUpUnseen({ fail: [{ ...REFUSED_ONCE[0], when: 'after' }] }),
      4,
    ],
    [
      'knows no such call',
      () => setUpUnseen({ fail: MARKER_MISSING }, {}, () => ({ lookAt: async () => Promise.resolve(null) })),
      2,
    ],
  ])('to be a folder where the engine %s', async (_, make, containers) => {
    const setup = make();
    expect(await settle(setup)).toMatchObject({ status: 'succeeded' });
    expect(created(setup)).toBe(containers);
    expect(isInVolumes(setup)).toBe(false);
  });

  it('to be a volume where the engine shows another folder', async () => {
    const setup = setUpUnseen({ fail: MARKER_MISSING }, {}, ({ containers }) => ({
      lookAt: async (id, path, options) =>
        path === '/' ? 'directory' : ((await containers.lookAt?.(id, path, options)) ?? null),
    }));
    expect(await settle(setup)).toMatchObject({ status: 'succeeded' });
    expect(isInVolumes(setup)).toBe(true);
  });

  it('again, where somebody removed the container that was to show it', async () => {
    let isThere = true;
    const setup = setUpUnseen({}, {}, ({ containers }) => ({
      copyOut: async (id) => {
        if (isThere) await containers.remove(id);
        throw isThere ? NOT_THERE : new EngineError('engine.failed', 'no');
      },
    }));
    await expect(setup.runtime.runJob(DEFINITION)).rejects.toMatchObject({ code: 'engine.not_found' });
    isThere = false;
    expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
    expect(isInVolumes(setup)).toBe(false);
    await setup.runtime.close();
    expect(setup.engine.leftovers()).toEqual([]);
  });

  it('not at all where it is set', async () => {
    const setup = setUpUnseen({}, { workspace: { transport: 'bind' } });
    expect(await settle(setup)).toMatchObject({ status: 'succeeded' });
    expect(created(setup)).toBe(1);
  });

  it.each([
    ['was away', 'engine.unreachable', 1],
    ['refused every container', 'engine.failed', 2],
  ] as const)('again, where the engine %s', async (_, code, times) => {
    const error = new EngineError(code, 'no');
    const setup = setUpUnseen({ fail: [{ call: 'containers.create', times, error }] });
    await expect(setup.runtime.runJob(DEFINITION)).rejects.toMatchObject({ code });
    const before = created(setup);
    expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
    expect(created(setup) - before).toBe(2);
    expect(isInVolumes(setup)).toBe(false);
    await setup.runtime.close();
    expect(setup.engine.leftovers()).toEqual([]);
  });

  it('by the next one where the first was cancelled meanwhile', async () => {
    const setup = setUpUnseen({ fail: [{ call: 'containers.copyOut', hang: true, times: 1 }] });
    const first = setup.runtime.startJob(DEFINITION);
    await expect.poll(() => callsOf(setup, 'containers.copyOut')).toBe(1);
    const second = setup.runtime.startJob(DEFINITION);
    const third = setup.runtime.startJob(DEFINITION);
    third.cancel();
    expect(await third.result).toMatchObject({ status: 'cancelled' });
    first.cancel();
    expect(await first.result).toMatchObject({ status: 'cancelled' });
    expect(await second.result).toMatchObject({ status: 'succeeded' });
    await setup.runtime.close();
    expect(setup.engine.leftovers()).toEqual([]);
  });

  it('by all who waited at once where the first failed: an engine may be silent for long', async () => {
    const setup = setUpUnseen({ fail: [{ call: 'containers.copyOut', hang: true, times: 3 }] });
    const runs = [setup.runtime.startJob(DEFINITION)];
    await expect.poll(() => callsOf(setup, 'containers.copyOut')).toBe(1);
    runs.push(setup.runtime.startJob(DEFINITION), setup.runtime.startJob(DEFINITION));
    await expect.poll(() => runs.map((run) => run.summary().phase)).toEqual(['stage', 'stage', 'stage']);
    runs[0]?.cancel();
    await expect.poll(() => callsOf(setup, 'containers.copyOut')).toBe(3);
    for (const { cancel } of runs) cancel();
    for (const { result } of runs) expect(await result).toMatchObject({ status: 'cancelled' });
    expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
    await setup.runtime.close();
    expect(setup.engine.leftovers()).toEqual([]);
  });
});

describe('what an explanation says of volumes', () => {
  const notes = ({ runtime }: Setup): readonly string[] =>
    runtime.explain(DEFINITION).pending.filter((note) => note.includes('volumes of the engine'));
  const UNKNOWN = [expect.stringMatching(/^where the engine does not see workspaceRoot, volumes/)];

  it('depends on the engine until a run has found out', async () => {
    const unseen = setUp({ seesFiles: false });
    expect(notes(unseen)).toEqual(UNKNOWN);
    expect(await unseen.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
    expect(notes(unseen)).toEqual([expect.stringMatching(/^volumes of the engine take/)]);
    await unseen.runtime.close();

    const undecided = setUpUnseen();
    expect(notes(undecided)).toEqual(UNKNOWN);
    expect(await undecided.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
    expect(notes(undecided)).toEqual([]);
    await undecided.runtime.close();
  });

  it('depends on it still after a failure that says nothing', async () => {
    const error = new EngineError('engine.unreachable', 'no');
    const setup = setUpUnseen({ fail: [{ call: 'containers.create', times: 1, error }] });
    await expect(setup.runtime.runJob(DEFINITION)).rejects.toMatchObject({ code: 'engine.unreachable' });
    expect(notes(setup)).toEqual(UNKNOWN);
    await setup.runtime.close();
  });

  it.each<[string, () => Setup]>([
    ['has none', () => setUpUnseen({ volumes: false })],
    ['says that it sees the folder', () => setUp()],
  ])('is nothing where the given engine %s', async (_what, make) => {
    const setup = make();
    expect(notes(setup)).toEqual([]);
    await setup.runtime.close();
  });
});

describe('a folder that is to be mounted and that the engine does not have', () => {
  it.each([
    ['workspaceRoot', null],
    ['hostWorkspaceRoot', '/elsewhere'],
  ])('is named, with what to do about it, and not tried again: %s', async (field, hostWorkspaceRoot) => {
    const setup = setUp({ seesFiles: false }, {}, { workspace: { transport: 'bind' }, hostWorkspaceRoot });
    expect(await settle(setup)).toMatchObject({
      code: 'engine.unsupported',
      retryable: false,
      message: expect.stringMatching(
        new RegExp(`^${field}: the engine does not see ${hostWorkspaceRoot ?? ''}.*/workspace`),
      ) as string,
      hint: expect.stringContaining('the path at which the engine’s host has workspaceRoot') as string,
      details: { field },
    });
  });

  it('is named where it is that of secrets', async () => {
    const error = new EngineError('engine.failed', 'no', { details: { missingSource: '/dev/shm/b/s-1' } });
    const setup = setUp({ fail: [{ call: 'containers.create', error }] });
    expect(await settle(setup)).toMatchObject({
      code: 'engine.unsupported',
      message: 'secretsRoot: the engine does not see /dev/shm/b/s-1, which is to be mounted',
      details: { field: 'secretsRoot' },
    });
  });
});

/** The file store survives writers that died at any moment, leaves alone what is not its own, and trusts no folder others may write to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { bundleProgram } from '../../scripts/bundle-program.js';
import { fileRunStore } from '../../src/run-store/file.js';
import { memoryRunStore } from '../../src/run-store/memory.js';
import type { NewRun, RunStore } from '../../src/run-store/types.js';
import type { RunPlan } from '../../src/plan/run-plan.js';
import { failedWith, KEEP } from '../../src/testing/run-store-trial.js';
import { isRoot, scratch } from '../host/scratch.js';

const newRun = (fields: Partial<NewRun> = {}): NewRun => ({
  runId: 'r1',
  key: null,
  requestHash: 'h',
  instance: 'here',
  owner: 'o',
  jobSlug: null,
  metadata: {},
  startedAt: '2026-01-01T00:00:00.000Z',
  plan: { schemaVersion: 1 } as RunPlan,
  ...fields,
});
const started = { name: 'started', attempt: 1, at: '2026-01-01T00:00:01.000Z' } as const;
const LATER = '2027-01-01T00:00:00.000Z';

async function made(): Promise<{ readonly folder: string; readonly store: RunStore }> {
  const folder = join(await scratch(), 'state');
  return { folder, store: fileRunStore(folder) };
}

describe('a writer that died', () => {
  it('in the middle of a line harms nothing but that line', async () => {
    const { folder, store } = await made();
    await store.putIfAbsent(newRun());
    await store.append('r1', started);
    await appendFile(join(folder, 'open', 'run-r1.jsonl'), '\n{"step":{"name":"exited","att');
    await store.append('r1', { ...started, name: 'collected' });
    expect((await store.get('r1'))?.steps.map(({ name }) => name)).toEqual(['started', 'collected']);
  });

  it('in the middle of the end leaves the run open', async () => {
    const { folder, store } = await made();
    await store.putIfAbsent(newRun());
    await appendFile(join(folder, 'open', 'run-r1.jsonl'), '\n{"end":{"outcome":"err');
    expect(await store.listOpen({ instance: 'here' })).toHaveLength(1);
    expect(await store.end('r1', failedWith('x'), KEEP)).toBe(true);
    expect((await fileRunStore(folder).get('r1'))?.end).toEqual(failedWith('x'));
  });

  it.each([true, false])('after the end, before the run was moved: key kept: %s', async (keepsKey) => {
    const { folder, store } = await made();
    await store.putIfAbsent(newRun({ key: 'k' }));
    await store.end('r1', failedWith('x'), { ...KEEP, keepsKey });
    // As it was between the two: the key file is there, too.
    await rename(join(folder, 'ended', 'run-r1.jsonl'), join(folder, 'open', 'run-r1.jsonl'));
    const [keyName = 'none'] = await readdir(join(folder, 'keys'));
    if (!keepsKey) {
      expect(keyName).toBe('none');
      await store.putIfAbsent(newRun({ runId: 'name', key: 'k' }));
      const [name = ''] = await readdir(join(folder, 'keys'));
      await store.end('name', failedWith('y'), KEEP);
      await writeFile(join(folder, 'keys', name), 'r1');
    }
    expect(await store.listOpen({ instance: 'here' })).toEqual([]);
    const standing = await store.putIfAbsent(newRun({ runId: 'r2', key: 'k' }));
    expect(standing?.runId).toBe(keepsKey ? 'r1' : undefined);
    // The id is free, too.
    expect(await store.putIfAbsent(newRun({ requestHash: 'again' }))).toBeNull();
    expect((await store.get('r1'))?.requestHash).toBe('again');
  });

  it('after it forgot a run, before it gave up the key, blocks the key for nobody', async () => {
    const { folder, store } = await made();
    await store.putIfAbsent(newRun({ key: 'k' }));
    await store.end('r1', failedWith('x'), KEEP);
    await rename(join(folder, 'ended', 'run-r1.jsonl'), join(folder, 'ended', '.gone'));
    expect(await store.putIfAbsent(newRun({ runId: 'r2', key: 'k' }))).toBeNull();
  });

  it('leaves drafts, which are gone when they are old', async () => {
    const { folder, store } = await made();
    await store.putIfAbsent(newRun());
    const drafts = ['0', '1'].map((last) =>
      join(folder, 'open', `.0123456-89ab-cdef-0123-456789abcde-${last}`),
    );
    for (const draft of drafts) await writeFile(draft, 'half');
    await utimes(drafts[0] ?? '', 0, 0);
    await store.forget(new Date(Date.now() - 60_000).toISOString());
    expect((await readdir(join(folder, 'open'))).sort()).toHaveLength(2);
  });

  it('by SIGKILL while it claimed and ended runs leaves a store that can be read and used', async () => {
    const { folder, store } = await made();
    const program = await bundleProgram(new URL('./writing-program.ts', import.meta.url));
    for (const round of [0, 1, 2]) {
      const child: ChildProcess = spawn(process.execPath, [program, folder, `round-${String(round)}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      if (child.stdout !== null) await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await exited;
    }
    for (const run of await store.listOpen({ instance: 'here' })) {
      expect(await store.end(run.runId, failedWith('x'), { ...KEEP, keepsKey: false })).toBe(true);
      expect(await store.putIfAbsent({ ...run, runId: `${run.runId}-again` })).toBeNull();
    }
    await store.forget(LATER);
    expect(await readdir(join(folder, 'ended'))).toEqual([]);
  });
});

describe('what is not its own', () => {
  it('is passed over and left', async () => {
    const { folder, store } = await made();
    await store.putIfAbsent(newRun());
    const open = join(folder, 'open');
    await writeFile(join(open, 'notes.jsonl'), 'hello');
    await writeFile(join(open, 'run-x.jsonl'), '{"run":{"runId":5}}\n{"run":5}\nnull\n{"step":7}');
    await writeFile(join(open, 'run-copy.jsonl'), await readFile(join(open, 'run-r1.jsonl')));
    await mkdir(join(open, 'run-folder.jsonl'));
    await writeFile(join(folder, 'leases', 'x.json'), '{"instance":"here"');
    const names = await readdir(open);
    expect((await store.listOpen({ instance: 'here' })).map(({ runId }) => runId)).toEqual(['r1']);
    expect(await store.listLeases('here')).toEqual([]);
    await store.forget(LATER);
    expect((await readdir(open)).sort()).toEqual(names.sort());
  });

  it('keeps a run whose place it takes from being claimed, with an error', async () => {
    const { folder, store } = await made();
    await store.putIfAbsent(newRun());
    await writeFile(join(folder, 'open', 'run-x.jsonl'), 'hello');
    await expect(store.putIfAbsent(newRun({ runId: 'x' }))).rejects.toThrow(/run x cannot be read/);
  });
});

describe('its folder', () => {
  it('and all in it are for this user alone', async () => {
    const { folder, store } = await made();
    await store.putIfAbsent(newRun({ key: 'k' }));
    for (const path of [folder, ...['open', 'ended', 'keys', 'leases'].map((name) => join(folder, name))]) {
      expect((await stat(path)).mode & 0o777, path).toBe(0o700);
    }
    expect((await stat(join(folder, 'open', 'run-r1.jsonl'))).mode & 0o777).toBe(0o600);
  });

  it('is refused when others may write to it, when it is a link, and can be used when that is mended', async () => {
    const { folder, store } = await made();
    await mkdir(folder);
    await chmod(folder, 0o777);
    await expect(store.putIfAbsent(newRun())).rejects.toThrow(/may be written to by others/);
    const linked = `${folder}-link`;
    await symlink(folder, linked);
    await expect(fileRunStore(linked).putIfAbsent(newRun())).rejects.toThrow(/not a folder itself|EEXIST/);
    await chmod(folder, 0o700);
    expect(await store.putIfAbsent(newRun())).toBeNull();
  });

  it('is never outside of what it was given, whatever a run is called', async () => {
    const { folder, store } = await made();
    for (const runId of ['../../x', 'a/b', '.', '', 'ä'.repeat(300)]) {
      expect(await store.putIfAbsent(newRun({ runId }))).toBeNull();
      expect((await store.get(runId))?.runId).toBe(runId);
    }
    expect(await readdir(join(folder, '..'))).toEqual(['state']);
  });

  it.skipIf(!isRoot)('of another user is refused', async () => {
    const { folder, store } = await made();
    await mkdir(folder, { mode: 0o700 });
    const { chown } = await import('node:fs/promises');
    await chown(folder, 12_345, 12_345);
    await expect(store.putIfAbsent(newRun())).rejects.toThrow(/belongs to uid 12345/);
  });
});

it('the memory store forgets the oldest of too many ended runs, with their keys', async () => {
  const store = memoryRunStore({ maxEnded: 2 });
  for (const runId of ['a', 'b', 'c']) {
    await store.putIfAbsent(newRun({ runId, key: runId }));
    await store.end(runId, failedWith(runId), KEEP);
  }
  expect(await store.get('a')).toBeNull();
  expect(await store.putIfAbsent(newRun({ runId: 'd', key: 'a' }))).toBeNull();
  expect((await store.putIfAbsent(newRun({ runId: 'e', key: 'c' })))?.end).toEqual(failedWith('c'));
});

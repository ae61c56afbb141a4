/** How many uploads go at a time, and which outputs go nowhere. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter } from '../../src/storage/types.js';
import { at, collect, to } from './collect-fixture.js';
import { makeWorkspace } from './plan-fixture.js';

const NAMES = ['a', 'b', 'c', 'd'] as const;

async function workspaceWith(names: readonly string[]) {
  const workspace = await makeWorkspace();
  for (const name of names) writeFileSync(at(workspace, name), name);
  return workspace;
}

describe('uploads', () => {
  it.each([
    [3, 3],
    [1, 1],
    [0, 1],
  ])('go as many at a time as they may: of %i, %i', async (concurrency, expected) => {
    const { stat, list, read, write } = memoryStorage();
    let writing = 0;
    let most = 0;
    let begun = 0;
    const counting: StorageAdapter['write'] = async (path, body, options) => {
      begun += 1;
      most = Math.max(most, (writing += 1));
      // None of the first ends before all that may go together have begun.
      await vi.waitUntil(() => begun >= expected, { timeout: 60_000 });
      const entry = await write(path, body, options);
      writing -= 1;
      return entry;
    };
    const outputs = NAMES.map((workspacePath) => ({ workspacePath, upload: to(workspacePath) }));
    const storage = { 5: { stat, list, read, write: counting } };
    const { failure } = await collect(await workspaceWith(NAMES), outputs, { storage, concurrency });
    expect(failure).toBeNull();
    expect(most).toBe(expected);
  });
});

describe('an output that goes nowhere', () => {
  it('is done once it is found, and neither failed nor held back with others', async () => {
    const { stat, list, read } = memoryStorage();
    const write = async (): Promise<never> => Promise.reject(new Error('no room'));
    const outputs = [
      { workspacePath: 'a', upload: null },
      { workspacePath: 'b', upload: to('b') },
    ];
    const { reports, failure } = await collect(await workspaceWith(['a', 'b']), outputs, {
      storage: { 5: { stat, list, read, write } },
    });
    expect(reports.map(({ state, files }) => [state, files[0]?.uploaded])).toEqual([
      ['uploaded', null],
      ['failed', null],
    ]);
    expect(failure?.message).toMatch(/^1 of 2 outputs could not be stored: output "b": .*no room$/);
  });
});

describe('two outputs for one place', () => {
  const templates = (overwrite: boolean) =>
    ['a', 'b', 'c'].map((workspacePath) => ({
      workspacePath,
      upload: to(workspacePath === 'c' ? 'else' : 'same', { overwrite }),
    }));

  it.each([true, false])(
    'are refused before anything is stored: neither takes the place of the other (overwrite: %s)',
    async (overwrite) => {
      const memory = memoryStorage();
      const { reports, failure } = await collect(await workspaceWith(NAMES), templates(overwrite), {
        storage: { 5: memory },
      });
      expect(memory.files()).toEqual({});
      expect(reports.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed']);
      expect(failure).toMatchObject({
        code: 'storage.exists',
        hint: expect.stringContaining('path template') as unknown,
      });
      expect(failure?.message).toContain(
        'output "b": storage "5", "same": "a" goes there, too; the others were held back with them',
      );
    },
  );

  it('are refused where one is a folder that holds a file of that name', async () => {
    const workspace = await makeWorkspace();
    mkdirSync(at(workspace, 'd'));
    for (const name of ['d/b', 'other']) writeFileSync(at(workspace, name), name);
    const memory = memoryStorage();
    const outputs = [
      { workspacePath: 'd', upload: to('out', { overwrite: true }) },
      { workspacePath: 'other', upload: to('out/b', { overwrite: true }) },
    ];
    const { failure } = await collect(workspace, outputs, { storage: { 5: memory } });
    expect(failure?.code).toBe('storage.exists');
    expect(memory.files()).toEqual({});
  });

  it('are one object where they are one file, stored once and reported for both', async () => {
    const { begin, ...memory } = memoryStorage();
    expect(begin).toBeDefined();
    const written: string[] = [];
    const write: StorageAdapter['write'] = async (path, body, told) => {
      if (path === 'a') written.push(path);
      return memory.write(path, body, told);
    };
    const outputs = ['*', 'a'].map((workspacePath) => ({ workspacePath, upload: 'caller' as const }));
    const { reports, failure } = await collect(await workspaceWith(['a', 'b']), outputs, {
      outputTo: { ...memory, write },
    });
    expect(failure).toBeNull();
    expect(reports.map(({ files }) => files.map(({ uploaded }) => uploaded?.path))).toEqual([
      ['a', 'b'],
      ['a'],
    ]);
    expect(written).toEqual(['a']);
  });
});

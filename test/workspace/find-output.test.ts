/** What stands at the place of an output, and what it is called when it cannot be taken. */
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { OutputRequest } from '../../src/plan/container-spec.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { OutputBringer } from '../../src/workspace/bring-output.js';
import { openBelow } from '../host/scratch.js';
import { at, collect, to } from './collect-fixture.js';
import { makeWorkspace } from './plan-fixture.js';

/** A workspace with a file, a folder and a link. */
async function filled() {
  const workspace = await makeWorkspace();
  mkdirSync(at(workspace, 'folder'));
  for (const path of ['file', 'folder/a']) writeFileSync(at(workspace, path), path);
  symlinkSync('folder', at(workspace, 'link'));
  return workspace;
}

const collectOne = async (output: Partial<OutputRequest>, options: Parameters<typeof collect>[2] = {}) => {
  const workspace = await filled();
  const storage = { 5: memoryStorage() };
  const { reports, rejected, missing } = await collect(workspace, [output], { storage, ...options });
  expect(await openBelow(workspace.path)).toEqual([]);
  return { report: reports[0], rejected, missing };
};

describe('an output', () => {
  it.each([
    ['file', 'file'],
    ['folder', 'directory'],
  ] as const)('that is what the definition wants is taken: %s', async (workspacePath, mode) => {
    const { report } = await collectOne({ workspacePath, upload: to('x', { mode }) });
    expect(report).toMatchObject({ state: 'uploaded', type: mode });
  });

  it.each([
    ['file', 'directory', 'is a file where the definition wants a folder'],
    ['folder', 'file', 'is a folder where the definition wants a file'],
  ] as const)('that is something else is refused: %s for %s', async (workspacePath, mode, reason) => {
    const { report, rejected } = await collectOne({ workspacePath, upload: to('x', { mode }) });
    expect(report).toMatchObject({ state: 'rejected', type: mode === 'file' ? 'directory' : 'file' });
    expect(rejected).toEqual([{ workspacePath, cause: 'kind', reason }]);
  });

  it.each([['EACCES'], ['EPERM']])('that this process may not read is refused (%s)', async (code) => {
    const { rejected } = await collectOne({ workspacePath: 'file' }, { bring: failing(code) });
    expect(rejected).toEqual([
      { workspacePath: 'file', cause: 'kind', reason: 'may not be read by the user of this process' },
    ]);
  });

  it('that the disk does not give is a failure, and not one of the job', async () => {
    const work = collectOne({ workspacePath: 'file' }, { bring: failing('EIO') });
    await expect(work).rejects.toMatchObject({ message: expect.stringContaining('EIO') as string });
  });
});

/** Meets what the tests, as root, would not: no file is closed to root. */
const failing = (code: string): OutputBringer => ({
  bring: async () => Promise.reject(Object.assign(new Error(code), { code })),
  close: async () => Promise.resolve(),
});

describe('a glob', () => {
  it('is told as one', async () => {
    const { report } = await collectOne({ workspacePath: 'folder/*' });
    expect(report).toMatchObject({ state: 'uploaded', type: 'glob', files: [{ path: 'folder/a' }] });
  });

  it.each([['none/*'], ['file/*'], ['file/none/*'], ['folder/*.txt']])(
    'has nothing where nothing can match: %s',
    async (workspacePath) => {
      const { rejected, missing } = await collectOne({ workspacePath });
      expect([rejected, missing]).toEqual([[], [workspacePath]]);
    },
  );

  it('has nothing in a folder that was mounted', async () => {
    const workspace = await filled();
    const { dev, ino } = statSync(at(workspace, 'folder'));
    const placeholders = new Set([`${String(dev)}:${String(ino)}`]);
    const { missing } = await collect(workspace, [{ workspacePath: 'folder/*' }], { placeholders });
    expect(missing).toEqual(['folder/*']);
  });

  it('is refused where its folders begin with a link', async () => {
    const { rejected } = await collectOne({ workspacePath: 'link/*' });
    const reason = 'has a symbolic link in its path, which is never followed';
    expect(rejected).toEqual([{ workspacePath: 'link/*', cause: 'kind', reason }]);
  });
});

/** A local folder is copied as it is met: folder by folder, counted by its name in the workspace, without what goes away meanwhile. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDirectory } from '../../src/host/node.js';
import type { PlannedLimits } from '../../src/plan/run-plan.js';
import { createBudget } from '../../src/workspace/budget.js';
import { copyLocalFolder } from '../../src/workspace/copy-local.js';
import type { StagedInputs } from '../../src/workspace/stage.js';
import { noSignal, openBelow, scratch } from '../host/scratch.js';
import { makeWorkspace, OWN_USER, planOf, stageInputs, stageOptions } from './plan-fixture.js';

/** A folder with files that hold their own paths. */
async function folderWith(...paths: readonly string[]): Promise<string> {
  const local = await scratch();
  for (const path of paths) {
    mkdirSync(join(local, path, '..'), { recursive: true });
    writeFileSync(join(local, path), path);
  }
  return local;
}

async function stageFolder(local: string, limits: Partial<PlannedLimits> = {}) {
  const workspace = await makeWorkspace();
  const options = stageOptions({ files: { own: '', src: { path: local } } });
  const staged: StagedInputs = await stageInputs(workspace, planOf({ limits }), options);
  return { staged, at: (path: string) => readFileSync(join(workspace.workspacePath, 'src', path), 'utf8') };
}

describe('a local folder', () => {
  it('has each file where it was, however alike the names are', async () => {
    const paths = ['a/x/1', 'a/x/x', 'b/x/1', 'b/x/2', 'b/x/x/x', 'c/1', 'x/x'];
    const { staged, at } = await stageFolder(await folderWith(...paths));
    for (const path of paths) expect(at(path)).toBe(path);
    expect(staged.given[1]).toMatchObject({ files: paths.length, sizeBytes: paths.join('').length });
  });

  it.each<[Partial<PlannedLimits>, string]>([
    [{ fileBytes: 3 }, 'files "src" has 4 bytes, more than the limit of 3 (maxFileBytes)'],
    [
      { entries: 3 },
      'with files "src" there are 4 files and folders, more than the limit of 3 (outputs.maxEntries)',
    ],
  ])('counts by its name in the workspace: %j', async (limits, message) => {
    const local = await folderWith('sub/1', 'sub/22');
    writeFileSync(join(local, 'sub/1'), '4444');
    writeFileSync(join(local, 'sub/22'), '1');
    const work = stageFolder(local, limits);
    await expect(work).rejects.toMatchObject({ code: 'workspace.too_large', message });
    expect(await openBelow(local)).toEqual([]);
  });
});

describe('what goes away while a folder is copied', () => {
  /** Copies, and does something to the folder when so many entries of it were met. */
  async function copyWhile(local: string, entries: number, change: () => void) {
    const target = await scratch();
    const [source, workspace] = [await openDirectory(local), await openDirectory(target)];
    onTestFinished(async () => {
      await source.handle.close();
      await workspace.handle.close();
    });
    const { limits } = planOf({});
    const budget = createBudget(limits);
    let met = 0;
    const watched = {
      ...budget,
      addEntry: (what: string) => {
        budget.addEntry(what);
        if ((met += 1) === entries) change();
      },
    };
    const context = {
      ...{ workspace, user: OWN_USER, budget: watched, limits },
      ...{ concurrency: 2, isHashed: false, signal: noSignal() },
    };
    const { files } = await copyLocalFolder('src', ['src'], source, false, context);
    expect(await openBelow(local)).toEqual([local]);
    expect(await openBelow(target)).toEqual([target]);
    return { copied: files.map(({ path }) => path), there: readdirSync(target, { recursive: true }).sort() };
  }

  it('is left out: a file that is gone, or a folder by now', async () => {
    for (const becomes of ['nothing', 'folder']) {
      const local = await folderWith('1', '2', '3');
      const { copied, there } = await copyWhile(local, 3, () => {
        rmSync(join(local, '2'));
        if (becomes === 'folder') mkdirSync(join(local, '2'));
      });
      expect(copied).toEqual(['1', '3']);
      expect(there).toEqual(['src', 'src/1', 'src/3']);
    }
  });

  it('is left out: a folder that is gone, or a file by now', async () => {
    for (const becomes of ['nothing', 'file']) {
      const local = await folderWith('a/1', 'b/1');
      const { copied } = await copyWhile(local, 4, () => {
        renameSync(join(local, 'a'), join(local, 'c'));
        if (becomes === 'file') writeFileSync(join(local, 'a'), '');
      });
      expect(copied).toEqual(['b/1']);
    }
  });
});

/** How far into a folder it is looked for outputs, and in which words what is found there is refused. */
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.js';
import { openBelow } from '../host/scratch.js';
import { at, collect } from './collect-fixture.js';
import { makeWorkspace } from './plan-fixture.js';

const LONG = 'n'.repeat(204);

describe('a folder of outputs', () => {
  it('is taken without the folders that were mounted into it, wherever they were moved', async () => {
    const workspace = await makeWorkspace();
    for (const path of ['out', 'out/mounted', 'out/own']) mkdirSync(at(workspace, path));
    for (const path of ['out/mounted/input', 'out/own/output']) writeFileSync(at(workspace, path), 'x');
    const { dev, ino } = statSync(at(workspace, 'out/mounted'));
    const placeholders = new Set([`${String(dev)}:${String(ino)}`]);
    const outputTo = memoryStorage();
    for (const workspacePath of ['out', 'out/**/*']) {
      const { reports } = await collect(workspace, [{ workspacePath }], { outputTo, placeholders });
      expect(reports[0]?.files.map(({ path }) => path)).toEqual(['out/own/output']);
    }
  });

  it('is not looked into where a glob cannot match: what is there does not count', async () => {
    const workspace = await makeWorkspace();
    for (const path of ['out', 'out/sub']) mkdirSync(at(workspace, path));
    for (const name of ['1', '2', '3', '4']) writeFileSync(join(at(workspace, 'out/sub'), name), '');
    writeFileSync(at(workspace, 'out/a.txt'), '');
    const limits = { entries: 2 };
    const { reports } = await collect(workspace, [{ workspacePath: 'out/*.txt' }], { limits });
    expect(reports[0]).toMatchObject({ state: 'uploaded', files: [{ path: 'out/a.txt' }] });
    const deeper = await collect(workspace, [{ workspacePath: 'out/**/*.txt' }], { limits });
    expect(deeper.rejected).toMatchObject([{ cause: 'limit' }]);
  });

  it.each<[string, (path: string) => void, object, object]>([
    [
      'with a path that is too long for any storage',
      (path) => {
        mkdirSync(join(path, LONG, LONG, LONG, LONG), { recursive: true });
        writeFileSync(join(path, LONG, LONG, LONG, LONG, LONG), '');
      },
      {},
      {
        cause: 'limit',
        reason: `holds "${[LONG, LONG, LONG, LONG, LONG].join('/')}", a path that must not be longer than 1024 bytes`,
      },
    ],
    [
      'that is too deep',
      (path) => {
        mkdirSync(join(path, 'a/b/c'), { recursive: true });
      },
      { depth: 2 },
      { cause: 'limit', reason: expect.stringContaining('nested deeper than 2 folders') as string },
    ],
    [
      'with a link, where links are refused',
      (path) => {
        symlinkSync('/etc', join(path, 'link'));
      },
      {},
      { cause: 'kind', reason: 'holds "link", which is a symbolic link' },
    ],
  ])('%s is refused in words', async (_, plant, limits, refusal) => {
    const workspace = await makeWorkspace();
    mkdirSync(at(workspace, 'out'));
    plant(at(workspace, 'out'));
    const output = { workspacePath: 'out', specialFiles: 'refuse' } as const;
    const { rejected } = await collect(workspace, [output], { limits });
    expect(rejected).toEqual([{ workspacePath: 'out', ...refusal }]);
    expect(await openBelow(workspace.path)).toEqual([]);
  });
});

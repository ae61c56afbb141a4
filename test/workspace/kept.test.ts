/** What is kept of a run lies in its folder with a note, lends nobody rights, is no larger than it may be, and is found again by whose it is. */
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Workspace } from '../../src/workspace/create.js';
import { type KeepOptions, keepWorkspace, listKept, removeKept } from '../../src/workspace/kept.js';
import { makeFifo, noSignal, openBelow, scratch } from '../host/scratch.js';
import { at } from './collect-fixture.js';
import { makeWorkspace } from './plan-fixture.js';

const OPTIONS = {
  ...{ runId: 'r1', attempt: 2, keptAt: '2024-01-02T03:04:05.000Z', instance: 'ours' },
  ...{ container: { id: 'c1', name: 'job-1' }, keepsFiles: true, maxBytes: 1_000 },
};
const keep = async (workspace: Workspace, options: Partial<KeepOptions> = {}) =>
  keepWorkspace(workspace, { ...OPTIONS, signal: noSignal(), ...options });
const list = async (root: string, instance = 'ours') => listKept(root, instance, noSignal());
const rootOf = (workspace: Workspace): string => dirname(workspace.path);
const putInput = async (workspace: Workspace, text: string): Promise<void> => {
  await (await workspace.openInputs()).handle.close();
  await writeFile(join(workspace.inputsPath, '0'), text);
};
const noteOf = (workspace: Workspace): string => join(workspace.path, 'kept.json');

describe('a run that is kept', () => {
  it('is noted with all that is needed to find and to remove it', async () => {
    const workspace = await makeWorkspace();
    await writeFile(at(workspace, 'f'), '12345');
    await mkdir(at(workspace, 'd'));
    await writeFile(at(workspace, 'd/g'), '678');
    await putInput(workspace, '90');
    // Our own, at the top, counts for nothing.
    await writeFile(join(workspace.path, 'owner'), 'x'.repeat(100));
    const kept = await keep(workspace);
    const { runId, attempt, keptAt, container } = OPTIONS;
    const { path } = workspace;
    expect(kept).toEqual({ runId, attempt, keptAt, container, folder: path, workspace: path, sizeBytes: 10 });
    expect(JSON.parse(await readFile(noteOf(workspace), 'utf8'))).toEqual({
      ...{ schemaVersion: 1, instance: 'ours', keepsFiles: true, sizeBytes: 10 },
      ...{ runId, attempt, keptAt, container },
    });
    expect((await stat(noteOf(workspace))).mode & 0o777).toBe(0o600);
    expect(await list(rootOf(workspace))).toEqual([kept]);
    expect(await readFile(at(workspace, 'd/g'), 'utf8')).toBe('678');
    expect(await openBelow(rootOf(workspace))).toEqual([]);
  });

  it('has no files if only the note is wanted, however many there were', async () => {
    const workspace = await makeWorkspace();
    await writeFile(at(workspace, 'f'), '12345');
    await putInput(workspace, '90');
    const kept = await keep(workspace, { keepsFiles: false, maxBytes: 0, container: null });
    expect(kept).toMatchObject({ folder: workspace.path, workspace: null, sizeBytes: 0, container: null });
    expect(await readdir(workspace.path)).toEqual(['kept.json']);
    expect(await list(rootOf(workspace))).toEqual([kept]);
  });

  it('lends nobody rights: set-user-id, set-group-id and sticky bits are taken away, and no other', async () => {
    const workspace = await makeWorkspace();
    const elsewhere = join(await scratch(), 'elsewhere');
    await writeFile(elsewhere, '');
    await chmod(elsewhere, 0o4755);
    await symlink(elsewhere, at(workspace, 'link'));
    await mkdir(at(workspace, 'd'));
    const modes = { suid: 0o4755, sgid: 0o2711, plain: 0o640, 'd/deep': 0o6500 };
    for (const [path, mode] of Object.entries(modes)) {
      await writeFile(at(workspace, path), '');
      await chmod(at(workspace, path), mode);
    }
    makeFifo(at(workspace, 'fifo'));
    await chmod(at(workspace, 'd'), 0o1775);
    await keep(workspace);
    for (const [path, mode] of Object.entries({ ...modes, d: 0o1775 })) {
      expect([path, (await stat(at(workspace, path))).mode & 0o7777]).toEqual([path, mode & 0o777]);
    }
    expect((await stat(elsewhere)).mode & 0o7777).toBe(0o4755);
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it('may have as many bytes as may be kept, and not one more', async () => {
    const workspace = await makeWorkspace();
    await writeFile(at(workspace, 'f'), '12345');
    await writeFile(at(workspace, 'sparse'), '');
    await truncate(at(workspace, 'sparse'), 995);
    expect(await keep(workspace)).toMatchObject({ sizeBytes: 1_000 });
    const other = await makeWorkspace();
    await writeFile(at(other, 'f'), 'x'.repeat(1_001));
    await expect(keep(other)).rejects.toMatchObject({
      code: 'workspace.too_large',
      message: 'it holds more than the 1000 bytes that may be kept (retention.maxBytes)',
    });
    expect(await openBelow(other.path)).toEqual([]);
  });

  it('has to be there, and is kept once', async () => {
    const workspace = await makeWorkspace();
    await keep(workspace);
    const problem = `${workspace.path} could not be kept: `;
    await expect(keep(workspace)).rejects.toMatchObject({
      code: 'workspace.failed',
      message: expect.stringContaining(problem) as string,
    });
    await workspace.remove();
    await expect(keep(workspace)).rejects.toMatchObject({ code: 'workspace.failed' });
    await expect(keep(workspace, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });
});

describe('what is kept beneath a root', () => {
  /** Folders of one root, each with a note. */
  async function manyKept(notes: readonly object[]): Promise<{ root: string; folders: readonly string[] }> {
    const root = await scratch();
    const folders = notes.map((_, index) => join(root, `run-${String(index)}`));
    for (const [index, note] of notes.entries()) {
      await mkdir(folders[index] ?? '');
      const facts = { ...OPTIONS, schemaVersion: 1, sizeBytes: 0, ...note };
      await writeFile(join(folders[index] ?? '', 'kept.json'), JSON.stringify(facts));
    }
    return { root, folders };
  }

  it('is told oldest first, and only what is of the instance', async () => {
    const { root, folders } = await manyKept([
      { runId: 'late', keptAt: '2024-03-01T00:00:00.000Z' },
      { runId: 'theirs', keptAt: '2024-01-01T00:00:00.000Z', instance: 'theirs' },
      { runId: 'early', keptAt: '2024-01-02T00:00:00.000Z', keepsFiles: false },
      { runId: 'between', keptAt: '2024-02-01T00:00:00.000Z' },
    ]);
    const kept = await list(root);
    expect(kept.map(({ runId }) => runId)).toEqual(['early', 'between', 'late']);
    expect(kept[0]).toMatchObject({ folder: folders[2], workspace: null });
    expect(kept[1]).toMatchObject({ folder: folders[3], workspace: folders[3] });
    expect((await list(root, 'theirs')).map(({ runId }) => runId)).toEqual(['theirs']);
    expect(await openBelow(root)).toEqual([]);
  });

  it('is not what has no note, one that cannot be read, or one that is none', async () => {
    const { root, folders } = await manyKept([{}, {}, {}, {}, {}]);
    const [whole, broken, large, link, fifo] = folders.map((folder) => join(folder, 'kept.json'));
    const text = await readFile(whole ?? '', 'utf8');
    await writeFile(broken ?? '', text.slice(1));
    await writeFile(large ?? '', text.padEnd(16 * 1024 + 1));
    for (const path of [link, fifo]) await rename(path ?? '', `${path ?? ''}.moved`);
    await symlink('kept.json.moved', link ?? '');
    makeFifo(fifo ?? '');
    await mkdir(join(root, 'run-none'));
    await mkdir(join(root, 'run-none/run-0'));
    await writeFile(join(root, 'run-none/run-0/kept.json'), text);
    await writeFile(join(root, 'kept.json'), text);
    expect((await list(root)).map(({ folder }) => folder)).toEqual([folders[0]]);
    await writeFile(large ?? '', text.padEnd(16 * 1024));
    expect((await list(root)).map(({ folder }) => folder)).toEqual([folders[0], folders[2]]);
    expect(await openBelow(root)).toEqual([]);
  });

  it('is nothing where no root is, and an error where the root is no folder', async () => {
    const root = await scratch();
    expect(await list(join(root, 'none'))).toEqual([]);
    await writeFile(join(root, 'f'), '');
    await expect(list(join(root, 'f'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(list(join(root, 'f/g'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('is removed with all that is in it, once or again, and nothing beside it', async () => {
    const { root, folders } = await manyKept([{}, {}]);
    const [first] = await list(root);
    if (first === undefined) throw new Error('nothing is kept');
    await removeKept(root, first, noSignal());
    await removeKept(root, first, noSignal());
    expect(await readdir(root)).toEqual([basename(folders[1] ?? '')]);
    await removeKept(join(root, 'none'), first, noSignal());
    expect(await openBelow(root)).toEqual([]);
  });
});

import { chownSync, statfsSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createSecretFiles,
  reopenSecretFiles,
  type SecretFilesOptions,
} from '../../src/workspace/secret-files.js';
import { isRoot, noSignal, openBelow, scratch } from '../host/scratch.js';
import { OWN_USER } from './plan-fixture.js';
import { mountSmall, smallFileSystem } from './small-file-system.js';

const VALUE = 'hunter2-hunter2\nsecond line\n';
const TMPFS = 0x01021994;
const MARK = { instance: 'here', owner: 'b007-1d.4026531836.1234.98765', runId: 'r1' };

/** A folder in memory that is gone after the test. */
async function memory(): Promise<string> {
  const path = await mkdtemp('/dev/shm/berthkit-test-');
  onTestFinished(async () => rm(path, { recursive: true, force: true }));
  return path;
}

const optionsIn = (root: string, more: Partial<SecretFilesOptions> = {}): SecretFilesOptions => ({
  root,
  allowDisk: false,
  mark: MARK,
  user: OWN_USER,
  values: new Map([
    ['TOKEN', VALUE],
    ['OTHER', 'x'],
  ]),
  signal: noSignal(),
  ...more,
});

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );

describe('createSecretFiles', () => {
  it('writes each value as it is into a file that its user alone may read, in a folder closed to others', async () => {
    const root = join(await memory(), 'made/here');
    const { path, verify } = await createSecretFiles(optionsIn(root));
    expect((await readdir(path)).sort()).toEqual(['OTHER', 'TOKEN']);
    expect(await readFile(join(path, 'TOKEN'), 'utf8')).toBe(VALUE);
    for (const name of ['TOKEN', 'OTHER']) {
      const { mode, uid, gid, nlink } = await stat(join(path, name));
      expect({ mode: mode & 0o7777, uid, gid, nlink }).toEqual({ mode: 0o400, nlink: 1, ...OWN_USER });
    }
    expect((await stat(path)).mode & 0o7777).toBe(0o500);
    expect((await stat(dirname(path))).mode & 0o7777).toBe(0o700);
    expect((await stat(root)).mode & 0o7777).toBe(0o700);
    expect(basename(dirname(path))).toMatch(/^secrets-[A-Za-z0-9]{6}$/);
    expect(JSON.parse(await readFile(join(dirname(path), 'owner.json'), 'utf8'))).toEqual(MARK);
    expect(statfsSync(path).type).toBe(TMPFS);
    await verify();
    expect(await openBelow(root)).toEqual([]);
  });

  it.runIf(isRoot)('gives the files, and not the folder around them, to the user of the run', async () => {
    const user = { uid: 65_534, gid: 65_533 };
    const { path } = await createSecretFiles(optionsIn(await memory(), { user }));
    for (const place of [path, join(path, 'TOKEN')]) expect(await stat(place)).toMatchObject(user);
    expect(await stat(dirname(path))).toMatchObject({ uid: 0, gid: 0 });
  });

  it('removes everything, as often as it is told to, and not what others have there', async () => {
    const root = await memory();
    const first = await createSecretFiles(optionsIn(root));
    const second = await createSecretFiles(optionsIn(root));
    await first.remove();
    await first.remove();
    expect(await readdir(root)).toEqual([basename(dirname(second.path))]);
    await rm(dirname(dirname(second.path)), { recursive: true });
    await second.remove();
  });

  it('leaves a folder alone that took its place, and does not let it be mounted', async () => {
    const root = await memory();
    const { path, verify, remove } = await createSecretFiles(optionsIn(root));
    await rename(dirname(path), join(root, 'moved'));
    await mkdir(path, { recursive: true });
    await expect(verify()).rejects.toMatchObject({ code: 'workspace.failed' });
    await remove();
    expect(statSync(path).isDirectory()).toBe(true);
  });

  it.runIf(statfsSync(tmpdir()).type !== TMPFS)(
    'writes to a disk only where that is allowed, and else says so and leaves nothing',
    async () => {
      const root = await scratch();
      const error = await failure(createSecretFiles(optionsIn(root)));
      expect(error).toMatchObject({
        code: 'secret.failed',
        message: `secrets are written to memory only, and ${root} does not lie on a tmpfs`,
        hint: expect.stringMatching(/secretsRoot.*policy\.secrets\.allowDisk/) as unknown,
      });
      expect(await readdir(root)).toEqual([]);
      const files = await createSecretFiles(optionsIn(root, { allowDisk: true }));
      expect(await readFile(join(files.path, 'TOKEN'), 'utf8')).toBe(VALUE);
      await files.remove();
      expect(await readdir(root)).toEqual([]);
    },
  );

  it('takes no root that others may write to or lead elsewhere', async () => {
    const outer = await memory();
    const open = join(outer, 'open');
    await mkdir(open);
    await chmod(open, 0o1777);
    await symlink(open, join(outer, 'link'));
    for (const [root, problem] of [
      [open, /the root of secret files .* may be written to by others/],
      [join(outer, 'link'), /is a symbolic link/],
    ] as const) {
      const error = await failure(createSecretFiles(optionsIn(root)));
      expect(error).toMatchObject({
        code: 'workspace.failed',
        message: expect.stringMatching(problem) as unknown,
      });
      expect(error).toMatchObject({ hint: expect.stringContaining('set secretsRoot') as unknown });
    }
    if (isRoot) {
      chownSync(open, 1234, 1234);
      await expect(createSecretFiles(optionsIn(open))).rejects.toThrow(/belongs to uid 1234/);
    }
    expect(await readdir(open)).toEqual([]);
  });

  it('leaves nothing behind when a file cannot be made or it is stopped, and does not repeat a value', async () => {
    const root = await memory();
    const names = new Map([
      ['TOKEN', VALUE],
      ['../TOKEN', VALUE],
    ]);
    const error = await failure(createSecretFiles(optionsIn(root, { values: names })));
    expect(error).toMatchObject({ code: 'workspace.failed' });
    expect(`${String(error)}${JSON.stringify(error)}`).not.toContain('hunter2');
    const stopping = new AbortController();
    const stopsMidway = function* (): Generator<readonly [string, string]> {
      yield ['TOKEN', VALUE];
      stopping.abort(new Error('stopped'));
      yield ['OTHER', VALUE];
    };
    const values = { [Symbol.iterator]: stopsMidway } as unknown as ReadonlyMap<string, string>;
    const stopped = await failure(createSecretFiles(optionsIn(root, { values, signal: stopping.signal })));
    expect(stopped).toMatchObject({ message: 'stopped' });
    expect(await readdir(root)).toEqual([]);
  });

  it('is found again by another process, and read as it was written', async () => {
    const made = await createSecretFiles(optionsIn(await memory()));
    const again = await reopenSecretFiles(made.place);
    expect([again.path, again.place]).toEqual([made.path, made.place]);
    expect(await again.read('TOKEN')).toBe(VALUE);
    await expect(again.read('NONE')).rejects.toMatchObject({ code: 'ENOENT' });
    for (const part of ['run', 'files'] as const) {
      const identity = { ...made.place.identity, [part]: '1:1' };
      const other = reopenSecretFiles({ ...made.place, identity });
      await expect(other).rejects.toMatchObject({ code: 'workspace.failed' });
    }
    await again.remove();
    await expect(made.verify()).rejects.toMatchObject({ code: 'workspace.failed' });
  });

  it.skipIf(!isRoot)('says what to do when there is no room in memory, and leaves nothing', async () => {
    const root = await smallFileSystem();
    const values = new Map([['LARGE', VALUE.repeat(500_000)]]);
    const error = await failure(createSecretFiles(optionsIn(root, { values })));
    expect(error).toMatchObject({
      code: 'secret.failed',
      message: expect.stringMatching(/^the files of secrets could not be made: ENOSPC/) as string,
      hint: 'give the tmpfs of secretsRoot more room, or set another secretsRoot',
    });
    expect(await readdir(root)).toEqual([]);
  });
});

describe('files of secrets that cannot be removed', () => {
  it('stay where that is given up', async () => {
    const files = await createSecretFiles(optionsIn(await memory()));
    const reason = new Error('enough');
    await expect(files.remove(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect((await readdir(files.path)).sort()).toEqual(['OTHER', 'TOKEN']);
  });

  it.runIf(isRoot)('are told of by their place, without a word of them', async () => {
    const files = await createSecretFiles(optionsIn(await memory()));
    const { path } = files.place;
    await mountSmall(join(path, 'busy'));
    const error = await failure(files.remove());
    expect(error).toMatchObject({
      code: 'secret.failed',
      message: expect.stringContaining(
        `${path}, which holds secrets, could not be removed completely: `,
      ) as string,
    });
    expect(String(error)).not.toContain('hunter2');
  });
});

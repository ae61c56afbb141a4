/** What a runtime remembers of its pulls: shared by processes, over a restart, whatever else lies there. */
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createPulledImages, type PulledImages } from '../../src/images/pulled-images.js';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
let root = '';
let nowMs = 0;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berthkit-pulled-'));
  nowMs = 1_700_000_000_000;
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});
const open = (instance = 'ours'): PulledImages =>
  createPulledImages({ folder: join(root, 'images', 'pulled'), instance, now: () => nowMs });

it('remembers names and the last use of each image, also for the next process', async () => {
  await open().add(A, 'x:1');
  nowMs += 5;
  await open().add(A, 'x:2');
  await open().add(B, 'y:1');
  nowMs += 5;
  await open().noteUse(B);
  expect([...(await open().list())].sort((one, other) => (one.id < other.id ? -1 : 1))).toEqual([
    { id: A, references: expect.arrayContaining(['x:1', 'x:2']) as object, lastUsedAtMs: nowMs - 5 },
    { id: B, references: ['y:1'], lastUsedAtMs: nowMs },
  ]);
});

it('loses nothing that processes write at the same time', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `x:${String(index)}`);
  await Promise.all(names.map(async (name) => open().add(A, name)));
  const [image] = await open().list();
  expect([...(image?.references ?? [])].sort()).toEqual([...names].sort());
});

it('is of one instance, and of its user alone', async () => {
  await open().add(A, 'x:1');
  expect(await open('theirs').list()).toEqual([]);
  await open('theirs').add(A, 'x:1');
  await open('theirs').forget({ id: A, references: ['x:1'], lastUsedAtMs: nowMs });
  expect(await open().list()).toHaveLength(1);
  expect((await stat(join(root, 'images', 'pulled'))).mode & 0o777).toBe(0o700);
});

it('passes over what broke off and what is not its own', async () => {
  await open().add(A, 'x:1');
  await open().add(B, 'y:1');
  const folder = join(root, 'images', 'pulled');
  const [first = ''] = (await readdir(folder)).filter((name) => name.startsWith('a'));
  await writeFile(join(folder, first), '{"instance":"ou');
  await writeFile(join(folder, 'note.json'), JSON.stringify({ instance: 'ours', id: A, reference: 'z:1' }));
  await writeFile(join(folder, 'null.json'), 'null');
  expect(await open().list()).toEqual([{ id: B, references: ['y:1'], lastUsedAtMs: nowMs }]);
  expect(await readdir(folder)).toContain('note.json');
});

it('forgets what is gone, but not what was used since it was looked at', async () => {
  await open().add(A, 'x:1');
  await open().add(B, 'y:1');
  const listed = await open().list();
  nowMs += 1_000;
  await open().noteUse(B);
  for (const each of listed) await open().forget(each);
  expect((await open().list()).map(({ id }) => id)).toEqual([B]);
});

it('remembers nothing of an image whose id it would not know again, and has nothing before it is used', async () => {
  await open().noteUse(A);
  await open().add('../escape', 'x:1');
  expect(await open().list()).toEqual([]);
  expect(await readdir(root)).toEqual([]);
});

/** Whoever wants an image and whoever removes one never both go ahead. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createImageClaims, type ImageClaims } from '../../src/images/image-claims.js';

let root = '';
let nowMs = 0;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berthkit-claims-'));
  nowMs = 1_700_000_000_000;
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});
/** Each is another process’s: they share nothing but the folder. */
const open = (): ImageClaims => createImageClaims(join(root, 'claims'), () => nowMs);
const never = new AbortController().signal;

it('is seen by others until it is released', async () => {
  const release = await open().hold('ghcr.io/acme/a', 1_000, never);
  const isHeld = await open().held();
  expect([isHeld('ghcr.io/acme/a'), isHeld('ghcr.io/acme/b')]).toEqual([true, false]);
  await release();
  expect((await open().held())('ghcr.io/acme/a')).toBe(false);
  expect(await readdir(join(root, 'claims'))).toEqual([]);
});

it('is one of several', async () => {
  const first = await open().hold('x', 1_000, never);
  const second = await open().hold('x', 1_000, never);
  await first();
  expect((await open().held())('x')).toBe(true);
  await second();
});

it('is over when its time is, and nothing is left of a process that died', async () => {
  await open().hold('x', 1_000, never);
  nowMs += 999;
  expect((await open().held())('x')).toBe(true);
  nowMs += 1;
  expect((await open().held())('x')).toBe(false);
  expect(await readdir(join(root, 'claims'))).toEqual([]);
});

it('waits for removals that began before, and not for those that begin later', async () => {
  const order: string[] = [];
  let endFirst = (): void => undefined;
  let endSecond = (): void => undefined;
  const first = open().whileRemoving(
    async () =>
      new Promise<void>((resolve) => {
        endFirst = resolve;
      }),
  );
  await untilThere('.removal', 1);
  const holding = open()
    .hold('x', 1_000, never)
    .then((release) => {
      order.push('held');
      return release;
    });
  await untilThere('.hold', 1);
  const second = open().whileRemoving(
    async () =>
      new Promise<void>((resolve) => {
        endSecond = resolve;
      }),
  );
  await untilThere('.removal', 2);
  order.push('first ends');
  endFirst();
  await first;
  await (
    await holding
  )();
  expect(order).toEqual(['first ends', 'held']);
  endSecond();
  await second;
});

it('lets go of everything when it is broken off, or a removal fails', async () => {
  const stop = new AbortController();
  const failing = open().whileRemoving(async () => {
    const holding = open().hold('x', 1_000, stop.signal);
    await untilThere('.hold', 1);
    stop.abort(new Error('enough'));
    await expect(holding).rejects.toThrow('enough');
    throw new Error('not removed');
  });
  await expect(failing).rejects.toThrow('not removed');
  expect(await readdir(join(root, 'claims'))).toEqual([]);
});

async function untilThere(suffix: string, count: number): Promise<void> {
  await expect
    .poll(async () => (await readdir(join(root, 'claims'))).filter((name) => name.endsWith(suffix)).length, {
      timeout: 20_000,
    })
    .toBe(count);
}

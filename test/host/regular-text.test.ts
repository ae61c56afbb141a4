/** Files of a configuration: what is read as one, and that nothing else is even opened. */
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MAX_CONFIGURATION_BYTES, NoSmallFile, readRegularText } from '../../src/host/regular-text.js';
import { makeFifo, openBelow, scratch } from './scratch.js';

it.each<[string, (path: string) => void, string]>([
  ['a file', (path) => writeFileSync(path, 'text – ü'), 'text – ü'],
  ['an empty file', (path) => writeFileSync(path, ''), ''],
  [
    'what a link leads to, as a cluster has its files',
    (path) => {
      writeFileSync(`${path}.real`, 'linked');
      symlinkSync(`${path}.real`, path);
    },
    'linked',
  ],
  [
    'all there may be',
    (path) => writeFileSync(path, 'x'.repeat(MAX_CONFIGURATION_BYTES)),
    'x'.repeat(MAX_CONFIGURATION_BYTES),
  ],
])('reads %s', async (_, put, text) => {
  const folder = await scratch();
  put(join(folder, 'config'));
  expect(await readRegularText(join(folder, 'config'))).toBe(text);
  expect(await openBelow(folder)).toEqual([]);
});

it('reads a file whose size the kernel does not tell', async () => {
  expect(await readRegularText('/proc/self/status')).toMatch(/^Name:/);
});

it.each<[string, (path: string) => void, RegExp]>([
  ['a pipe nobody writes to', makeFifo, /^no regular file$/],
  ['a device', (path) => symlinkSync('/dev/zero', path), /^no regular file$/],
  ['a folder', (path) => mkdirSync(path), /^no regular file$/],
  [
    'more than there may be',
    (path) => {
      writeFileSync(path, '');
      truncateSync(path, MAX_CONFIGURATION_BYTES + 1);
    },
    /^more than 8388608 bytes$/,
  ],
])('refuses %s', async (_, put, problem) => {
  const folder = await scratch();
  put(join(folder, 'config'));
  const error: unknown = await readRegularText(join(folder, 'config')).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(NoSmallFile);
  expect((error as Error).message).toMatch(problem);
  expect(await openBelow(folder)).toEqual([]);
});

it('says what the system says of a file that is not there', async () => {
  await expect(readRegularText('/nowhere/config')).rejects.toMatchObject({ code: 'ENOENT' });
});

/** Where a folder is that somebody gave: nothing is not taken for the folder the process is in. */
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderPath } from '../../src/host/folder-path.js';
import { fileRunStore } from '../../src/run-store/file.js';
import { filesystemStorage } from '../../src/storage/filesystem.js';

describe('the path of a folder', () => {
  it('is made absolute', () => {
    expect(folderPath('/srv/files/', 'x')).toBe('/srv/files');
    expect(folderPath('files', 'x')).toBe(resolve('files'));
    // As odd as it is, it is a name.
    expect(folderPath(' ', 'x')).toBe(resolve(' '));
  });

  it.each(['', 'a\0b', undefined, null, 5])('is refused: %j', (given) => {
    const makers = {
      filesystemStorage: () => filesystemStorage(given as string),
      fileRunStore: () => fileRunStore(given as string),
    };
    for (const [name, make] of Object.entries(makers)) {
      expect(make).toThrow(
        expect.objectContaining({
          code: 'config.invalid',
          message: `${name}: the path of a folder is missing, or is none`,
        }) as Error,
      );
    }
  });
});

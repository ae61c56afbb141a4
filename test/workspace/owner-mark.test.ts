/** A run's folder is made whole or not at all. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeMarkedFolder } from '../../src/workspace/owner-mark.js';

const root = mkdtempSync(join(tmpdir(), 'owner-mark-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a folder that cannot be finished', () => {
  it('is not left under the name it has until then', async () => {
    const mark = { instance: 'i', owner: 'o', runId: 'r' };
    await expect(makeMarkedFolder(root, 'nowhere/run-', mark)).rejects.toThrow('ENOENT');
    expect(readdirSync(root)).toEqual([]);
  });
});

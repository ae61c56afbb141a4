/** What is staged and what is taken as output is counted against the limits of a run: reaching one is allowed, one more is not. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createBudget } from '../../src/workspace/budget.js';
import { createOutputAccount } from '../../src/workspace/output-account.js';
import { treeDigest } from '../../src/workspace/tree-digest.js';
import { planOf } from './plan-fixture.js';

const thrown = (work: () => void): unknown => {
  try {
    work();
    return null;
  } catch (error) {
    return error;
  }
};

describe('the budget of what is staged', () => {
  const budget = (limits: object) => createBudget(planOf({ limits }).limits);
  it('counts each file, all of them, and those of storages', () => {
    const account = budget({ fileBytes: 10, inputBytes: 15, downloadBytes: 12 });
    const first = account.startFile('input "a"', 'storage');
    first(6);
    first(4);
    expect([account.files, account.sizeBytes]).toEqual([1, 10]);
    expect(thrown(() => first(1))).toMatchObject({
      code: 'workspace.too_large',
      message: 'input "a" has 11 bytes, more than the limit of 10 (maxFileBytes)',
      details: { limit: 'maxFileBytes', allowed: 10 },
    });
    expect(account.sizeBytes).toBe(10);
    expect(thrown(() => account.startFile('input "b"', 'storage')(3))).toMatchObject({
      message: 'inputs from storages total 13 bytes, more than the limit of 12 (maxDownloadBytes)',
      details: { limit: 'maxDownloadBytes', allowed: 12 },
    });
    account.startFile('files "c"', 'caller')(5);
    expect(thrown(() => account.startFile('files "d"', 'caller')(1))).toMatchObject({
      message: 'workspace inputs total 16 bytes, more than the limit of 15 (maxWorkspaceBytes)',
      details: { limit: 'maxWorkspaceBytes', allowed: 15 },
    });
    expect([account.files, account.sizeBytes]).toEqual([4, 15]);
  });

  it('counts files and folders', () => {
    const account = budget({ entries: 2 });
    account.addEntry('a');
    account.addEntry('b');
    expect(thrown(() => account.addEntry('input "c"'))).toMatchObject({
      code: 'workspace.too_large',
      message: 'with input "c" there are 3 files and folders, more than the limit of 2 (outputs.maxEntries)',
      details: { limit: 'entries', allowed: 2 },
    });
  });

  it('refuses announced sizes beside what was counted before, and counts none of them', () => {
    const account = budget({ fileBytes: 10, inputBytes: 15, downloadBytes: 12 });
    account.startFile('files "a"', 'caller')(5);
    const announced = (...sizes: readonly (readonly [number, 'storage' | 'caller'])[]) =>
      thrown(() =>
        account.checkAnnounced(
          sizes.map(([sizeBytes, origin]) => ({ what: 'input "b"', sizeBytes, origin })),
        ),
      );
    expect(announced([10, 'storage'])).toBeNull();
    expect(announced([5, 'caller'], [5, 'storage'])).toBeNull();
    expect(announced([11, 'storage'])).toMatchObject({ details: { limit: 'maxFileBytes' } });
    expect(announced([6, 'caller'], [5, 'storage'])).toMatchObject({
      details: { limit: 'maxWorkspaceBytes' },
    });
    expect(account.sizeBytes).toBe(5);
    const unbounded = budget({ inputBytes: null, fileBytes: 10, downloadBytes: 12 });
    unbounded.startFile('files "a"', 'caller')(10);
    unbounded.startFile('files "b"', 'caller')(10);
    const [storage] = [{ what: 'input "c"', sizeBytes: 7, origin: 'storage' as const }];
    expect(thrown(() => unbounded.checkAnnounced([storage]))).toBeNull();
    expect(thrown(() => unbounded.checkAnnounced([storage, storage]))).toMatchObject({
      details: { limit: 'maxDownloadBytes' },
    });
  });
});

describe('the account of an output', () => {
  const account = () => createOutputAccount({ bytes: 10, entries: 2 }, { fileBytes: 8 });

  it('takes what reaches its limits', () => {
    const own = account();
    own.addEntry();
    own.addEntry();
    own.addFile('a', 8);
    own.addFile('b', 2);
    expect(own.used).toEqual({ bytes: 10, entries: 2 });
  });

  it('refuses one entry more, a file too large, and what is more than is left', () => {
    const own = account();
    own.addEntry();
    own.addEntry();
    const refused = (work: () => void, message: string): void => {
      expect(thrown(work)).toMatchObject({ rejectCause: 'limit', message });
    };
    const left = 'that are left for outputs of this run';
    refused(() => own.addEntry(), `has more files and folders than the 2 ${left} (outputs.maxEntries)`);
    refused(() => own.addFile('', 9), 'has 9 bytes, more than the limit of 8 (maxFileBytes)');
    own.addFile('a', 8);
    refused(() => own.addFile('b/c', 3), `holds "b/c", which has 3 bytes, more than the 2 bytes ${left}`);
    expect(own.used.bytes).toBe(8);
  });
});

describe('the digest of a folder', () => {
  const file = (path: string, sha256: string | null = 'f'.repeat(64)) => ({ path, sizeBytes: 1, sha256 });

  it('is the same in whatever order its files come, and another for other files', () => {
    const digest = treeDigest([file('a'), file('b'), file('c')]);
    // As it is documented, so that others can tell it, too.
    const listed = JSON.stringify(['a', 'b', 'c'].map((path) => [path, 1, 'f'.repeat(64)]));
    expect(digest).toBe(createHash('sha256').update(listed).digest('hex'));
    expect(treeDigest([file('c'), file('b'), file('a')])).toBe(digest);
    expect(treeDigest([file('a'), file('b')])).not.toBe(digest);
    expect(treeDigest([file('a'), file('b'), { ...file('c'), sizeBytes: 2 }])).not.toBe(digest);
  });

  it('is none where a file was not hashed', () => {
    expect(treeDigest([file('a'), file('b', null)])).toBeNull();
  });
});

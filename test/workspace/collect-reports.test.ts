/** What is said of outputs: which were wanted, which hold secrets, what was sent where, and what failed. */
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createSecretScanner } from '../../src/base/secret-scan.js';
import { StorageError } from '../../src/errors.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter } from '../../src/storage/types.js';
import type { OutputSecrets } from '../../src/workspace/output-scan.js';
import { openBelow } from '../host/scratch.js';
import { at, collect, to } from './collect-fixture.js';
import { makeWorkspace } from './plan-fixture.js';

describe('outputs that are wanted', () => {
  const ALWAYS = { workspacePath: 'always', when: 'always' } as const;
  const SUCCESS = { workspacePath: 'success', when: 'success' } as const;
  const FAILURE = { workspacePath: 'failure', when: 'failure' } as const;

  it.each([
    [true, ['uploaded', 'uploaded', 'skipped']],
    [false, ['uploaded', 'skipped', 'uploaded']],
  ])('when the job succeeded: %s', async (succeeded, states) => {
    const workspace = await makeWorkspace();
    for (const name of ['always', 'success', 'failure']) writeFileSync(at(workspace, name), name);
    const collected = await collect(workspace, [ALWAYS, SUCCESS, FAILURE], { succeeded });
    expect(collected.reports.map(({ state }) => state)).toEqual(states);
    expect(collected).toMatchObject({ missing: [], rejected: [], files: 2, failure: null });
  });

  it('are missing only then', async () => {
    const workspace = await makeWorkspace();
    const collected = await collect(workspace, [ALWAYS, SUCCESS, FAILURE], { succeeded: true });
    expect(collected.missing).toEqual(['always', 'success']);
    expect(collected.reports[2]).toEqual({
      ...{ id: null, workspacePath: 'failure', type: null, state: 'skipped', files: [], skipped: [] },
    });
  });
});

describe('a report', () => {
  it('has its fields in one order, whatever became of the output', async () => {
    const workspace = await makeWorkspace();
    for (const name of ['stored', 'exists']) writeFileSync(at(workspace, name), name);
    symlinkSync('stored', at(workspace, 'link'));
    const outputs = [
      { workspacePath: 'stored' },
      { workspacePath: 'none' },
      { workspacePath: 'link' },
      { workspacePath: 'later', when: 'failure' as const },
      { workspacePath: 'exists', upload: to('there') },
    ];
    const storage = { 5: memoryStorage({ there: 'x' }) };
    const { reports } = await collect(workspace, outputs, { storage });
    expect(reports.map(({ state }) => state)).toEqual([
      ...['uploaded', 'missing', 'rejected', 'skipped', 'failed'],
    ]);
    for (const report of reports) {
      expect(Object.keys(report)).toEqual(['id', 'workspacePath', 'type', 'state', 'files', 'skipped']);
    }
  });
});

describe('outputs that hold secrets', () => {
  const found: (readonly [string, string])[] = [];
  const secrets = (block: boolean): OutputSecrets => ({
    scanner: createSecretScanner([
      { name: 'token', value: 'tell-nobody' },
      { name: 'key', value: 'another-value' },
    ]),
    block,
    onFound: (secret, path) => found.push([secret, path]),
  });
  const outputs = ['out', 'clean', 'none', 'link', 'file'].map((workspacePath) => ({ workspacePath }));
  const leaking = async () => {
    found.length = 0;
    const workspace = await makeWorkspace();
    mkdirSync(at(workspace, 'out'));
    writeFileSync(at(workspace, 'out/f'), 'it is tell-nobody');
    writeFileSync(at(workspace, 'out/another-value'), '');
    writeFileSync(at(workspace, 'clean'), 'nothing');
    symlinkSync('clean', at(workspace, 'link'));
    writeFileSync(at(workspace, 'file'), 'tell-nobody');
    return workspace;
  };

  it('are told of, and published where nothing blocks them', async () => {
    const workspace = await leaking();
    const { reports } = await collect(workspace, outputs, { secrets: secrets(false) });
    const states = ['uploaded', 'uploaded', 'missing', 'rejected', 'uploaded'];
    expect(reports.map(({ state }) => state)).toEqual(states);
    expect([...found].sort()).toEqual([
      ['key', 'out/another-value'],
      ['token', 'file'],
      ['token', 'out/f'],
    ]);
  });

  it('are refused with all others where that is the policy, each with its reason', async () => {
    const workspace = await leaking();
    const outputTo = memoryStorage();
    const collected = await collect(workspace, outputs, { outputTo, secrets: secrets(true) });
    const states = ['rejected', 'rejected', 'missing', 'rejected', 'rejected'];
    expect(collected.reports.map(({ state }) => state)).toEqual(states);
    expect(collected.reports.map(({ type }) => type)).toEqual(['directory', 'file', null, null, 'file']);
    const refused = 'which holds a secret (policy.secrets.onLeak)';
    expect(collected.rejected).toEqual([
      {
        ...{ workspacePath: 'out', cause: 'secret' },
        reason: 'it holds the secret "key", "token" (policy.secrets.onLeak)',
      },
      { workspacePath: 'clean', cause: 'held_back', reason: `it was held back with out, ${refused}` },
      expect.objectContaining({ workspacePath: 'link', cause: 'kind' }),
      {
        workspacePath: 'file',
        cause: 'secret',
        reason: 'it holds the secret "token" (policy.secrets.onLeak)',
      },
    ]);
    expect(collected).toMatchObject({ files: 0, sizeBytes: 0, missing: ['none'], failure: null });
    expect(outputTo.files()).toEqual({});
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it('keep nothing back where there are none', async () => {
    const workspace = await leaking();
    const { reports } = await collect(workspace, [{ workspacePath: 'clean' }], { secrets: secrets(true) });
    expect(reports.map(({ state }) => state)).toEqual(['uploaded']);
    expect(found).toEqual([]);
  });
});

describe('outputs that change while they are read', () => {
  it.each([
    ['a file', 'large', 'file'],
    ['a folder', 'out', 'directory'],
    ['a glob', 'out/*', 'glob'],
  ])('are refused: %s', async (_, workspacePath, type) => {
    const workspace = await makeWorkspace();
    mkdirSync(at(workspace, 'out'));
    const paths = ['large', 'out/large'].map((path) => at(workspace, path));
    for (const path of paths) writeFileSync(path, Buffer.alloc(5_000_000));
    // Whoever looks through what is read can do something between two pieces of it.
    const scan = {
      push: () =>
        paths.forEach((path) => {
          truncateSync(path, 3_000_000);
        }),
      end: () => undefined,
    };
    const scanner = { start: () => ({ ...scan, lookAt: () => undefined }) };
    const collected = await collect(workspace, [{ workspacePath }], {
      secrets: { scanner, block: false, onFound: () => undefined },
    });
    expect(collected.reports[0]).toMatchObject({ type, state: 'rejected', files: [] });
    const reason = 'changed while it was read';
    expect(collected.rejected).toEqual([{ workspacePath, cause: 'kind', reason }]);
    expect(await openBelow(workspace.path)).toEqual([]);
  });
});

describe('outputs that are sent', () => {
  it('are announced once, by number and size, and their end is told when all are through', async () => {
    const workspace = await makeWorkspace();
    mkdirSync(at(workspace, 'out'));
    for (const name of ['out/a', 'out/b', 'c', 'kept']) writeFileSync(at(workspace, name), name);
    const told: unknown[] = [];
    const listener = {
      onUploadStart: (size: object) => told.push(size),
      onUploadEnd: () => told.push('end'),
      onOutput: (_index: number, { workspacePath }: { workspacePath: string }) => {
        told.push(workspacePath);
      },
    };
    const outputs = [
      { workspacePath: 'out' },
      { workspacePath: 'c' },
      { workspacePath: 'kept', upload: null },
    ];
    await collect(workspace, outputs, listener);
    expect(told[0]).toEqual({ files: 3, sizeBytes: 11 });
    expect(told.slice(1, 4).sort()).toEqual(['c', 'kept', 'out']);
    expect(told.slice(4)).toEqual(['end']);
    told.length = 0;
    await collect(workspace, outputs.slice(2), listener);
    expect(told).toEqual(['kept']);
  });
});

describe('outputs that cannot be stored', () => {
  const refusing = (error: unknown): StorageAdapter => {
    const { stat, list, read } = memoryStorage();
    return { stat, list, read, write: async () => Promise.reject(error) };
  };
  const collectMany = async (count: number, storage: StorageAdapter) => {
    const workspace = await makeWorkspace();
    const names = Array.from({ length: count }, (_, index) => `f${String(index)}`);
    for (const name of names) writeFileSync(at(workspace, name), name);
    const outputs = names.map((name) => ({ workspacePath: name, upload: to(name) }));
    return collect(workspace, outputs, { storage: { 5: storage } });
  };

  it.each([
    [10, ''],
    [12, '; and 2 more'],
  ])('are told in full up to ten (%i)', async (count, rest) => {
    const { failure } = await collectMany(count, refusing(new Error('no')));
    const one = (index: number): string => `output "f${String(index)}": storage "5", "f${String(index)}": no`;
    const told = Array.from({ length: 10 }, (_, index) => one(index)).join('; ');
    const all = String(count);
    expect(failure?.message).toBe(`${all} of ${all} outputs could not be stored: ${told}${rest}`);
    expect(failure?.details['outputs']).toHaveLength(count);
    expect(failure?.cause).toMatchObject({ message: one(0) });
  });

  it('fail as a whole where one of their files does', async () => {
    const workspace = await makeWorkspace();
    mkdirSync(at(workspace, 'out'));
    for (const name of ['a', 'b']) writeFileSync(at(workspace, `out/${name}`), name);
    const { stat, list, read, write } = memoryStorage();
    const storage: StorageAdapter = {
      ...{ stat, list, read },
      write: async (path, body, options) =>
        path === 'out/b' ? Promise.reject(new Error('no')) : write(path, body, options),
    };
    const outputs = [{ workspacePath: 'out', upload: to('out') }];
    const { reports } = await collect(workspace, outputs, { storage: { 5: storage } });
    expect(reports[0]?.state).toBe('failed');
    expect(reports[0]?.files.map(({ uploaded }) => uploaded?.path ?? null)).toEqual(['out/a', null]);
  });

  it('have the code and the hint of the first', async () => {
    const { failure } = await collectMany(
      2,
      refusing(new StorageError('storage.exists', 'there', { hint: 'go' })),
    );
    expect(failure).toMatchObject({ code: 'storage.exists', hint: 'go' });
    const other = await collectMany(1, refusing('text'));
    expect(other.failure).toMatchObject({ code: 'storage.failed', hint: undefined });
  });
});

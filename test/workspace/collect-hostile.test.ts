import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter } from '../../src/storage/types.js';
import { isRoot, makeFifo, scratch } from '../host/scratch.js';
import { at, collect, to } from './collect-fixture.js';
import { makeWorkspace } from './plan-fixture.js';

describe('limits of collecting', () => {
  const sizes = async (limits: object): Promise<string[]> => {
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'a'), '12345');
    writeFileSync(at(workspace, 'b'), '123');
    const collected = await collect(workspace, [{ workspacePath: 'a' }, { workspacePath: 'b' }], { limits });
    for (const { cause } of collected.rejected) expect(cause).toBe('limit');
    return collected.reports.map(({ state }) => state);
  };
  it.each([
    [{ fileBytes: 5, outputBytes: 8, uploadBytes: 8 }, ['uploaded', 'uploaded']],
    [{ fileBytes: 4 }, ['rejected', 'uploaded']],
    [{ outputBytes: 7 }, ['uploaded', 'rejected']],
    [{ uploadBytes: 7 }, ['uploaded', 'rejected']],
    [{ outputBytes: 4 }, ['rejected', 'uploaded']],
  ])('%j', async (limits, states) => {
    expect(await sizes(limits)).toEqual(states);
  });

  it('is of files and folders, too: what one output has, the next has not', async () => {
    const workspace = await makeWorkspace();
    for (const name of ['a', 'b', 'c']) {
      mkdirSync(at(workspace, name));
      for (const file of ['1', '2']) writeFileSync(join(at(workspace, name), file), '');
    }
    const outputs = ['a', 'b', 'c'].map((workspacePath) => ({ workspacePath }));
    const { reports, rejected } = await collect(workspace, outputs, { limits: { entries: 5 } });
    expect(reports.map(({ state }) => state)).toEqual(['uploaded', 'uploaded', 'rejected']);
    expect(rejected).toMatchObject([
      {
        workspacePath: 'c',
        cause: 'limit',
        reason: expect.stringContaining('than the 1 that are left') as string,
      },
    ]);
  });

  it('refuses a sparse tebibyte by its size, without reading it', async () => {
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'out.txt'), '');
    truncateSync(at(workspace, 'out.txt'), 2 ** 40);
    const collected = await collect(workspace, [{}]);
    expect(collected.rejected).toEqual([
      {
        workspacePath: 'out.txt',
        cause: 'limit',
        reason: expect.stringContaining('1099511627776') as unknown,
      },
    ]);
  });
});

describe('collecting what is hostile', () => {
  const plantings: [string, (path: string, outside: string) => void, RegExp][] = [
    [
      'a link to a host file',
      (path, outside) => {
        symlinkSync(join(outside, 'secret'), path);
      },
      /is a symbolic link/,
    ],
    [
      'a relative link',
      (path) => {
        symlinkSync('../../../../../../etc/passwd', path);
      },
      /is a symbolic link/,
    ],
    [
      'a dangling link',
      (path) => {
        symlinkSync('/nothing', path);
      },
      /is a symbolic link/,
    ],
    [
      'a link to a proc file',
      (path) => {
        symlinkSync('/proc/self/environ', path);
      },
      /is a symbolic link/,
    ],
    [
      'a FIFO',
      (path) => {
        makeFifo(path);
      },
      /is a FIFO/,
    ],
  ];
  it.each(plantings)('refuses %s, also where the output is optional', async (_, plant, reason) => {
    const workspace = await makeWorkspace();
    const outside = await scratch();
    writeFileSync(join(outside, 'secret'), 'host secret');
    plant(at(workspace, 'out.txt'), outside);
    const outputTo = memoryStorage();
    const collected = await collect(workspace, [{ optional: true }], { outputTo });
    expect(collected.reports[0]).toMatchObject({ state: 'rejected', files: [] });
    expect(collected.rejected[0]).toMatchObject({
      cause: 'kind',
      reason: expect.stringMatching(reason) as unknown,
    });
    expect(outputTo.files()).toEqual({});
  });

  it('refuses a folder where the definition wants a file, and the other way round', async () => {
    const workspace = await makeWorkspace();
    mkdirSync(at(workspace, 'out.txt'));
    writeFileSync(at(workspace, 'file'), '');
    const memory = memoryStorage();
    const collected = await collect(
      workspace,
      [
        { optional: true, upload: to('a', { mode: 'file' }) },
        { workspacePath: 'file', upload: to('b', { mode: 'directory' }) },
      ],
      { storage: { 5: memory } },
    );
    expect(collected.reports.map(({ state }) => state)).toEqual(['rejected', 'rejected']);
    expect(collected.rejected.map(({ reason }) => reason)).toEqual([
      'is a folder where the definition wants a file',
      'is a file where the definition wants a folder',
    ]);
    expect(memory.files()).toEqual({});
  });

  it('refuses a link in the middle of the path', async () => {
    const workspace = await makeWorkspace();
    const outside = await scratch();
    mkdirSync(join(outside, 'b'));
    writeFileSync(join(outside, 'b/out.txt'), 'host secret');
    symlinkSync(outside, at(workspace, 'a'));
    const collected = await collect(workspace, [{ workspacePath: 'a/b/out.txt' }]);
    expect(collected.rejected[0]?.reason).toMatch(/has a symbolic link in its path/);
  });

  it.runIf(isRoot)('refuses devices', async () => {
    const workspace = await makeWorkspace();
    execFileSync('mknod', [at(workspace, 'out.txt'), 'c', '1', '5']);
    const collected = await collect(workspace, [{}]);
    expect(collected.rejected[0]?.reason).toMatch(/is a device/);
  });

  it('takes a hard link, which cannot leave the workspace, and odd names', async () => {
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'a'), 'x');
    linkSync(at(workspace, 'a'), at(workspace, '-rf b'));
    const collected = await collect(workspace, [{ workspacePath: '-rf b' }]);
    expect(collected.reports[0]?.state).toBe('uploaded');
  });

  it('a file without permissions is read by root and refused to others', async () => {
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'out.txt'), 'x');
    chmodSync(at(workspace, 'out.txt'), 0);
    const collected = await collect(workspace, [{}]);
    expect(collected.reports[0]?.state).toBe(isRoot ? 'uploaded' : 'rejected');
  });

  it('a mode of directory wants a folder', async () => {
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'out.txt'), 'x');
    const collected = await collect(workspace, [{ upload: to('x', { mode: 'directory' }) }], {
      storage: { 5: memoryStorage() },
    });
    expect(collected.rejected[0]?.reason).toMatch(/is a file where the definition wants a folder/);
  });

  it('uploads what was verified although the name changed meanwhile', async () => {
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'out.txt'), 'mine');
    writeFileSync(at(workspace, 'first'), 'x');
    const memory = memoryStorage();
    const outputTo: StorageAdapter = {
      ...memory,
      write: (path, body, options) => {
        if (path === 'first') {
          rmSync(at(workspace, 'out.txt'));
          symlinkSync('/etc/passwd', at(workspace, 'out.txt'));
        }
        return memory.write(path, body, options);
      },
    };
    await collect(workspace, [{ workspacePath: 'first' }, {}], { outputTo, concurrency: 1 });
    expect(Buffer.from(memory.files()['out.txt'] ?? []).toString()).toBe('mine');
  });

  it.each([
    ['longer', 'verified and more'],
    ['shorter', 'ver'],
    ['other', 'VERIFIED'],
  ])('fails an upload whose bytes became %s after they were verified', async (_, now) => {
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'out.txt'), 'verified');
    const outputTo: StorageAdapter = {
      ...memoryStorage(),
      // Careless: it checks neither size nor hash.
      async write(path, body, { sizeBytes }) {
        writeFileSync(at(workspace, 'out.txt'), now);
        let drained = 0;
        for await (const chunk of body) drained += chunk.byteLength;
        return { path, type: 'file', sizeBytes: Math.max(drained, sizeBytes) };
      },
    };
    const collected = await collect(workspace, [{}], { outputTo });
    expect(collected.reports[0]?.state).toBe('failed');
    expect(collected.failure?.message).toMatch(/changed while it was uploaded/);
  });

  it('never gives a host file while a job swaps file and link', { timeout: 60_000 }, async () => {
    const workspace = await makeWorkspace();
    const outside = await scratch();
    writeFileSync(join(outside, 'secret'), 'host secret');
    const path = at(workspace, 'out.txt');
    const stop = new SharedArrayBuffer(4);
    const worker = new Worker(
      `const fs = require('node:fs');
       const { path, secret, stop } = require('node:worker_threads').workerData;
       const stopped = new Int32Array(stop);
       fs.symlinkSync(secret, path + '.link');
       fs.writeFileSync(path + '.file', 'mine');
       while (Atomics.load(stopped, 0) === 0) {
         fs.copyFileSync(path + '.file', path + '.copy');
         fs.renameSync(path + '.copy', path);
         fs.symlinkSync(secret, path + '.copy');
         fs.renameSync(path + '.copy', path);
       }`,
      { eval: true, workerData: { path, secret: join(outside, 'secret'), stop } },
    );
    await new Promise((resolve) => worker.once('online', resolve));
    const seen = new Set<string>();
    try {
      for (let round = 0; round < 400; round += 1) {
        const outputTo = memoryStorage();
        const { reports } = await collect(workspace, [{}], { outputTo });
        seen.add(reports[0]?.state ?? '');
        const bytes = outputTo.files()['out.txt'];
        if (bytes !== undefined) expect(Buffer.from(bytes).toString()).toBe('mine');
      }
    } finally {
      Atomics.store(new Int32Array(stop), 0, 1);
      await new Promise((resolve) => worker.once('exit', resolve));
    }
    // The race was really run: both were met.
    expect([...seen]).toEqual(expect.arrayContaining(['uploaded', 'rejected']));
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('host secret');
  });
});

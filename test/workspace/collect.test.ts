import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/errors.js';
import type { OutputRequest } from '../../src/plan/container-spec.js';
import type { OutputReport } from '../../src/result.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter, WriteOptions } from '../../src/storage/types.js';
import { type CollectedOutputs, collectOutputs, type CollectOptions } from '../../src/workspace/collect.js';
import type { Workspace } from '../../src/workspace/create.js';
import { stageInputs } from '../../src/workspace/stage.js';
import { isRoot, makeFifo, noSignal, openBelow, scratch } from '../host/scratch.js';
import { inline, makeWorkspace, planOf, stageOptions } from './plan-fixture.js';

const to = (pathTemplate: string, more: object = {}): OutputRequest['upload'] => ({
  backendMountId: '5',
  pathTemplate,
  contentType: null,
  mode: null,
  overwrite: false,
  ...more,
});

const collect = async (
  workspace: Workspace,
  outputs: readonly Partial<OutputRequest>[],
  options: Partial<CollectOptions> & { limits?: object } = {},
): Promise<CollectedOutputs> =>
  collectOutputs(workspace, planOf({ outputs, limits: options.limits ?? {} }), {
    storage: {},
    outputTo: memoryStorage(),
    variables: { runId: 'r1', attempt: 2, startedAt: '2024-01-02T03:04:05.000Z' },
    placeholders: new Set(),
    concurrency: 2,
    signal: noSignal(),
    ...options,
  });

const at = (workspace: Workspace, path: string): string => join(workspace.workspacePath, path);

describe('collecting outputs', () => {
  it('uploads files where they go, and tells storages about them', async () => {
    const workspace = await makeWorkspace();
    mkdirSync(at(workspace, 'reports'));
    writeFileSync(at(workspace, 'reports/report.pdf'), 'pdf');
    writeFileSync(at(workspace, 'out.txt'), 'three');
    writeFileSync(at(workspace, 'kept.txt'), '');
    const outputTo = memoryStorage({ 'out.txt': 'from an earlier run' });
    const memory = memoryStorage();
    const written: WriteOptions[] = [];
    const five: StorageAdapter = {
      ...memory,
      write: (path, body, options) => {
        written.push(options);
        return memory.write(path, body, options);
      },
    };
    const told: OutputReport[] = [];
    const pdf = to('/reports/${runId}/report.pdf', { contentType: 'application/pdf', overwrite: true });
    const collected = await collect(
      workspace,
      [
        { id: 'pdf', workspacePath: 'reports/report.pdf', upload: pdf },
        {},
        { workspacePath: 'kept.txt', upload: null },
      ],
      {
        storage: { 5: five },
        outputTo,
        metadata: { team: 'a', jobRunId: 'not yours' },
        onOutput: (report) => told.push(report),
      },
    );
    const sha256 = createHash('sha256').update('pdf').digest('hex');
    expect(collected.reports[0]).toEqual({
      id: 'pdf',
      workspacePath: 'reports/report.pdf',
      type: 'file',
      state: 'uploaded',
      files: [
        {
          path: 'reports/report.pdf',
          sizeBytes: 3,
          sha256,
          uploaded: { backendMountId: '5', path: 'reports/r1/report.pdf' },
        },
      ],
    });
    expect(collected.reports[1]?.files[0]?.uploaded).toEqual({ backendMountId: null, path: 'out.txt' });
    expect(collected.reports[2]?.files[0]).toMatchObject({ sizeBytes: 0, uploaded: null });
    expect(collected).toMatchObject({ missing: [], rejected: [], files: 3, sizeBytes: 8, failure: null });
    expect(Buffer.from(memory.files()['reports/r1/report.pdf'] ?? []).toString()).toBe('pdf');
    expect(Buffer.from(outputTo.files()['out.txt'] ?? []).toString()).toBe('three');
    expect(written[0]).toMatchObject({
      sizeBytes: 3,
      sha256,
      contentType: 'application/pdf',
      overwrite: true,
      metadata: { team: 'a', uploadedBy: 'berthkit', jobRunId: 'r1', jobSlug: 'count', attempt: '2' },
      idempotencyKey: 'r1/2/reports/report.pdf/reports/r1/report.pdf',
    });
    expect(told).toHaveLength(3);
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it('tells missing outputs from optional ones', async () => {
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'file'), '');
    const collected = await collect(workspace, [
      { workspacePath: 'none' },
      { workspacePath: 'nowhere/none', optional: true },
      { workspacePath: 'file/within' },
    ]);
    expect(collected.reports.map(({ state }) => state)).toEqual(['missing', 'skipped', 'missing']);
    expect(collected).toMatchObject({ missing: ['none', 'file/within'], rejected: [], files: 0 });
  });

  it('takes no mount point for an output, wherever the job moved it', async () => {
    const workspace = await makeWorkspace();
    const plan = planOf({ inputs: [{ source: inline('input'), workspacePath: 'in/data.txt' }] });
    const { placeholders } = await stageInputs(workspace, plan, stageOptions());
    renameSync(at(workspace, 'in'), at(workspace, 'moved'));
    const collected = await collect(workspace, [{ workspacePath: 'moved/data.txt' }], { placeholders });
    expect(collected.missing).toEqual(['moved/data.txt']);
  });

  it('tries every upload and makes one error of those that failed', async () => {
    const workspace = await makeWorkspace();
    for (const name of ['a', 'b', 'c']) writeFileSync(at(workspace, name), name);
    const memory = memoryStorage({ 'b.out': 'there' });
    const five: StorageAdapter = {
      ...memory,
      write: (path, body, options) =>
        path === 'a.out' ? Promise.reject(new Error('bucket is gone')) : memory.write(path, body, options),
    };
    const outputs = ['a', 'b', 'c'].map((name) => ({ workspacePath: name, upload: to(`${name}.out`) }));
    const first = await collect(workspace, outputs, { storage: { 5: five } });
    expect(first.reports.map(({ state }) => state)).toEqual(['failed', 'failed', 'uploaded']);
    expect(first.reports[0]?.files[0]).toMatchObject({ sizeBytes: 1, uploaded: null });
    expect(first.failure).toBeInstanceOf(StorageError);
    expect(first.failure).toMatchObject({ code: 'storage.failed', details: { outputs: ['a', 'b'] } });
    expect(first.failure?.message).toMatch(
      /^2 of 3 outputs could not be stored: output "a": .*bucket is gone; output "b": /,
    );
    const second = await collect(workspace, outputs.slice(1), { storage: { 5: memory } });
    expect(second.failure).toMatchObject({
      code: 'storage.exists',
      hint: expect.stringContaining('overwrite') as unknown,
    });
  });

  it('fills in templates, and says which cannot be', async () => {
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'out.txt'), 'x');
    const five = memoryStorage();
    const upload = to('/${jobSlug}/${startedDate}/${attempt}.txt');
    const collected = await collect(workspace, [{ upload }, { upload: to('${jobVersion}/x') }], {
      storage: { 5: five },
    });
    expect(Object.keys(five.files())).toEqual(['count/2024-01-02/2.txt']);
    expect(collected.failure?.message).toMatch(/output "out.txt": its path template uses \$\{jobVersion\}/);
  });

  it('leaves a storage that hangs', async () => {
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'out.txt'), 'x');
    const controller = new AbortController();
    const outputTo: StorageAdapter = {
      ...memoryStorage(),
      write: () => {
        setImmediate(() => {
          controller.abort(new Error('enough'));
        });
        return new Promise(() => undefined);
      },
    };
    await expect(collect(workspace, [{}], { outputTo, signal: controller.signal })).rejects.toThrow('enough');
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it('notices that the workspace is not the one that was made', async () => {
    const workspace = await makeWorkspace();
    const elsewhere = await scratch();
    writeFileSync(join(elsewhere, 'out.txt'), 'host');
    rmSync(workspace.workspacePath, { recursive: true });
    symlinkSync(elsewhere, workspace.workspacePath);
    await expect(collect(workspace, [{}])).rejects.toMatchObject({ code: 'workspace.failed' });
  });
});

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
    [
      'a folder',
      (path) => {
        mkdirSync(path);
      },
      /is a folder; only single files/,
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

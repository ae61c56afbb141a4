import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/errors.js';
import type { OutputReport } from '../../src/result.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter, WriteOptions } from '../../src/storage/types.js';
import { openBelow, scratch } from '../host/scratch.js';
import { at, collect, to } from './collect-fixture.js';
import { inline, makeWorkspace, planOf, stageInputs, stageOptions } from './plan-fixture.js';

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
        onOutput: (_index, report) => told.push(report),
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
      skipped: [],
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
    // Neither transactions nor a way to remove: then each upload is on its own.
    const { stat, list, read } = memory;
    const write: StorageAdapter['write'] = (path, body, options) =>
      path === 'a.out' ? Promise.reject(new Error('bucket is gone')) : memory.write(path, body, options);
    const outputs = ['a', 'b', 'c'].map((name) => ({ workspacePath: name, upload: to(`${name}.out`) }));
    const first = await collect(workspace, outputs, { storage: { 5: { stat, list, read, write } } });
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
    await collect(workspace, [{ upload }], { storage: { 5: five } });
    expect(Object.keys(five.files())).toEqual(['count/2024-01-02/2.txt']);
    const other = memoryStorage();
    const collected = await collect(workspace, [{ upload }, { upload: to('${jobVersion}/x') }], {
      storage: { 5: other },
    });
    expect(Object.keys(other.files())).toEqual([]);
    expect(collected.failure?.message).toMatch(
      /output "out.txt": its path template uses \$\{jobVersion\}.*; the others were held back with them$/,
    );
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

/** What publishing leaves behind, and what it tells of it. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/errors.js';
import type { PublicationStep } from '../../src/run-store/types.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter, WriteOptions } from '../../src/storage/types.js';
import { finalTarget, toError } from '../../src/workspace/publish-group.js';
import { noSignal } from '../host/scratch.js';
import { at, collect, to } from './collect-fixture.js';
import { makeWorkspace } from './plan-fixture.js';

describe('the place an upload is for', () => {
  it('can be seen at once, and is written to by the storage itself', async () => {
    const memory = memoryStorage();
    const target = finalTarget({
      destination: {
        place: { adapter: memory, mountId: '5', purpose: 'output "o"' },
        path: 'out/o',
        contentType: null,
        overwrite: false,
        idempotencyKey: 'k',
      },
    });
    expect(target).toMatchObject({ isVisible: true, path: 'out/o', idempotencyKey: 'k' });
    const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    const told: WriteOptions = {
      ...{ sizeBytes: 5, sha256, contentType: null, overwrite: false, metadata: {} },
      ...{ idempotencyKey: 'k', signal: noSignal() },
    };
    const body = (async function* () {
      yield await Promise.resolve(Buffer.from('hello'));
    })();
    await target.write(body, told);
    expect(Object.keys(memory.files())).toEqual(['out/o']);
  });
});

describe('whatever a storage throws', () => {
  it('is an error of ours, or the one it was', () => {
    const mine = new Error('mine');
    const ours = new StorageError('storage.exists', 'there');
    expect([toError(mine), toError(ours)]).toEqual([mine, ours]);
    expect(toError(mine)).toBe(mine);
    expect(toError('text')).toMatchObject({ code: 'storage.failed', message: 'text' });
  });
});

describe('uploads that were taken back', () => {
  const memory = memoryStorage();
  const fail: StorageAdapter['write'] = async () => Promise.reject(new Error('no room'));
  const { stat, list, read, remove = async () => Promise.resolve() } = memory;

  it.each<[string, StorageAdapter]>([
    [
      'with transactions',
      {
        ...{ stat, list, read, write: fail },
        begin: () => ({
          write: fail,
          commit: async () => Promise.resolve(),
          abort: async () => Promise.resolve(),
        }),
      },
    ],
    ['that can remove', { stat, list, read, remove, write: fail }],
  ])('are told to the journal of a storage %s', async (_, adapter) => {
    const workspace = await makeWorkspace();
    for (const name of ['a', 'b']) writeFileSync(at(workspace, name), name);
    const steps: PublicationStep[] = [];
    const journal = async (step: PublicationStep): Promise<void> => Promise.resolve(void steps.push(step));
    const outputs = ['a', 'b'].map((name) => ({ workspacePath: name, upload: to(name) }));
    const { failure } = await collect(workspace, outputs, { storage: { 5: adapter }, journal });
    expect(failure?.message).toContain('no room');
    expect(steps).toEqual(['storing', 'withdrawn']);
  });
});

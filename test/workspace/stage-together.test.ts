import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter } from '../../src/storage/types.js';
import { fromData, makeWorkspace, planOf, stageInputs, stageOptions } from './plan-fixture.js';

describe('staging side by side', () => {
  it('keeps to the number of files at a time, also for many folders, and does not lock up', async () => {
    let running = 0;
    let most = 0;
    let open: () => void = () => undefined;
    let gate = new Promise<void>((resolve) => (open = resolve));
    const initial = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`d${String(index % 6)}/f${String(index)}`, 'x']),
    );
    const memory = memoryStorage(initial);
    const data: StorageAdapter = {
      ...memory,
      async read(path, options) {
        most = Math.max(most, (running += 1));
        // Each waits for two others: with fewer than three at a time this would never end.
        const mine = gate;
        if (running === 3) {
          await new Promise(setImmediate);
          running = 0;
          open();
          gate = new Promise<void>((resolve) => (open = resolve));
        }
        await mine;
        return memory.read(path, options);
      },
    };
    const inputs = Array.from({ length: 6 }, (_, index) => {
      const name = `d${String(index)}`;
      return { source: fromData(`/${name}`), workspacePath: name };
    });
    const staged = await stageInputs(
      await makeWorkspace(),
      planOf({ inputs }),
      stageOptions({ storage: { data }, concurrency: 3 }),
    );
    expect(staged.files).toBe(60);
    expect(most).toBe(3);
  });

  it('the first failure stops the others before it is told', async () => {
    const signals: AbortSignal[] = [];
    let started = 0;
    let firstStarts: () => void = () => undefined;
    const firstStarted = new Promise<void>((resolve) => {
      firstStarts = resolve;
    });
    const data: StorageAdapter = {
      ...memoryStorage(),
      stat: (path) => Promise.resolve({ path, type: 'file', sizeBytes: 5 }),
      async read(path, { signal }) {
        started += 1;
        signals.push(signal);
        if (path === 'bad') {
          await firstStarted;
          throw new Error('first failure');
        }
        firstStarts();
        return new Promise(() => undefined);
      },
    };
    const inputs = ['a', 'bad', ...Array.from({ length: 20 }, (_, index) => `later${String(index)}`)].map(
      (path) => ({
        source: fromData(path),
        workspacePath: path,
      }),
    );
    const work = stageInputs(
      await makeWorkspace(),
      planOf({ inputs }),
      stageOptions({ storage: { data }, concurrency: 2 }),
    );
    await expect(work).rejects.toThrow('first failure');
    expect(started).toBe(2);
    expect(signals.every((signal) => signal.aborted)).toBe(true);
  });
});

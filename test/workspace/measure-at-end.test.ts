/** A workspace that cannot be looked at while its job runs is measured once when the job has ended, and only if there is a reason to. */
import { describe, expect, it } from 'vitest';
import { measureAtEnd } from '../../src/workspace/measure-at-end.js';
import type { TarBounds } from '../../src/workspace/tar-usage.js';

const USAGE = { bytes: 10, entries: 3 };

/** Ends a watch, and gives what was measured with which bounds and what was told. */
async function endOf(
  bounds: { readonly maxBytes: number | null; readonly maxEntries: number | null },
  {
    hasStarted = true,
    withinMs = 60_000,
    problem,
  }: { hasStarted?: boolean; withinMs?: number; problem?: Error } = {},
) {
  const asked: TarBounds[] = [];
  const excesses: unknown[] = [];
  const failures: unknown[] = [];
  const measure = async (given: TarBounds): Promise<typeof USAGE> => {
    asked.push(given);
    if (problem !== undefined) throw problem;
    if (withinMs > 1) return USAGE;
    // An engine that never answers.
    return new Promise((_, reject) => {
      given.signal.addEventListener('abort', () => {
        reject(given.signal.reason as Error);
      });
      // What ends the wait is unreferenced.
      setTimeout(() => undefined, 100);
    });
  };
  const listener = {
    onExcess: (excess: unknown) => excesses.push(excess),
    onFailure: (error: unknown) => failures.push(error),
    withinMs,
  };
  const watch = measureAtEnd({ measure }, bounds, listener);
  if (hasStarted) watch.started();
  await watch.end();
  return { asked, excesses, failures };
}

describe('a workspace that is measured at the end', () => {
  it.each([
    ['bytes', { maxBytes: 9, maxEntries: null }, { of: 'bytes', allowed: 9 }],
    ['entries', { maxBytes: null, maxEntries: 2 }, { of: 'entries', allowed: 2 }],
  ])('is told of when it holds too many %s', async (_, bounds, excess) => {
    const { asked, excesses, failures } = await endOf(bounds);
    expect(asked).toEqual([expect.objectContaining(bounds)]);
    expect([excesses, failures]).toEqual([[excess], []]);
  });

  it('may hold as much as it is allowed', async () => {
    const { asked, excesses } = await endOf({ maxBytes: 10, maxEntries: 3 });
    expect([asked.length, excesses]).toEqual([1, []]);
  });

  it('is not measured where nothing bounds it, nor for a job that never ran', async () => {
    expect((await endOf({ maxBytes: null, maxEntries: null })).asked).toEqual([]);
    expect((await endOf({ maxBytes: 1, maxEntries: 1 }, { hasStarted: false })).asked).toEqual([]);
  });

  it('may fail to be measured, which is told of and no more', async () => {
    const problem = new Error('the engine is gone');
    const { excesses, failures } = await endOf({ maxBytes: 1, maxEntries: 1 }, { problem });
    expect([excesses, failures]).toEqual([[], [problem]]);
  });

  it('has its time', async () => {
    const { failures } = await endOf({ maxBytes: 1, maxEntries: 1 }, { withinMs: 1 });
    expect(failures).toEqual([expect.objectContaining({ name: 'TimeoutError' })]);
  });
});

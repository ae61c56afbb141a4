/** A storage without transactions has everything once, unseen, before anything is visible; and what is left behind is told truly. */
import { describe, expect, it } from 'vitest';
import type { PublicationStep } from '../../src/run-store/types.js';
import type { StorageAdapter } from '../../src/storage/types.js';
import { publicationId, temporaryPathOf } from '../../src/workspace/publication.js';
import { ALL, collectThree, removing, textsOf } from './publish-fixture.js';

const OVERWRITE = { overwrite: true };

/** Collects, with the steps that the journal was told. */
async function collectNoting(
  adapter: StorageAdapter,
  options: Parameters<typeof collectThree>[1] = {},
  more: Parameters<typeof collectThree>[2] = {},
) {
  const steps: PublicationStep[] = [];
  const journal = async (step: PublicationStep): Promise<void> => Promise.resolve(void steps.push(step));
  const collected = await collectThree(adapter, { journal, ...options }, more);
  const [a, b, c] = collected.reports.map(({ state, files }) => [state, files[0]?.uploaded?.path ?? null]);
  return { ...collected, steps, sent: { a, b, c } };
}

describe('before anything is visible', () => {
  it('an object that may not be replaced is found, and no place is written to', async () => {
    const written: string[] = [];
    const faulty = removing(
      {
        write: async (path, write) => {
          written.push(path);
          return write();
        },
      },
      { 'out/c': 'theirs' },
    );
    const { failure, steps } = await collectNoting(faulty.adapter);
    expect(failure?.message).toMatch(
      /^3 of 3 outputs could not be stored: output "c": storage "5", "out\/c": there is an object already;/,
    );
    expect(failure?.hint).toBe('set overwrite, or put ${runId} into the path template');
    expect(steps).toEqual(['storing', 'withdrawn']);
    expect(written.filter((path) => path in ALL)).toEqual([]);
    expect(textsOf(faulty)).toEqual({ 'out/c': 'theirs' });
  });

  it('a place that cannot be looked at is a failure', async () => {
    const faulty = removing();
    const { stat } = faulty.adapter;
    const adapter: StorageAdapter = {
      ...faulty.adapter,
      stat: async (path, options) =>
        path === 'out/b' ? Promise.reject(new Error('no answer')) : stat(path, options),
    };
    const { failure, steps, sent } = await collectNoting(adapter, {}, OVERWRITE);
    expect(failure?.message).toContain('no answer');
    expect(steps).toEqual(['storing', 'withdrawn']);
    expect(sent).toEqual({ a: ['failed', null], b: ['failed', null], c: ['failed', null] });
    expect(textsOf(faulty)).toEqual({});
  });

  it('what was stored is taken back when it is given up', async () => {
    const controller = new AbortController();
    let count = 0;
    const faulty = removing({
      write: async (_path, write) => {
        count += 1;
        if (count < 3) return write();
        controller.abort(new Error('time is up'));
        return new Promise(() => undefined);
      },
    });
    const options = { signal: controller.signal, concurrency: 1 };
    await expect(collectThree(faulty.adapter, options)).rejects.toThrow('time is up');
    expect(textsOf(faulty)).toEqual({});
  });
});

describe('what stands for an object until it is visible', () => {
  it('replaces what an earlier try left, and is written with a key of its own', async () => {
    const id = publicationId({ runId: 'r1', attempt: 2, startedAt: '2024-01-02T03:04:05.000Z' }, '5');
    const keys = new Map<string, string>();
    const faulty = removing({}, { [temporaryPathOf('out/a', id, 0)]: 'half of it' });
    const { write } = faulty.adapter;
    const adapter: StorageAdapter = {
      ...faulty.adapter,
      write: async (path, body, options) => {
        keys.set(path, options.idempotencyKey);
        return write(path, body, options);
      },
    };
    const { failure, steps } = await collectNoting(adapter);
    expect(failure).toBeNull();
    expect(steps).toEqual(['storing', 'publishing', 'published']);
    expect(textsOf(faulty)).toEqual(ALL);
    expect(keys.get('out/a')).toBe('r1/2/a/out/a');
    expect(keys.get(temporaryPathOf('out/a', id, 0))).toBe('r1/2/a/out/a/temporary');
    expect(new Set(keys.values()).size).toBe(6);
  });
});

describe('once a part is visible', () => {
  it('it is lost again when another object cannot be', async () => {
    const faulty = removing({
      write: async (path, write) => (path === 'out/b' ? Promise.reject(new Error('gone')) : write()),
    });
    const { steps, sent } = await collectNoting(faulty.adapter);
    expect(steps).toEqual(['storing', 'publishing', 'withdrawn']);
    expect(sent).toEqual({ a: ['failed', null], b: ['failed', null], c: ['failed', null] });
    expect(textsOf(faulty)).toEqual({});
  });

  it('an object that could not be replaced is not taken for one that was', async () => {
    const faulty = removing(
      { write: async (path, write) => (path === 'out/b' ? Promise.reject(new Error('gone')) : write()) },
      { 'out/b': 'theirs' },
    );
    const { sent } = await collectNoting(faulty.adapter, {}, OVERWRITE);
    expect(sent.b).toEqual(['failed', null]);
    expect(textsOf(faulty)).toEqual({ 'out/b': 'theirs' });
  });

  it.each([
    ['stays where it replaced another', { 'out/b': 'theirs' }, 'out/b', { 'out/b': ALL['out/b'] }],
    ['is lost again where nothing was', {}, null, {}],
  ])('an object that was stored although each answer was lost %s', async (_, initial, uploaded, expected) => {
    const faulty = removing(
      {
        write: async (path, write) => {
          const entry = await write();
          if (path === 'out/b') throw new Error('the answer was lost');
          return entry;
        },
      },
      initial,
    );
    const { sent, failure } = await collectNoting(faulty.adapter, {}, OVERWRITE);
    expect(failure?.message).toContain('the answer was lost');
    expect(sent).toEqual({ a: ['failed', null], b: ['failed', uploaded], c: ['failed', null] });
    expect(textsOf(faulty)).toEqual(expected);
  });
});

/** Outputs of a run become visible together or not at all, whatever their storage does; and after a crash somebody else can end it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { filesystemStorage } from '../../src/storage/filesystem.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter } from '../../src/storage/types.js';
import type { Publication, PublicationStep } from '../../src/run-store/types.js';
import { finishPublication, withdrawPublication } from '../../src/workspace/publication.js';
import { noSignal, scratch } from '../host/scratch.js';
import { at, collect, to } from './collect-fixture.js';
import { makeWorkspace } from './plan-fixture.js';
import {
  ALL,
  collectThree,
  type Faults,
  type Faulty,
  NAMES,
  removing,
  textsOf,
  transactional,
} from './publish-fixture.js';

const KINDS = [
  ['with transactions', transactional],
  ['that can remove', removing],
] as const;

const isFor = (path: string, name: string): boolean => path === `out/${name}` || path.includes('temporary');

/** Which of the uploads it is: what stands for an object has another name than the object. */
const counting = (change: (count: number) => 'fail' | 'store'): NonNullable<Faults['write']> => {
  let count = 0;
  return async (_path, write) => {
    if (change((count += 1)) === 'fail') throw new Error('no room');
    return write();
  };
};

describe.each(KINDS)('a storage %s', (kind, make) => {
  it('gets everything, and nothing is left beside it', async () => {
    const faulty = make();
    const { reports, failure } = await collectThree(faulty.adapter);
    expect(failure).toBeNull();
    expect(textsOf(faulty)).toEqual(ALL);
    expect(reports.map(({ state, files }) => [state, files[0]?.uploaded?.path])).toEqual(
      NAMES.map((name) => ['uploaded', `out/${name}`]),
    );
  });

  it('that fails on the second of three uploads shows none of them', async () => {
    const isSecond = new Set<string>();
    const faulty = make({
      write: async (path, write) => {
        isSecond.add(path);
        if ([...isSecond].indexOf(path) === 1) throw new Error('no room');
        return write();
      },
    });
    const { reports, failure } = await collectThree(faulty.adapter);
    expect(textsOf(faulty)).toEqual({});
    expect(reports.map(({ state, files }) => [state, files[0]?.uploaded])).toEqual(
      NAMES.map(() => ['failed', null]),
    );
    expect(failure).toMatchObject({ code: 'storage.failed', details: { outputs: [...NAMES] } });
    expect(failure?.message).toMatch(
      /^3 of 3 outputs could not be stored: output ".": .*no room; the others/,
    );
  });

  it('that fails once is tried again, with the same key', async () => {
    const keys = new Map<string, Set<string>>();
    const faulty = make({ write: counting((count) => (count === 2 ? 'fail' : 'store')) });
    const { failure } = await collectThree(spying(faulty.adapter, keys));
    expect(failure).toBeNull();
    expect(textsOf(faulty)).toEqual(ALL);
    for (const [path, seen] of keys) expect([path, seen.size]).toEqual([path, 1]);
  });

  it('is given up after three tries, with a longer pause before each', async () => {
    const pauses: number[] = [];
    const faulty = make({
      write: async (path, write) => (path.endsWith('x') ? write() : Promise.reject(new Error('down'))),
    });
    const pause = async (milliseconds: number): Promise<void> => {
      pauses.push(milliseconds);
      return Promise.resolve();
    };
    expect((await collectThree(faulty.adapter, { pause })).failure?.message).toContain('down');
    expect(pauses.sort((a, b) => a - b)).toEqual([200, 200, 200, 1000, 1000, 1000]);
    expect(textsOf(faulty)).toEqual({});
  });

  it('that throws after it stored has stored', async () => {
    const failed = new Set<string>();
    const faulty = make({
      write: async (path, write) => {
        const entry = await write();
        if (failed.has(path)) return entry;
        failed.add(path);
        throw new Error('the answer was lost');
      },
    });
    const { failure } = await collectThree(faulty.adapter);
    expect(failure).toBeNull();
    expect(textsOf(faulty)).toEqual(ALL);
  });

  it('that stores twice has stored', async () => {
    const faulty = make({
      write: async (_path, write) => {
        await write();
        return write();
      },
    });
    expect((await collectThree(faulty.adapter)).failure).toBeNull();
    expect(textsOf(faulty)).toEqual(ALL);
  });

  it('that hangs is left when the time is up, and shows nothing', async () => {
    const controller = new AbortController();
    let count = 0;
    const faulty = make({
      write: async (_path, write) => {
        count += 1;
        if (count < 2) return write();
        controller.abort(new Error('time is up'));
        return new Promise(() => undefined);
      },
    });
    await expect(collectThree(faulty.adapter, { signal: controller.signal })).rejects.toThrow('time is up');
    expect(textsOf(faulty)).toEqual({});
  });

  it.each([
    ['fewer', 3],
    ['more', 300],
  ])('that says it stored %s bytes has failed', async (_name, sizeBytes) => {
    const faulty = make({
      write: async (path, write) => ({ ...(await write()), ...(isFor(path, 'b') ? { sizeBytes } : {}) }),
    });
    const { failure } = await collectThree(faulty.adapter);
    expect(failure?.message).toMatch(/it stored (3|300) bytes instead of 12/);
    expect(textsOf(faulty)).toEqual({});
  });

  it('that says it stored other bytes has failed', async () => {
    const faulty = make({ write: async (_path, write) => ({ ...(await write()), sha256: '0'.repeat(64) }) });
    expect((await collectThree(faulty.adapter)).failure?.message).toMatch(/bytes of another SHA-256/);
    expect(textsOf(faulty)).toEqual({});
  });

  it('that has one of them shows none of the others, and is asked once', async () => {
    let pauses = 0;
    const faulty = make({}, { 'out/c': 'theirs' });
    const pause = async (): Promise<void> => Promise.resolve(void (pauses += 1));
    const { failure, reports } = await collectThree(faulty.adapter, { pause });
    expect(failure).toMatchObject({ code: 'storage.exists' });
    expect(failure?.hint).toContain('overwrite');
    expect(textsOf(faulty)).toEqual({ 'out/c': 'theirs' });
    expect(reports.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed']);
    expect(pauses).toBe(0);
  });

  it('replaces where it was told to', async () => {
    const faulty = make({}, { 'out/c': 'theirs' });
    expect((await collectThree(faulty.adapter, {}, { overwrite: true })).failure).toBeNull();
    expect(textsOf(faulty)).toEqual(ALL);
  });

  it('tells its journal before and after, in words another process can act on', async () => {
    const steps: [PublicationStep, Publication][] = [];
    const faulty = make();
    const journal = async (step: PublicationStep, publication: Publication): Promise<void> => {
      expect(Object.keys(textsOf(faulty)).filter((path) => path in ALL)).toHaveLength(
        step === 'published' ? 3 : 0,
      );
      steps.push([step, JSON.parse(JSON.stringify(publication)) as Publication]);
      return Promise.resolve();
    };
    await collectThree(faulty.adapter, { journal });
    expect(steps.map(([step]) => step)).toEqual(['storing', 'publishing', 'published']);
    const [, publication] = steps[0] ?? [];
    expect(publication).toMatchObject({ mountId: '5', metadata: { jobRunId: 'r1' } });
    expect(publication?.objects.map(({ path }) => path)).toEqual(Object.keys(ALL));
    expect(publication?.transactionId === null).toBe(kind === 'that can remove');
    expect(new Set(steps.map(([, each]) => JSON.stringify(each))).size).toBe(1);
  });

  it.each<[PublicationStep, string]>([
    ['storing', 'before the first byte'],
    ['storing', 'before the last'],
    ['publishing', 'before anything is visible'],
    ['publishing', 'when a part is visible'],
  ])('can be ended by others after a crash: %s, %s', async (step, moment) => {
    const last = await crash(make, step, moment);
    expect(last.step).toBe(step);
    const options = { adapter: last.memory, signal: noSignal(), pause: async () => Promise.resolve() };
    // The adapter of the other process has the same methods, and knows nothing of this one.
    const adapter = { ...make().adapter, ...options.adapter };
    const end = step === 'storing' ? withdrawPublication : finishPublication;
    for (let times = 0; times < 2; times += 1) await end(last.publication, { ...options, adapter });
    expect(textsOf(last)).toEqual(step === 'storing' ? {} : ALL);
  });
});

/** Collects until a moment and then does nothing any more, as a process that was killed; the journal's last word is what is known. */
async function crash(
  make: (faults: Faults) => Faulty,
  step: PublicationStep,
  moment: string,
): Promise<Faulty & { readonly step: PublicationStep; readonly publication: Publication }> {
  // Let go of when the test is over: until then nobody does anything, and then its files are closed.
  const dead = new Promise<never>((_, reject) => {
    onTestFinished(() => {
      reject(new Error('the test is over'));
    });
  });
  dead.catch(() => undefined);
  return new Promise((resolve, reject) => {
    const seen: { step: PublicationStep; publication: Publication }[] = [];
    const die = async (): Promise<never> => {
      const last = seen.at(-1);
      if (last === undefined) reject(new Error('the journal was not told'));
      else resolve({ ...faulty, ...last });
      return dead;
    };
    const finals = new Set<string>();
    const faulty = make({
      write: async (path, write) => {
        const now = seen.at(-1)?.step;
        if (now === 'publishing') finals.add(path);
        const isMoment =
          (moment === 'before the last' &&
            now === 'storing' &&
            path.endsWith(path.includes('temporary') ? '-2' : 'c')) ||
          (moment === 'when a part is visible' && finals.size === 2);
        return isMoment ? die() : write();
      },
      commit: async (commit) => {
        if (moment === 'when a part is visible') await commit();
        return die();
      },
    });
    const journal = async (now: PublicationStep, publication: Publication): Promise<void> => {
      seen.push({ step: now, publication });
      if (now === step && (moment === 'before the first byte' || moment === 'before anything is visible'))
        await die();
    };
    collectThree(faulty.adapter, { journal, concurrency: 1 }).catch(reject);
  });
}

describe('a storage with transactions', () => {
  it('whose commit throws after it was done has done it', async () => {
    let commits = 0;
    const faulty = transactional({
      commit: async (commit) => {
        commits += 1;
        await commit();
        if (commits === 1) throw new Error('the answer was lost');
      },
    });
    expect((await collectThree(faulty.adapter)).failure).toBeNull();
    expect([commits, textsOf(faulty)]).toEqual([2, ALL]);
  });

  it('whose commit always says that it failed is judged by what can be seen', async () => {
    const done = transactional({
      commit: async (commit) => {
        await commit();
        throw new Error('lost');
      },
    });
    expect((await collectThree(done.adapter)).failure).toBeNull();
    expect(textsOf(done)).toEqual(ALL);
    const undone = transactional({ commit: async () => Promise.reject(new Error('refused')) });
    const { failure, reports } = await collectThree(undone.adapter);
    expect(failure?.message).toContain('refused');
    expect(reports.every(({ state }) => state === 'failed')).toBe(true);
    expect(textsOf(undone)).toEqual({});
  });

  it('whose commit was done in part says truly which part', async () => {
    const faulty = transactional(
      { commit: async () => Promise.reject(new Error('half way')) },
      { 'out/b': 'content of b' },
    );
    const { reports, failure } = await collectThree(faulty.adapter, {}, { overwrite: true });
    expect(reports.map(({ state }) => state)).toEqual(['failed', 'uploaded', 'failed']);
    expect(failure?.message).toContain('half way');
  });
});

describe('a storage that can remove', () => {
  it('loses again what became visible before another object could not', async () => {
    const faulty = removing(
      { write: async (path, write) => (path === 'out/b' ? Promise.reject(new Error('gone')) : write()) },
      { 'out/a': 'theirs' },
    );
    const { reports } = await collectThree(faulty.adapter, {}, { overwrite: true });
    // What was replaced cannot be had back, and the report says so.
    expect(textsOf(faulty)).toEqual({ 'out/a': 'content of a' });
    expect(reports.map(({ state }) => state)).toEqual(['uploaded', 'failed', 'failed']);
  });

  it('that cannot be tidied up is a warning, not a failure', async () => {
    const faulty = removing();
    const warnings: string[] = [];
    const adapter = { ...faulty.adapter, remove: async () => Promise.reject(new Error('not allowed')) };
    const { failure } = await collectThree(adapter, { onWarning: (message) => warnings.push(message) });
    expect(failure).toBeNull();
    expect(warnings).toEqual([
      expect.stringMatching(/unfinished objects may be left in storage "5": .*not allowed/),
    ]);
  });
});

describe('several storages', () => {
  it('are each for themselves', async () => {
    const workspace = await makeWorkspace();
    for (const name of NAMES) writeFileSync(at(workspace, name), name);
    const [five, six] = [removing({ write: counting(() => 'fail') }), transactional()];
    const outputTo = memoryStorage();
    const uploads = [to('a'), to('b', { backendMountId: '6' }), 'caller'] as const;
    const outputs = NAMES.map((workspacePath, index) => ({ workspacePath, upload: uploads[index] ?? null }));
    const { reports, failure } = await collect(workspace, outputs, {
      storage: { 5: five.adapter, 6: six.adapter },
      outputTo,
    });
    expect(reports.map(({ state }) => state)).toEqual(['failed', 'uploaded', 'uploaded']);
    expect(failure?.message).toMatch(/^1 of 3 outputs could not be stored/);
    expect([Object.keys(six.memory.files()), Object.keys(outputTo.files())]).toEqual([['b'], ['c']]);
  });
});

describe('filesystemStorage', () => {
  it('has all outputs or none, and nothing beside them', async () => {
    const root = join(await scratch(), 'root');
    const storage = filesystemStorage(root);
    const paths = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const { path, type } of storage.list('', { signal: noSignal() }))
        if (type === 'file') found.push(path);
      return found.sort();
    };
    expect((await collectThree(storage)).failure).toBeNull();
    expect(await paths()).toEqual(Object.keys(ALL));
    const again = await collectThree(storage);
    expect(again.failure).toMatchObject({ code: 'storage.exists' });
    expect(await paths()).toEqual(Object.keys(ALL));
  });
});

/** Notes the keys each path was written with. */
function spying(adapter: StorageAdapter, keys: Map<string, Set<string>>): StorageAdapter {
  const note = (path: string, key: string): void => {
    keys.set(path, (keys.get(path) ?? new Set()).add(key));
  };
  const { begin } = adapter;
  return {
    ...adapter,
    write: async (path, body, options) => {
      note(path, options.idempotencyKey);
      return adapter.write(path, body, options);
    },
    ...(begin === undefined
      ? {}
      : {
          begin: (told) => {
            const transaction = begin(told);
            return {
              ...transaction,
              write: async (path, body, options) => {
                note(path, options.idempotencyKey);
                return transaction.write(path, body, options);
              },
            };
          },
        }),
  };
}

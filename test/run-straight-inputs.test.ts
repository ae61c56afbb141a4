/** Runs whose large inputs go straight from a storage into a volume, on the fake engine: what the job sees, and that a job never sees a part of one. */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type JobDefinition,
  memoryStorage,
  type RunResult,
  type RuntimeConfigInput,
  type StorageAdapter,
} from 'berthkit';
import { fakeEngine, type FakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import { STRAIGHT_BYTES } from '../src/workspace/straight-file.js';
import { DEFINITION, settle, type Setup, setUp, testFolder } from './run-fixture.js';

const MIB = 1024 * 1024;
const CHUNK = Buffer.alloc(MIB, 'x');
const LARGE = STRAIGHT_BYTES;
const sha256 = ((): string => {
  const hash = createHash('sha256');
  for (let bytes = 0; bytes < LARGE; bytes += MIB) hash.update(CHUNK);
  return hash.digest('hex');
})();

async function* large(bytes = LARGE, then?: () => Promise<void>): AsyncGenerator<Uint8Array> {
  for (let given = 0; given < bytes; given += MIB) yield await Promise.resolve(CHUNK);
  await then?.();
}

/** A storage with one large file, `a`, that is read as told. */
const storing = (read: StorageAdapter['read']): StorageAdapter => ({
  ...memoryStorage(),
  stat: (path) => Promise.resolve({ path, type: 'file', sizeBytes: LARGE }),
  read,
});

/** A setup whose job tells the SHA-256 of its input. */
function withLarge(
  read: StorageAdapter['read'],
  change: (engine: FakeEngine) => Partial<FakeEngine['containers']> = () => ({}),
  timeouts: RuntimeConfigInput['timeouts'] = {},
): Setup {
  const engine = fakeEngine({
    run: async (job) => {
      await job.stdout(
        createHash('sha256')
          .update(await job.readFile('/workspace/a'))
          .digest('hex'),
      );
      await job.writeFile('/workspace/out.txt', 'result');
      return { exitCode: 0 };
    },
  });
  const changed = { ...engine, containers: { ...engine.containers, ...change(engine) } };
  const config = { workspace: { transport: 'volume' }, timeouts } as const;
  return {
    ...setUp({}, { engine: changed, storage: { in: storing(read), out: memoryStorage() } }, config),
    engine,
  };
}

const whole: StorageAdapter['read'] = () => Promise.resolve(large());
const wasStarted = ({ engine }: Setup): boolean =>
  engine.calls.some(({ call }) => call === 'containers.start');

describe('a large input', () => {
  it('is in the volume as it is in the storage, and never on a disk of this host', async () => {
    const onDisk: number[] = [];
    const setup = withLarge(whole, ({ containers }) => ({
      copyIn: async (...parts) => {
        const root = join(testFolder(), 'root');
        const [folder = ''] = (await readdir(root)).filter((name) => name.startsWith('run-'));
        const staged = join(root, folder, 'inputs/0');
        onDisk.push((await stat(staged)).size);
        await containers.copyIn?.(...parts);
        onDisk.push((await stat(staged)).size);
      },
    }));
    const result = (await settle(setup)) as RunResult;
    expect(result).toMatchObject({
      status: 'succeeded',
      stdout: { text: sha256 },
      inputs: [{ state: 'staged', type: 'file', files: 1, sizeBytes: LARGE, sha256 }],
    });
    expect(onDisk).toEqual([0, 0]);
    const told = setup.events.filter(({ type }) => type.startsWith('stage_'));
    expect(told).toMatchObject([
      { type: 'stage_start', inputs: 1 },
      { type: 'stage_progress', workspacePath: 'a', files: 1, sizeBytes: LARGE },
      { type: 'stage_end', files: 1, sizeBytes: LARGE },
    ]);
  });

  it.each<[string, StorageAdapter['read'], RegExp]>([
    [
      'breaks off',
      () => Promise.resolve(large(LARGE / 2, () => Promise.reject(new Error('line cut')))),
      /line cut/,
    ],
    ['is a byte short', () => Promise.resolve(large(LARGE - MIB)), /size mismatch/],
    ['is too long', () => Promise.resolve(large(LARGE + MIB)), /size mismatch/],
    ['is not there any more', () => Promise.reject(new Error('gone')), /gone/],
  ])('that %s ends the run before its job is started, and nothing is left', async (_, read, message) => {
    const setup = withLarge(read);
    expect(await settle(setup)).toMatchObject({
      code: 'storage.failed',
      retryable: true,
      message: expect.stringMatching(message) as string,
    });
    expect(wasStarted(setup)).toBe(false);
  });

  it('that breaks off is read anew by the next attempt, into a new volume', async () => {
    let reads = 0;
    const setup = withLarge(() => {
      reads += 1;
      return Promise.resolve(reads === 1 ? large(MIB, () => Promise.reject(new Error('line cut'))) : large());
    });
    const retry = { maxAttempts: 2, initialDelayMs: 1 } as const;
    const definition: JobDefinition = { ...DEFINITION, retry };
    const result = await setup.runtime.runJob(definition);
    expect(result).toMatchObject({ status: 'succeeded', stdout: { text: sha256 }, attempt: 2 });
    expect(reads).toBe(2);
    await setup.runtime.close();
    expect(setup.engine.leftovers()).toEqual([]);
  });

  it('of an engine that answers before it has all of it is not taken for whole', async () => {
    const setup = withLarge(whole, () => ({
      copyIn: async (_id, _path, tar) => {
        for await (const chunk of tar) if (chunk.byteLength > 0) return;
      },
    }));
    expect(await settle(setup)).toMatchObject({
      code: 'engine.failed',
      message: expect.stringContaining('input "a"') as string,
    });
    expect(wasStarted(setup)).toBe(false);
  });
});

describe('a large input that hangs', () => {
  /** Gives some of its bytes and then nothing; tells when it does, and when it was let go. */
  function hanging() {
    const state = { isOpened: false, isHanging: false, isLetGo: false };
    const read: StorageAdapter['read'] = () => {
      const bytes = large();
      let given = 0;
      return Promise.resolve({
        [Symbol.asyncIterator]: () => {
          state.isOpened = true;
          return {
            next: async () => {
              given += 1;
              if (given < 4) return bytes.next();
              state.isHanging = true;
              return new Promise<never>(() => undefined);
            },
            return: async () => {
              state.isLetGo = true;
              return Promise.resolve({ done: true, value: undefined });
            },
          };
        },
      });
    };
    return { state, read };
  }
  const untilHanging = async (state: { readonly isHanging: boolean }): Promise<void> =>
    vi.waitFor(
      () => {
        expect(state.isHanging).toBe(true);
      },
      { timeout: 60_000 },
    );

  it('is let go of when the run is cancelled', async () => {
    const { state, read } = hanging();
    const setup = withLarge(read);
    const stop = new AbortController();
    const outcome = settle(setup, { signal: stop.signal });
    await untilHanging(state);
    stop.abort();
    expect(await outcome).toMatchObject({ status: 'cancelled' });
    expect(state.isLetGo).toBe(true);
    expect(wasStarted(setup)).toBe(false);
  });

  it('is let go of when its time is up', async () => {
    const { state, read } = hanging();
    const setup = withLarge(read, undefined, { default: { stageMs: 1_000 } });
    expect(await settle(setup)).toMatchObject({ code: 'workspace.stage_timed_out' });
    // However busy the machine is: it may not have come to it.
    expect(state.isLetGo).toBe(state.isOpened);
    expect(wasStarted(setup)).toBe(false);
  });

  it('is let go of when the engine fails meanwhile', async () => {
    const { state, read } = hanging();
    const setup = withLarge(read, ({ containers }) => ({
      copyIn: async (...parts) => {
        const filling = containers.copyIn?.(...parts);
        filling?.catch(() => undefined);
        await untilHanging(state);
        throw new Error('the engine is gone');
      },
    }));
    expect(await settle(setup)).toMatchObject({
      message: expect.stringContaining('the engine is gone') as string,
    });
    expect(state.isLetGo).toBe(true);
    expect(wasStarted(setup)).toBe(false);
  });
});

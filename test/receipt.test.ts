import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  compileJob,
  type JobDefinition,
  memoryStorage,
  parseConfig,
  type Receipt,
  type RunResult,
  validateJob,
  verifyReceipt,
} from 'berthkit';
import type { FakeEngineScript } from 'berthkit/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFINITION, SECRET, settle, setUp, testFolder } from './run-fixture.js';

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function runOnce(
  options: Parameters<typeof settle>[1] = {},
  definition = DEFINITION,
  job?: Parameters<typeof setUp>[0],
): Promise<RunResult & { readonly receipt: Receipt }> {
  const outcome = await settle(setUp(job), options, definition);
  const result = 'status' in outcome ? outcome : outcome.result;
  if (result?.receipt == null) throw new Error('there is no receipt');
  return { ...result, receipt: result.receipt };
}

const paths = (value: object, prefix = ''): readonly string[] =>
  Object.entries(value).flatMap(([key, member]: [string, unknown]) =>
    typeof member === 'object' && member !== null ? paths(member, `${prefix}${key}.`) : [`${prefix}${key}`],
  );

function changed(receipt: Receipt, path: string): Receipt {
  const copy = JSON.parse(JSON.stringify(receipt)) as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce((object, key) => object[key] as Record<string, unknown>, copy);
  parent[last] = typeof parent[last] === 'number' ? 7 : 'f'.repeat(64);
  return copy as unknown as Receipt;
}

describe('receipt', () => {
  it('is valid for its own result, policy and request, also after a way through JSON', async () => {
    const setup = setUp();
    const { config } = setup.runtime;
    const outcome = await settle(setup);
    const result = JSON.parse(JSON.stringify(outcome)) as RunResult;
    const validation = validateJob(DEFINITION, config);
    if (!validation.ok) throw new Error('the job is invalid');
    const request = compileJob(validation.job);
    const check = verifyReceipt(result.receipt, { result, policy: config.policy, request });
    expect(check).toEqual({ valid: true, differences: [] });
  });

  it('is the same for the same job apart from what is volatile', async () => {
    const [first, second] = [await runOnce(), await runOnce()];
    expect(second.receipt.stable).toEqual(first.receipt.stable);
    expect(second.receipt.stableHash).toBe(first.receipt.stableHash);
    expect(second.receipt.receiptHash).not.toBe(first.receipt.receiptHash);
    expect(verifyReceipt(second.receipt, { result: first }).differences).toContain('volatile.runId');
  });

  it.each<[string, string, () => ReturnType<typeof runOnce>]>([
    [
      'another command',
      'request',
      () => runOnce({}, { ...DEFINITION, docker: { ...DEFINITION.docker, command: ['x'] } }),
    ],
    [
      'another exit code',
      'verdict',
      () => runOnce({}, DEFINITION, { run: () => Promise.resolve({ exitCode: 3 }) }),
    ],
    ['another time limit', 'request', () => runOnce({ timeoutMs: 9_000 })],
    [
      'another output',
      'outputs',
      () =>
        runOnce({}, DEFINITION, {
          run: async (job) => {
            await job.writeFile('/workspace/out.txt', 'another result');
            return { exitCode: 0 };
          },
        }),
    ],
  ])('tells a job with %s apart', async (_, key, other) => {
    const [one, another] = [await runOnce(), await other()];
    expect(another.receipt.stable).toHaveProperty(key);
    expect(another.receipt.stable[key as 'request']).not.toBe(one.receipt.stable[key as 'request']);
    expect(another.receipt.stableHash).not.toBe(one.receipt.stableHash);
  });

  it('is another one when a single byte of what the job is given changes, wherever it is', async () => {
    const local = join(testFolder(), 'local');
    await mkdir(join(local, 'deep'), { recursive: true });
    // One for each way in: text, bytes, a stream, a local file, one in a local folder, standard input, a storage's file and one in its folder.
    const content = () => Array.from({ length: 8 }, (_, index) => Buffer.from(`content ${String(index)}`));
    const definition: JobDefinition = {
      docker: {
        image: 'busybox:1',
        inputs: ['file', 'folder'].map((path) => ({
          source: { type: 'filestorePath', backendMountId: 'in', path: `/${path}` },
          workspacePath: `in/${path}`,
        })),
      },
    };
    const run: FakeEngineScript['run'] = async ({ stdin }) => {
      let read = 0;
      for await (const chunk of stdin) read += chunk.byteLength;
      return { exitCode: read === 9 ? 0 : 1 };
    };
    const inputsOf = async (given: readonly Buffer[]): Promise<string> => {
      const [text, bytes, stream, file, deep, stdin, stored, within] = given as Buffer[] & { length: 8 };
      await writeFile(join(local, 'file'), file ?? '');
      await writeFile(join(local, 'deep/file'), deep ?? '');
      const storage = {
        in: memoryStorage({ file: stored ?? '', 'folder/a/b': within ?? '', 'folder/c': 'c' }),
      };
      const options = {
        files: {
          text: (text ?? '').toString('latin1'),
          bytes: bytes ?? '',
          stream: once(stream ?? Buffer.alloc(0)),
          file: { path: join(local, 'file') },
          folder: { content: { path: join(local, 'deep') } },
        },
        stdin: once(stdin ?? Buffer.alloc(0)),
      };
      const outcome = await settle(setUp({ run }, { storage }), options, definition);
      if (!('status' in outcome)) throw outcome;
      expect(outcome).toMatchObject({ status: 'succeeded', given: { stdin: { sizeBytes: 9 } } });
      expect(verifyReceipt(outcome.receipt, { result: outcome })).toMatchObject({ valid: true });
      return outcome.receipt?.stable.inputs ?? '';
    };
    const before = await inputsOf(content());
    expect(await inputsOf(content())).toBe(before);
    const where = fc.tuple(fc.nat({ max: 7 }), fc.nat({ max: 8 }), fc.integer({ min: 1, max: 127 }));
    const changes = Array.from({ length: 8 }, (_, index): [[number, number, number]] => [[index, 0, 1]]);
    await fc.assert(
      fc.asyncProperty(where, async ([index, at, change]) => {
        const given = content();
        const one = given[index] ?? Buffer.alloc(0);
        one[at] = (one[at] ?? 0) ^ change;
        expect(await inputsOf(given)).not.toBe(before);
      }),
      { numRuns: 24, examples: changes },
    );
  });

  it('is not valid where it is to be compared with what there is not, as by a word misspelt', async () => {
    const { receipt } = await runOnce();
    const misspelt = { resutl: { receipt } } as unknown as Parameters<typeof verifyReceipt>[1];
    expect(verifyReceipt(receipt, misspelt)).toEqual({ valid: false, differences: ['proof.resutl'] });
  });

  it('is compared with the policy that a profile makes', async () => {
    const profiles = { small: { limits: { default: { memoryBytes: '64MiB' } } } };
    const setup = setUp({}, {}, { policy: { profiles } });
    const { config } = setup.runtime;
    const outcome = await settle(setup, { profile: 'small' });
    if (!('status' in outcome)) throw outcome;
    const { policy } = parseConfig(config, { policy: config.policy.profiles['small'] });
    const { receipt } = outcome;
    const check = verifyReceipt(receipt, { result: outcome, policy: { ...policy, profiles: {} } });
    expect(check).toEqual({ valid: true, differences: [] });
    expect(verifyReceipt(receipt, { policy: config.policy }).differences).toEqual(['stable.policy']);
  });

  it('names changed hashes of what was given', async () => {
    const result = await runOnce({ files: { b: 'x' }, stdin: 'y' });
    const check = (given: RunResult['given']): readonly string[] =>
      verifyReceipt(result.receipt, { result: { ...result, given } }).differences;
    expect(check(result.given)).toEqual([]);
    const { files, stdin } = result.given;
    for (const other of [
      { files: [], stdin },
      { files: files.map((file) => ({ ...file, sha256: '0'.repeat(64) })), stdin },
      { files, stdin: null },
    ]) {
      expect(check(other)).toEqual(['stable.inputs', 'volatile.result']);
    }
  });

  it('fails the check when any part of it is changed', async () => {
    const { receipt } = await runOnce();
    const all = paths(receipt);
    expect(all.length).toBeGreaterThan(12);
    for (const path of all) expect(verifyReceipt(changed(receipt, path)).valid, path).toBe(false);
  });

  it('names what was changed in a result', async () => {
    const result = await runOnce();
    const check = (change: Partial<RunResult>): readonly string[] =>
      verifyReceipt(result.receipt, { result: { ...result, ...change } as RunResult }).differences;
    expect(check({ exitCode: 1 })).toEqual(['stable.verdict', 'volatile.result']);
    expect(check({ outputs: [] })).toEqual(['stable.outputs', 'volatile.result']);
    expect(check({ message: 'all is well' })).toEqual(['volatile.result']);
    expect(check({ usage: { peakMemoryBytes: 1, cpuTimeMs: 1 } })).toEqual([
      'volatile.usage',
      'volatile.result',
    ]);
  });

  it('accounts for a job that failed, for one that was cancelled, and for one whose output could not be stored', async () => {
    const failed = await runOnce({}, DEFINITION, { run: () => Promise.resolve({ exitCode: 3 }) });
    expect(verifyReceipt(failed.receipt, { result: failed }).valid).toBe(true);
    const cancelled = await runOnce({ signal: AbortSignal.abort() });
    expect(verifyReceipt(cancelled.receipt, { result: cancelled }).valid).toBe(true);
    const broken = { ...memoryStorage(), write: () => Promise.reject(new Error('the disk is gone')) };
    const storage = { in: memoryStorage({ a: 'input' }), out: broken };
    const outcome = await settle(setUp({}, { storage }));
    if (!('kind' in outcome)) throw new Error('it was stored');
    const { result } = outcome;
    expect(verifyReceipt(result?.receipt, { result }).valid).toBe(true);
  });

  it('reveals no secret and survives text that is no Unicode', async () => {
    const result = await runOnce({ metadata: { odd: '\uD800' } }, DEFINITION, {
      run: async (job) => {
        await job.stderr(`${'x'.repeat(4095)}\u{1F600}\n`);
        return { exitCode: 3 };
      },
    });
    expect(JSON.stringify(result.receipt)).not.toContain(SECRET);
    expect(verifyReceipt(result.receipt, { result }).valid).toBe(true);
  });

  it.each([null, undefined, 'receipt', 7, [], {}, { stable: null }, { receiptHash: 'x', stable: {} }])(
    'calls %j no valid receipt, without throwing',
    async (value) => {
      expect(verifyReceipt(value).valid).toBe(false);
      expect(verifyReceipt(value, { result: await runOnce() }).valid).toBe(false);
    },
  );
});

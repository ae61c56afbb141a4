/** Large inputs that go straight from a storage into a volume of a real engine: as any other for the job, and never a part of one. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assertSucceeded, filesystemStorage, memoryStorage, type StorageAdapter } from 'berthkit';
import { beforeAll, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { STRAIGHT_BYTES } from '../../src/workspace/straight-file.js';
import { temporaryFolder, testRuntime } from './setup.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

/** No whole number of blocks of a tar. */
const largeBytes = STRAIGHT_BYTES + 1_234_567;
const large = (): Buffer => Buffer.alloc(largeBytes, 'large and larger still ');

it('large inputs go straight from their storage, and a job has them as it has others', async () => {
  const folder = await temporaryFolder();
  const content = large();
  const sha256 = createHash('sha256').update(content).digest('hex');
  await mkdir(join(folder, 'deep/er'), { recursive: true });
  for (const path of ['one', 'deep/er/two']) await writeFile(join(folder, path), content);
  await writeFile(join(folder, 'deep/small'), 'small');
  const refused = (command: string): string => `if ${command} 2>/dev/null; then echo "${command}"; fi`;
  const script = [
    'sha256sum < one; sha256sum < in/er/two; sha256sum < /data/er/two; cat in/small; echo',
    'stat -c "%a %s" -L one in/er/two',
    'test $(( $(date +%s) - $(stat -c %Y -L one) )) -lt 3600 || echo old',
    refused('echo x >> one'),
    refused('rm in/er/two'),
  ].join('\n');
  const at = (path: string) => ({ type: 'filestorePath', backendMountId: 'data', path }) as const;
  const runtime = await testRuntime(
    { workspace: { transport: 'volume' } },
    { storage: { data: filesystemStorage(folder) } },
  );
  const result = await runtime.runJob({
    docker: {
      image,
      command: ['sh', '-c', script],
      workingDirectory: '/workspace',
      inputs: [
        { source: at('/one'), workspacePath: 'one' },
        { source: at('/deep'), workspacePath: 'in', mountPath: '/data' },
      ],
    },
  });
  const line = `${sha256}  -`;
  const facts = `444 ${String(largeBytes)}`;
  expect(result.stdout.text?.trim().split('\n')).toEqual([line, line, line, 'small', facts, facts]);
  assertSucceeded(result);
  expect(result.inputs).toMatchObject([
    { type: 'file', sizeBytes: largeBytes, sha256 },
    { type: 'directory', files: 2, sizeBytes: largeBytes + 5 },
  ]);
});

it.each<[string, (content: Buffer) => AsyncGenerator<Uint8Array>]>([
  [
    'breaks off',
    async function* (content) {
      yield await Promise.resolve(content.subarray(0, largeBytes / 2));
      throw new Error('line cut');
    },
  ],
  [
    'is a byte short',
    async function* (content) {
      yield await Promise.resolve(content.subarray(1));
    },
  ],
])('a large input that %s ends the run, and its job never begins', async (_, give) => {
  const content = large();
  const data: StorageAdapter = {
    ...memoryStorage(),
    stat: (path) => Promise.resolve({ path, type: 'file', sizeBytes: content.length }),
    read: () => Promise.resolve(give(content)),
  };
  const events: string[] = [];
  const runtime = await testRuntime(
    { workspace: { transport: 'volume' } },
    { storage: { data }, onEvent: ({ type }) => events.push(type) },
  );
  const source = { type: 'filestorePath', backendMountId: 'data', path: '/one' } as const;
  const docker = { image, command: ['true'], inputs: [{ source, workspacePath: 'one' }] };
  await expect(runtime.runJob({ docker })).rejects.toMatchObject({
    code: 'storage.failed',
    phase: 'stage',
  });
  expect(events).not.toContain('container_created');
  expect(events).not.toContain('cleanup_error');
});

it('a run that is cancelled while a large input hangs half-way leaves nothing', async () => {
  const content = large();
  const stop = new AbortController();
  const data: StorageAdapter = {
    ...memoryStorage(),
    stat: (path) => Promise.resolve({ path, type: 'file', sizeBytes: content.length }),
    read: () =>
      Promise.resolve(
        (async function* () {
          yield await Promise.resolve(content.subarray(0, largeBytes / 2));
          stop.abort();
          await new Promise(() => undefined);
        })(),
      ),
  };
  const runtime = await testRuntime({ workspace: { transport: 'volume' } }, { storage: { data } });
  const source = { type: 'filestorePath', backendMountId: 'data', path: '/one' } as const;
  const docker = { image, command: ['true'], inputs: [{ source, workspacePath: 'one' }] };
  const result = await runtime.runJob({ docker }, { signal: stop.signal });
  expect(result).toMatchObject({ status: 'cancelled' });
  expect(result.warnings.filter((warning) => warning.includes('clean-up'))).toEqual([]);
});

/**
 * A mount that the definition or the image makes impossible is their fault, and not worth another try, however the files of a run get into its container; and
 * no image keeps them from getting there.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesystemStorage, type JobDefinition, memoryStorage, type RunResult, type Runtime } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { buildVariant, type VariantOptions } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { isRemote, testEngine } from './test-engine.js';

type Docker = Partial<JobDefinition['docker']>;

/** A file of the image. */
const TAKEN = { '/taken': 'a file' };
const input = { source: { type: 'inline', content: 'given' }, workspacePath: 'a' } as const;

async function definitionOf(variant: VariantOptions, docker: Docker = {}): Promise<JobDefinition> {
  return { docker: { image: await buildVariant(variant), command: ['true'], ...docker } };
}

function expectMountFailure(result: RunResult): void {
  expect(result, result.message).toMatchObject({
    ...{ status: 'failed', reason: 'start_failed', category: 'user', retryable: false, exitCode: 127 },
    hints: [{ code: 'mount_failed', message: expect.stringContaining('VOLUME') as string }],
  });
}

describe('a mount that cannot be made:', () => {
  it.each<[string, VariantOptions, Docker]>([
    ['a VOLUME where the image has a file', { changes: ['VOLUME ["/taken"]'], files: TAKEN }, {}],
    ['a VOLUME beneath a file of the image', { changes: ['VOLUME ["/taken/deep"]'], files: TAKEN }, {}],
    ['a VOLUME there with dots in it', { changes: ['VOLUME ["/a/../taken"]'], files: TAKEN }, {}],
    [
      'a VOLUME beneath a file in the workspace',
      { changes: ['VOLUME ["/workspace/a/deep"]'] },
      { inputs: [input] },
    ],
    ['a tmpfs where the image has a file', { files: TAKEN }, { tmpfs: [{ path: '/taken' }] }],
    ['the workspace where the image has a file', { files: TAKEN }, { workspaceMountPath: '/taken' }],
    ['the workspace beneath a file of the image', { files: TAKEN }, { workspaceMountPath: '/taken/work' }],
  ])('%s', async (_, variant, docker) => {
    const runtime = await testRuntime();
    expectMountFailure(await runtime.runJob(await definitionOf(variant, docker)));
  });

  it.each<[string, VariantOptions]>([
    ['where the image has a file', { files: { '/given': 'a file' } }],
    ['in which runc finds no place for a VOLUME of the image', { changes: ['VOLUME ["/given/deep"]'] }],
  ])('a folder %s', async (_, variant) => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'in'));
    await writeFile(join(folder, 'in/a'), 'given');
    const runtime = await testRuntime({}, { storage: { data: filesystemStorage(folder) } });
    const source = { type: 'filestorePath', backendMountId: 'data', path: '/in' } as const;
    const inputs = [{ source, workspacePath: 'in', mountPath: '/given' }];
    expectMountFailure(await runtime.runJob(await definitionOf(variant, { inputs })));
  });
});

/** By parts of volumes, where the engine does not see the files of this host. */
async function mountsFiles(): Promise<boolean> {
  const engine = testEngine();
  try {
    return !isRemote || (await engine.info()).volumeSubpaths;
  } finally {
    await engine.close();
  }
}

/** Before anything is made, by the name of what needs it. */
async function expectUnsupported(runtime: Runtime, definition: JobDefinition): Promise<void> {
  await expect(runtime.runJob(definition)).rejects.toMatchObject({
    ...{ code: 'engine.unsupported', retryable: false, details: { field: 'docker.inputs.0' } },
    message: expect.stringContaining('input "a"') as string,
  });
}

describe('a file with a place of its own', () => {
  it.each<[string, VariantOptions, string]>([
    ['where every job has a folder', {}, '/tmp'],
    ['where the image has a folder', { folders: { '/folder': 0o755 } }, '/folder'],
    ['beneath a file of the image', { files: TAKEN }, '/taken/a'],
    ['beneath which the image has a VOLUME', { changes: ['VOLUME ["/given/deep"]'] }, '/given'],
  ])('cannot be mounted %s', async (_, variant, mountPath) => {
    const runtime = await testRuntime();
    const definition = await definitionOf(variant, { inputs: [{ ...input, mountPath }] });
    if (await mountsFiles()) {
      expectMountFailure(await runtime.runJob(definition));
      return;
    }
    await expectUnsupported(runtime, definition);
    expect(runtime.explain(definition).pending).toContainEqual(
      expect.stringMatching(/input "a" is refused by this engine \(engine\.unsupported\)/),
    );
  });

  it.each([['/workspace/a'], ['/given']])('is there, not a VOLUME of the image: %s', async (path) => {
    const runtime = await testRuntime();
    const definition = await definitionOf(
      { changes: [`VOLUME ["${path}"]`] },
      {
        inputs: [path === '/given' ? { ...input, mountPath: path } : input],
        command: ['cat', path],
      },
    );
    if (!(await mountsFiles())) return expectUnsupported(runtime, definition);
    expect(await runtime.runJob(definition)).toMatchObject({
      status: 'succeeded',
      stdout: { text: 'given' },
    });
  });
});

describe('an image', () => {
  it.each<[string, VariantOptions]>([
    ['files', { files: { '/berthkit': 'a file' } }],
    ['VOLUMEs', { changes: ['VOLUME ["/berthkit", "/berthkit/workspace", "/berthkit/inputs/0", "/data"]'] }],
  ])('keeps no files of a run from their places by its %s', async (_, variant) => {
    const runtime = await testRuntime();
    const outputTo = memoryStorage();
    const definition = await definitionOf(variant, {
      inputs: [input],
      command: ['sh', '-c', 'cat /workspace/a && cp /workspace/a /workspace/out'],
      outputs: [{ workspacePath: 'out', upload: 'caller' }],
    });
    expect(await runtime.runJob(definition, { outputTo })).toMatchObject({
      ...{ status: 'succeeded', stdout: { text: 'given' } },
      outputs: [{ state: 'uploaded', files: [{ sizeBytes: 5 }] }],
    });
  });

  it.each(['data', './data', '/', '/a/../proc'])(
    'with VOLUME %s, which nothing can cover, is rejected before anything is made of it',
    async (volume) => {
      const runtime = await testRuntime();
      await expect(
        runtime.runJob(await definitionOf({ changes: [`VOLUME ["${volume}"]`] })),
      ).rejects.toMatchObject({ code: 'image.rejected', retryable: false, details: { volume } });
    },
  );

  it('cannot have a job write without bounds by a VOLUME with dots in it', async () => {
    const runtime = await testRuntime();
    const definition = await definitionOf(
      { changes: ['VOLUME ["/a/../data"]'] },
      { command: ['grep', '-c', '^tmpfs /data tmpfs .*size=65536k', '/proc/mounts'] },
    );
    expect(await runtime.runJob(definition)).toMatchObject({ status: 'succeeded' });
  });
});

/** The same job under both transports on a real engine: what it sees inside its container, what comes out, and that nothing is left behind. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  assertSucceeded,
  filesystemStorage,
  type JobDefinition,
  memoryStorage,
  type RunResult,
  type RuntimeConfigInput,
} from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildVariant, ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { needsSharedFiles, testEngine } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

/** Each line says what failed, if anything did. */
const CHECKS = [
  'say() { echo "$1" >> failed; }',
  'refused() { if eval "$1" 2>/dev/null; then say "$1"; fi; }',
  '[ "$(cat in/deep/b.txt)" = b ] || say "a file of a folder"',
  '[ "$(cat /data/deep/b.txt)" = b ] || say "the same at its mountPath"',
  '[ "$(cat one.txt)" = one ] || say "a file"',
  '[ "$(cat sub/two.txt)" = two ] || say "a file in a folder"',
  'grep -q \'"runId": *"r1"\' config/run.json || say "the configuration file"',
  '[ "$(./run)" = given ] || say "a file that is executable"',
  '[ "$(stat -c %u .)" = "$(id -u)" ] || say "whose the workspace is"',
  'touch sub/mine || say "a file beside an input"',
  "refused 'echo x > one.txt'",
  "refused 'echo x > in/deep/b.txt'",
  "refused 'touch in/new'",
  "refused 'rm in/deep/b.txt'",
  "refused 'touch /data/new'",
  "refused 'chmod 777 in/deep/b.txt'",
  'mkdir -p out/sub && echo result > out/sub/file && ln -s /etc/passwd out/planted && ln -s ../one.txt out/link',
  'cat failed 2>/dev/null; test ! -e failed',
];

const definition = (): JobDefinition => ({
  slug: 'transports',
  docker: {
    image,
    command: ['./check'],
    workingDirectory: '/workspace',
    configFile: { filename: 'config/run.json' },
    inputs: [
      {
        source: { type: 'filestorePath', backendMountId: 'data', path: '/folder' },
        workspacePath: 'in',
        mountPath: '/data',
      },
      { source: { type: 'inline', content: 'one' }, workspacePath: 'one.txt' },
      { source: { type: 'inline', content: 'two' }, workspacePath: 'sub/two.txt' },
      {
        source: { type: 'filestorePath', backendMountId: 'data', path: '/absent' },
        workspacePath: 'absent',
        optional: true,
      },
    ],
    outputs: [
      { workspacePath: 'out', upload: 'caller' },
      { workspacePath: 'sub/*', upload: 'caller' },
    ],
  },
});

async function runUnder(
  config: RuntimeConfigInput,
  job: JobDefinition = definition(),
): Promise<{ readonly result: RunResult; readonly stored: Readonly<Record<string, string>> }> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'folder/deep'), { recursive: true });
  await writeFile(join(folder, 'folder/a.txt'), 'a');
  await writeFile(join(folder, 'folder/deep/b.txt'), 'b');
  const outputTo = memoryStorage();
  const runtime = await testRuntime(config, { storage: { data: filesystemStorage(folder) } });
  const files = {
    run: { content: '#!/bin/sh\necho given\n', executable: true },
    check: { content: ['#!/bin/sh', ...CHECKS, ''].join('\n'), executable: true },
  };
  const result = await runtime.runJob(job, { runId: 'r1', files, outputTo });
  const stored = Object.entries(outputTo.files()).map(([path, bytes]) => [
    path,
    Buffer.from(bytes).toString(),
  ]);
  return { result, stored: Object.fromEntries(stored) as Record<string, string> };
}

/** What the job says of how its input got there. */
const tellKind = (): JobDefinition => ({
  docker: {
    image,
    command: ['sh', '-c', 'if [ -L /workspace/a ]; then echo volume; else echo bind; fi; cat /workspace/a'],
    inputs: [{ source: { type: 'inline', content: 'text' }, workspacePath: 'a' }],
  },
});

it('a folder that the engine does not have is refused once and for all, with the setting that names it', async () => {
  const hostWorkspaceRoot = '/nowhere/at all';
  const runtime = await testRuntime({ workspace: { transport: 'bind' }, hostWorkspaceRoot });
  await expect(runtime.runJob(tellKind())).rejects.toMatchObject({
    code: 'engine.unsupported',
    retryable: false,
    message: expect.stringContaining(
      `hostWorkspaceRoot: the engine does not see ${hostWorkspaceRoot}/`,
    ) as string,
    details: { field: 'hostWorkspaceRoot' },
  });
});

describe.each(['bind', 'volume'] as const)('by %s', (transport) => {
  if (transport === 'bind') needsSharedFiles('folders of this host are mounted');

  it('a job has its files as it should, and its outputs come out', async () => {
    const { result, stored } = await runUnder({ workspace: { transport } });
    expect(result.stdout.text).toBe('');
    assertSucceeded(result);
    expect(stored).toEqual({ 'out/sub/file': 'result\n', 'sub/mine': '' });
    expect(result.inputs.map(({ state, files }) => [state, files])).toEqual([
      ['staged', 2],
      ['staged', 1],
      ['staged', 1],
      ['skipped', 0],
    ]);
    expect(result.outputs[0]?.skipped.map(({ path }) => path).sort()).toEqual(['out/link', 'out/planted']);
  });

  it('what is too much for an output or the workspace is refused', async () => {
    const job: JobDefinition = {
      docker: {
        image,
        command: ['sh', '-c', 'head -c 300000 /dev/zero > /workspace/big'],
        outputs: [{ workspacePath: 'big', upload: 'caller' }],
      },
    };
    const workspace = { transport, maxBytes: 100_000 } as const;
    const { result } = await runUnder({ workspace }, job);
    expect(result).toMatchObject({ status: 'failed', reason: 'disk_limit_exceeded' });
    const { result: other, stored } = await runUnder(
      { workspace: { transport }, maxFileBytes: 100_000 },
      job,
    );
    expect(other).toMatchObject({ status: 'failed', reason: 'output_limit_exceeded' });
    expect(stored).toEqual({});
  });

  it('an image’s own volumes are covered, and outputs in them come out', async () => {
    const variant = await buildVariant({ changes: ['VOLUME /workspace/kept /scratch /workspace/in'] });
    const base = definition();
    const script = 'cat in/a.txt && echo x > kept/x && echo y > /scratch/y && ! touch in/new 2>/dev/null';
    const { inputs } = base.docker;
    const { result, stored } = await runUnder(
      { workspace: { transport } },
      {
        docker: {
          image: variant,
          command: ['sh', '-c', script],
          workingDirectory: '/workspace',
          inputs,
          outputs: [{ workspacePath: 'kept', upload: 'caller' }],
        },
      },
    );
    assertSucceeded(result);
    expect(result.stdout.text).toBe('a');
    expect(stored).toEqual({ 'kept/x': 'x\n' });
  });
});

describe('by volume', () => {
  it('a job may replace a link to an input, and what it put there is its own', async () => {
    const command = [
      'sh',
      '-c',
      'cd /workspace/sub && rm a && echo mine > a && ln -s /workspace/.inputs/0 b',
    ];
    const inputs = [{ source: { type: 'inline', content: 'text' }, workspacePath: 'sub/a' } as const];
    const outputs = [{ workspacePath: 'sub/*', upload: 'caller' } as const];
    const job = { docker: { image, command, inputs, outputs } };
    const { result, stored } = await runUnder({ workspace: { transport: 'volume' } }, job);
    assertSucceeded(result);
    expect(stored).toEqual({ 'sub/a': 'mine\n' });
    expect(result.outputs[0]?.skipped).toEqual([{ path: 'sub/b', type: 'symlink' }]);
  });

  it('a single file outside of the workspace is there, or refused where the engine mounts no parts of volumes', async () => {
    const { docker } = tellKind();
    const inputs = docker.inputs?.map((each) => ({ ...each, id: 'one', mountPath: '/srv/one' })) ?? [];
    const job = { docker: { ...docker, command: ['cat', '/srv/one'], inputs } };
    const running = runUnder({ workspace: { transport: 'volume' } }, job);
    running.catch(() => undefined);
    const engine = testEngine();
    const { volumeSubpaths } = await engine.info().finally(async () => engine.close());
    if (volumeSubpaths) {
      expect((await running).result.stdout.text).toBe('text');
      return;
    }
    await expect(running).rejects.toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringContaining('input "one"') as string,
    });
  });
});

describe('by what the engine sees', () => {
  it('folders are mounted where it sees them', async () => {
    needsSharedFiles('the engine is to see them');
    const { result } = await runUnder({ workspace: { transport: 'auto' } }, tellKind());
    expect(result.stdout.text).toBe('bind\ntext');
  });

  it('volumes are used where it does not', async () => {
    const config = { hostWorkspaceRoot: '/nowhere/at/all', workspace: { transport: 'auto' } } as const;
    const { result } = await runUnder(config, tellKind());
    expect(result.stdout.text).toBe('volume\ntext');
  });

  it('folders are mounted from where the engine’s host has them', async () => {
    needsSharedFiles('folders of this host are mounted');
    const folder = await temporaryFolder();
    const workspaceRoot = join(folder, 'here');
    await mkdir(workspaceRoot, { mode: 0o700 });
    await symlink(workspaceRoot, join(folder, 'there'));
    const config = {
      workspaceRoot,
      hostWorkspaceRoot: join(folder, 'there'),
      workspace: { transport: 'auto' },
    } as const;
    const { result } = await runUnder(config, tellKind());
    expect(result.stdout.text).toBe('bind\ntext');
  });
});

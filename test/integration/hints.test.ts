/** Every hint, provoked by a real job on a real engine; which words lead to which hint is tested beside the table. */
import type { Hint, JobDefinition, RunOptions, RunResult, RuntimeConfigInput } from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildVariant, ensureImage } from '../../scripts/image-kit/image-kit.js';
import { testRuntime } from './setup.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

type Docker = Partial<JobDefinition['docker']>;

async function run(
  script: string,
  docker: Docker = {},
  options: RunOptions = {},
  config: RuntimeConfigInput = {},
): Promise<RunResult> {
  const runtime = await testRuntime({ stopGraceMs: 1000, ...config });
  return runtime.runJob({ docker: { image, command: ['sh', '-c', script], ...docker } }, options);
}

const hintOf = (result: RunResult, code: string): Hint | undefined =>
  result.hints.find((hint) => hint.code === code);

/** The one hint there is. */
function onlyHint(result: RunResult, code: string): string {
  expect(result.status, result.message).toBe('failed');
  expect(
    result.hints.map((hint) => hint.code),
    `${result.message}\n${result.stderr.text ?? ''}`,
  ).toEqual([code]);
  return hintOf(result, code)?.message ?? '';
}

describe('a hint for', () => {
  it('a write to the root file system: where to write', async () => {
    const result = await run('echo x > /etc/x', { workspaceMountPath: '/data' });
    expect(onlyHint(result, 'read_only_file_system')).toContain('beneath /data or /tmp');
  });

  it('a permission: as whom the job runs', async () => {
    const secretive = await buildVariant({ folders: { '/private': 0o700 } });
    const result = await run('id -u; ls /private', { image: secretive });
    const uid = result.stdout.text?.trim() ?? '?';
    expect(onlyHint(result, 'permission_denied')).toContain(`uid:gid ${uid}:`);
  });

  it.each([
    ['a name', 'nslookup example.com 192.0.2.1'],
    ['a name to fetch from', 'wget -q -O - http://example.com/'],
    ['an address', 'wget -q -O - http://192.0.2.1/'],
  ])('a network there is none of: %s', async (_name, script) => {
    const result = await run(script);
    expect(onlyHint(result, 'network_unreachable')).toContain('policy.network');
  });

  it('too many processes: how many there may be', async () => {
    const result = await run(
      'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 5 & done; wait',
      { resources: { pidsLimit: 8 } },
    );
    expect(onlyHint(result, 'fork_failed')).toContain('at most 8 processes');
  });

  it('a full /tmp: how much it holds, and where there is more room', async () => {
    const result = await run('dd if=/dev/zero of=/tmp/big bs=1M count=200');
    const message = onlyHint(result, 'no_space');
    expect(message).toContain('/tmp holds 64 MiB');
    expect(message).toContain('beneath /workspace');
  });

  it('too much memory: how much there is', async () => {
    // The engine learns of such a kill by a watch it sets up after the start.
    const result = await run('sleep 1; x=a; while :; do x="$x$x$x"; done', {
      resources: { memoryBytes: 32 * 1024 ** 2 },
    });
    expect(result.reason).toBe('oom_killed');
    expect(onlyHint(result, 'out_of_memory')).toContain('the memory limit is 32 MiB');
  });

  it('an entry point that may not be executed: 126', async () => {
    const result = await run('true', { entryPoint: ['/etc/passwd'] });
    expect(result).toMatchObject({ reason: 'start_failed', exitCode: 126 });
    expect(onlyHint(result, 'not_executable')).toContain('may not be executed');
  });

  it('an entry point that is not there: 127', async () => {
    const result = await run('true', { entryPoint: ['/no/such/program'] });
    expect(result).toMatchObject({ reason: 'start_failed', exitCode: 127 });
    expect(onlyHint(result, 'not_found')).toContain('docker.entryPoint');
  });

  it('an entry point that a VOLUME of the image hides: which', async () => {
    const emptied = await buildVariant({ changes: ['VOLUME ["/bin"]'] });
    expect(onlyHint(await run('true', { image: emptied }), 'not_found')).toContain('VOLUME /bin');
  });

  it.each([
    ['as the entry point', { entryPoint: ['/bin/foreign'] }, 'sh'],
    ['as the entry point, with bytes a shell cannot read', { entryPoint: ['/bin/foreign'] }, ';;'],
    ['from a shell', { command: ['sh', '-c', 'cd /bin && ./foreign'] }, 'sh'],
  ])('a program for another processor, %s', async (_name, docker, rest) => {
    // The start of an ELF file for a machine that nobody has. The init process and busybox try it again as a script, as the C library does.
    const header = `\x7fELF\x02\x01\x01${'\0'.repeat(9)}\x02\0\x2a\0\x01${'\0'.repeat(43)}`;
    const foreign = await buildVariant({ files: { '/bin/foreign': header + rest } });
    const message = onlyHint(await run('true', { image: foreign, ...docker }), 'exec_format');
    expect(message).toContain('docker.platform');
  });

  it('a file that was given but lies elsewhere', async () => {
    const options = { files: { 'in.txt': 'x' } };
    const result = await run('cat in.txt', {}, options);
    const message = onlyHint(result, 'working_directory');
    expect(message).toContain('beneath /workspace');
    expect(message).toContain('docker.workingDirectory');
    expect((await run('cat in.txt', { workingDirectory: '/workspace' }, options)).hints).toEqual([]);
  });
});

describe('no hint', () => {
  it('for a job that succeeds, whatever it said', async () => {
    const result = await run(
      'ls /root; echo x > /x; echo "No space left on device" >&2; exit 0',
      {},
      { files: { a: 'x' } },
    );
    expect(result).toMatchObject({ status: 'succeeded', hints: [] });
    expect(result.stderr.text).toContain('Read-only file system');
  });

  it('for a failure that says nothing known', async () => {
    expect(await run('echo sorry >&2; exit 1')).toMatchObject({ status: 'failed', hints: [] });
  });

  it('for words on standard output', async () => {
    expect(await run('echo "Permission denied"; exit 1')).toMatchObject({ status: 'failed', hints: [] });
  });
});

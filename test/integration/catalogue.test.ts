/** Cases of abuse whose end is seen only on a real engine; what is refused before any engine call is tested in `test/catalogue`. */
import { mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DockerJob,
  JobRuntimeError,
  memoryStorage,
  type RunOptions,
  type RunResult,
  type RuntimeConfigInput,
  type RuntimePorts,
  staticSecrets,
} from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildVariant, ensureImage } from '../../scripts/image-kit/image-kit.js';
import { isRoot } from '../host/scratch.js';
import { engineSays } from './engine-says.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { isRemote, needsSharedFiles } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

/** Runs a shell script. The runtime's own check proves that neither a container nor a file stays. */
async function sh(
  script: string,
  docker: Partial<DockerJob> = {},
  options: RunOptions = {},
  config: RuntimeConfigInput = {},
): Promise<RunResult> {
  const runtime = await testRuntime(config);
  return runtime.runJob({ docker: { image, command: ['sh', '-c', script], ...docker } }, options);
}

/** What the engine says of the container of a job that waits. */
async function inspectWhileRunning(
  docker: Partial<DockerJob>,
  ports: RuntimePorts = {},
  config: RuntimeConfigInput = {},
): Promise<Readonly<Record<string, unknown>>> {
  const runtime = await testRuntime(config, ports);
  const stopping = new AbortController();
  let inspected: Promise<unknown> | undefined;
  const inspect = async (name: string): Promise<unknown> =>
    engineSays(`/containers/${name}/json`).finally(() => {
      stopping.abort(new Error('seen'));
    });
  const script = 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done';
  const { containerName } = await runtime.runJob(
    { slug: 'waiting', docker: { image, command: ['sh', '-c', script], ...docker } },
    {
      signal: stopping.signal,
      onEvent: (event) => {
        if (event.type === 'container_created') inspected ??= inspect(event.containerName);
      },
    },
  );
  const answer = await inspected;
  expect(answer).toMatchObject({ Name: `/${containerName ?? ''}` });
  return Object.fromEntries(Object.entries(answer ?? {}));
}

const inline = (content: string): { readonly type: 'inline'; readonly content: string } => ({
  type: 'inline',
  content,
});
const rootPolicy = {
  policy: { security: { allowRoot: true, capabilities: ['MKNOD', 'CHOWN', 'DAC_OVERRIDE'] } },
};
const asRoot = { user: '0:0' };

describe('an image with a VOLUME', () => {
  const bounds = { policy: { security: { volumeBytes: '8MiB' } } };
  const greedy = async (): Promise<string> => buildVariant({ changes: ['VOLUME ["/data"]'] });

  it('can be written to only within bounds', async () => {
    const script =
      'dd if=/dev/zero of=/data/fill bs=1M count=20 2>/dev/null; echo "dd $?"; du -m /data/fill | cut -f1';
    const result = await sh(script, { image: await greedy() }, {}, bounds);
    expect(result.stdout.text).toBe('dd 1\n8\n');
  });

  it.each(['/', '/proc', '/dev'])('at %s is refused before anything is made', async (path) => {
    const work = sh('true', { image: await buildVariant({ changes: [`VOLUME ["${path}"]`] }) });
    await expect(work).rejects.toMatchObject({ code: 'image.rejected', details: { volume: path } });
  });

  it('gets no volume of the engine, which would be left behind', async () => {
    needsSharedFiles('the files of a run are in volumes of its own');
    const { Mounts: mounts } = await inspectWhileRunning({ image: await greedy() }, {}, bounds);
    expect(Array.isArray(mounts) && mounts.length > 0).toBe(true);
    expect(JSON.stringify(mounts)).not.toContain('"Type":"volume"');
  });
});

describe('a workspace root', () => {
  it('that is a link is refused, and nothing is made where it leads', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'elsewhere'), { mode: 0o700 });
    await symlink(join(folder, 'elsewhere'), join(folder, 'link'));
    const error: unknown = await sh('true', {}, {}, { workspaceRoot: join(folder, 'link') }).catch(
      (reason: unknown) => reason,
    );
    expect(JobRuntimeError.isInstance(error) ? error.code : error).toBe('workspace.failed');
    expect(await readdir(join(folder, 'elsewhere'))).toEqual([]);
  });

  it('may hold a colon and a comma: a mount is no text to be split', async () => {
    needsSharedFiles('folders of this host are mounted');
    const folder = await temporaryFolder();
    const root = join(folder, 'a:b,readonly=0:rw');
    const inputs = [{ source: inline('data'), workspacePath: 'in/a', mountPath: '/data/a' }];
    const result = await sh(
      'cat /workspace/in/a /data/a; echo x > /data/a',
      { inputs },
      {},
      { workspaceRoot: root },
    );
    expect(result.stdout.text).toBe('datadata');
    expect(result.stderr.text).toContain('Read-only file system');
    expect(await readdir(root)).toEqual([]);
  });
});

describe('an input', () => {
  const inputs = [{ source: inline('original'), workspacePath: 'in/a.txt' }];

  it('lets the job add files beside it', async () => {
    const outputTo = memoryStorage();
    const outputs = [{ workspacePath: 'in/mine', upload: 'caller' as const }];
    const result = await sh('echo mine > /workspace/in/mine', { inputs, outputs }, { outputTo });
    expect(result.status).toBe('succeeded');
    expect(Object.keys(outputTo.files())).toEqual(['in/mine']);
  });

  it.each([
    ['moved with its folder', 'mv /workspace/in /workspace/out'],
    ['linked', 'mkdir /workspace/out; ln /workspace/in/a.txt /workspace/out/a.txt'],
  ])('that is %s is no output', async (_, script) => {
    const outputTo = memoryStorage();
    const outputs = [{ workspacePath: 'out/a.txt', upload: 'caller' as const }];
    const result = await sh(`${script}; exit 0`, { inputs, outputs }, { outputTo });
    // In volumes what is there is a link to the input.
    const reason = isRemote ? 'output_rejected' : 'output_missing';
    expect(result).toMatchObject({ status: 'failed', reason });
    expect(outputTo.files()).toEqual({});
  });

  it('replaced by a link after its folder was moved leads nowhere', async () => {
    const outputTo = memoryStorage();
    const outputs = [{ workspacePath: 'out/**', upload: 'caller' as const }];
    const script =
      'mv /workspace/in /workspace/out && ln -s /etc/passwd /workspace/out/b && echo new > /workspace/out/c';
    const result = await sh(script, { inputs, outputs }, { outputTo });
    expect(Object.keys(outputTo.files())).toEqual(['out/c']);
    const links = isRemote ? ['out/a.txt', 'out/b'] : ['out/b'];
    expect(result.outputs[0]?.skipped).toEqual(links.map((path) => ({ path, type: 'symlink' })));
  });
});

describe('outputs', () => {
  const evil = [
    'mkdir /workspace/out && cd /workspace/out',
    'ln -s /etc/passwd absolute; ln -s ../../../../../../../etc/shadow relative; ln -s /proc/self/environ environment; ln -s . loop',
    'mkfifo pipe; truncate -s 1 good',
  ].join('; ');

  it('that are links or FIFOs are left out and listed; the host is not read', async () => {
    const outputTo = memoryStorage();
    const result = await sh(evil, { outputs: [{ workspacePath: 'out', upload: 'caller' }] }, { outputTo });
    expect(result.status).toBe('succeeded');
    expect(Object.keys(outputTo.files())).toEqual(['out/good']);
    expect(result.outputs[0]?.skipped).toEqual([
      { path: 'out/absolute', type: 'symlink' },
      { path: 'out/environment', type: 'symlink' },
      { path: 'out/loop', type: 'symlink' },
      { path: 'out/pipe', type: 'fifo' },
      { path: 'out/relative', type: 'symlink' },
    ]);
  });

  it.each(['absolute', 'relative', 'environment', 'loop/good', 'pipe'])('at %s are refused', async (name) => {
    const outputTo = memoryStorage();
    const outputs = [{ workspacePath: `out/${name}`, upload: 'caller' as const }];
    const result = await sh(evil, { outputs }, { outputTo });
    expect(result).toMatchObject({ status: 'failed', reason: 'output_rejected', exitCode: 0 });
    expect(outputTo.files()).toEqual({});
  });

  it.runIf(isRoot)('that are devices are left out', async () => {
    const outputTo = memoryStorage();
    const result = await sh(
      'mkdir /workspace/out && mknod /workspace/out/zero c 1 5 && mknod /workspace/out/disk b 8 0 && echo made',
      { ...asRoot, outputs: [{ workspacePath: 'out', upload: 'caller' }] },
      { outputTo },
      rootPolicy,
    );
    expect(result.stdout.text).toBe('made\n');
    expect(outputTo.files()).toEqual({});
    expect(result.outputs[0]?.skipped).toEqual([
      { path: 'out/disk', type: 'device' },
      { path: 'out/zero', type: 'device' },
    ]);
  });

  it.runIf(isRoot)('that are setuid root arrive as plain files', async () => {
    const folder = await temporaryFolder();
    await sh(
      'cp /bin/busybox /workspace/program && chmod 6777 /workspace/program',
      { ...asRoot, outputs: [{ workspacePath: 'program', upload: 'caller' }] },
      { outputTo: join(folder, 'out') },
      rootPolicy,
    );
    const facts = await stat(join(folder, 'out/program'));
    expect((facts.mode & 0o7133).toString(8)).toBe('0');
    expect(await readFile(join(folder, 'out/program'))).toHaveLength(facts.size);
  });

  it('with bytes that are no text in their names arrive escaped, each', async () => {
    const outputTo = memoryStorage();
    const script = `mkdir /workspace/out && cd /workspace/out && touch -- "$(printf 'a\\377b')" "$(printf 'a\\376b')" -rf "$(printf 'x\\ny')"`;
    const result = await sh(script, { outputs: [{ workspacePath: 'out', upload: 'caller' }] }, { outputTo });
    if (isRemote) {
      // The tar they would come in has names in UTF-8 only.
      expect(result).toMatchObject({ status: 'failed', reason: 'output_rejected' });
      expect(outputTo.files()).toEqual({});
      return;
    }
    expect(result.status).toBe('succeeded');
    expect(Object.keys(outputTo.files()).sort()).toEqual(['out/-rf', 'out/a%FEb', 'out/a%FFb', 'out/x%0Ay']);
  });

  it('that claim a tebibyte are refused by what they claim', async () => {
    const outputTo = memoryStorage();
    const outputs = [{ workspacePath: 'out', upload: 'caller' as const }];
    const result = await sh('truncate -s 1024G /workspace/out', { outputs }, { outputTo });
    expect(result).toMatchObject({ status: 'failed', reason: 'output_limit_exceeded', exitCode: 0 });
  });
});

describe('a workspace that does not want to go', () => {
  const closed =
    'mkdir -p /workspace/a/b/c && echo x > /workspace/a/b/c/f && chmod -R 000 /workspace/a; chmod 000 /workspace';

  it('goes, whatever its modes', async () => {
    expect(await sh(`${closed}; exit 3`)).toMatchObject({ reason: 'non_zero_exit', exitCode: 3 });
  });

  it.runIf(isRoot)("goes when it is root's", async () => {
    const result = await sh(`chown -R 0:0 /workspace; ${closed}; exit 3`, asRoot, {}, rootPolicy);
    expect(result).toMatchObject({ reason: 'non_zero_exit', exitCode: 3 });
  });
});

describe('a secret', () => {
  it("is in the container's environment and nowhere else in what the engine tells of it", async () => {
    const secret = 'correct-horse-battery';
    const environment = { TOKEN: { secret: { source: 'store', key: 'token' } } } as const;
    const told = JSON.stringify(
      await inspectWhileRunning({ environment }, { resolveSecret: staticSecrets({ token: secret }) }),
    );
    expect(told.split(secret)).toHaveLength(2);
    expect(told).toContain(`"TOKEN=${secret}"`);
  });

  it('is all a job gets of an environment: nothing of this process is handed on', async () => {
    const result = await sh('env | cut -d= -f1 | sort; ulimit -c');
    expect((result.stdout.text ?? '').trim().split('\n')).toEqual([
      'HOME',
      'HOSTNAME',
      'PATH',
      'PWD',
      'SHLVL',
      '0',
    ]);
  });
});

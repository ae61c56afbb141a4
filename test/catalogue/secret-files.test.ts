/** Secrets delivered as files, on the fake engine: where they lie, and that they go first whatever happens. Their effect in a container is seen on a real engine. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { JobRuntimeError, memoryStorage, type RunEvent, staticSecrets } from 'berthkit';
import type { FakeEngineScript, FakeJob } from 'berthkit/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refusalOf, trial, type TrialSetup } from './fixture.js';

const SECRET = 'hunter2-hunter2\nand a second line';
const resolveSecret = staticSecrets({ token: SECRET });
const reference = { source: 'store', key: 'token' } as const;
const DOCKER = { image: 'busybox:1', environment: { TOKEN: { secret: reference, as: 'file' } } };

/** A root in memory that must be empty when the test is over. */
async function secretsRoot(): Promise<string> {
  const root = await mkdtemp('/dev/shm/berthkit-catalogue-');
  onTestFinished(async () => {
    const left = readdirSync(root);
    await rm(root, { recursive: true, force: true });
    expect(left).toEqual([]);
  });
  return root;
}

const setupFor = (root: string, script: FakeEngineScript, more: TrialSetup = {}): TrialSetup => ({
  script,
  ...more,
  ports: { resolveSecret, ...more.ports },
  config: { secretsRoot: root, ...more.config },
});

/** Every file beneath a folder as one text. */
function textBeneath(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .map((path) => (statSync(path).isFile() ? readFileSync(path, 'latin1') : path))
    .join('\n');
}

describe('a secret delivered as a file', () => {
  it('is read at the path its variable holds; nothing else the engine is told holds it', async () => {
    const root = await secretsRoot();
    let seen: readonly unknown[] = [];
    const run = async (job: FakeJob): Promise<undefined> => {
      const path = job.environment['TOKEN'] ?? '';
      seen = [path, Buffer.from(await job.readFile(path)).toString(), JSON.stringify(job.spec)];
      await expect(job.writeFile(path, 'x')).rejects.toMatchObject({ code: 'EROFS' });
      await job.stdout(await job.readFile(path));
      return undefined;
    };
    const { outcome, told } = await trial({ docker: DOCKER }, setupFor(root, { run }));
    expect(outcome).toMatchObject({ status: 'succeeded', stdout: { text: '***' } });
    expect(seen.slice(0, 2)).toEqual(['/run/secrets/TOKEN', SECRET]);
    expect(seen[2]).not.toContain('hunter2');
    expect(told).not.toContain('hunter2');
  });

  it('lies outside the workspace, so that a workspace that is kept holds none', async () => {
    const root = await secretsRoot();
    let workspace = '';
    const run = (job: FakeJob): undefined => {
      const source = job.spec.mounts.find(({ target }) => target === '/workspace')?.source ?? '';
      workspace = textBeneath(join(source, '..'));
      expect(textBeneath(root)).toContain(SECRET);
    };
    const options = { files: { 'a.txt': 'content of a' } };
    const { outcome } = await trial({ docker: DOCKER }, setupFor(root, { run }, { options }));
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(workspace).toContain('content of a');
    expect(workspace).not.toContain('hunter2');
  });

  it('is gone before outputs are collected', async () => {
    const root = await secretsRoot();
    const storage = memoryStorage();
    const left: unknown[] = [];
    const outputTo = {
      ...storage,
      write: async (...call: Parameters<typeof storage.write>) => {
        left.push(readdirSync(root));
        return storage.write(...call);
      },
    };
    const outputs = [{ workspacePath: 'out', upload: 'caller' }];
    const run = async (job: FakeJob): Promise<undefined> => {
      expect(readdirSync(root)).toHaveLength(1);
      await job.writeFile('/workspace/out', 'x');
      return undefined;
    };
    await trial({ docker: { ...DOCKER, outputs } }, setupFor(root, { run }, { options: { outputTo } }));
    expect(left).toEqual([[]]);
  });

  it.each<[string, FakeEngineScript]>([
    ['cannot be created', { fail: [{ call: 'containers.create' }] }],
    ['cannot be attached', { fail: [{ call: 'containers.attach' }] }],
    ['cannot be started', { fail: [{ call: 'containers.start' }] }],
    ['has no such entry point', { startExitCode: 127 }],
  ])('is gone when its container %s', async (_, script) => {
    const root = await secretsRoot();
    const { outcome } = await trial({ docker: DOCKER }, setupFor(root, script));
    expect(outcome).not.toMatchObject({ status: 'succeeded' });
  });

  it('is gone before its container is removed, and when that fails', async () => {
    const root = await secretsRoot();
    const left: unknown[] = [];
    const onEvent = ({ type }: RunEvent): void => {
      if (type === 'cleanup_error') left.push(readdirSync(root));
    };
    const fail = [{ call: 'containers.remove', times: 1, when: 'after' }] as const;
    // The container is never started, so that nothing but the clean-up removes the file.
    const script = { fail: [{ call: 'containers.attach' as const }, ...fail] };
    await trial({ docker: DOCKER }, setupFor(root, script, { options: { onEvent } }));
    expect(left).toEqual([[]]);
  });

  it('is gone when the run is cancelled while the job runs', async () => {
    const root = await secretsRoot();
    const stopping = new AbortController();
    const run = async (job: FakeJob): Promise<never> => {
      stopping.abort(new Error('enough'));
      return job.sleepUntilKilled();
    };
    const { outcome } = await trial(
      { docker: DOCKER },
      setupFor(root, { run }, { options: { signal: stopping.signal } }),
    );
    expect(outcome).toMatchObject({ status: 'cancelled' });
  });

  it('may be larger than a variable can be', async () => {
    const root = await secretsRoot();
    const large = 'x'.repeat(131_072 - 'TOKEN=\0'.length);
    const ports = { resolveSecret: staticSecrets({ token: `${large}x` }) };
    let size = 0;
    const run = async (job: FakeJob): Promise<undefined> => {
      size = (await job.readFile('/run/secrets/TOKEN')).length;
      return undefined;
    };
    await trial({ docker: DOCKER }, setupFor(root, { run }, { ports }));
    expect(size).toBe(large.length + 1);

    const inVariable = { image: 'busybox:1', environment: { TOKEN: { secret: reference } } };
    const { outcome, engine, told } = await trial({ docker: inVariable }, { ports });
    expect(outcome).toMatchObject({
      code: 'secret.failed',
      message: expect.stringContaining('does not fit into variable TOKEN') as unknown,
      hint: expect.stringContaining('as: "file"') as unknown,
    });
    expect(engine.calls.map(({ call }) => call)).not.toContain('containers.create');
    expect(told).not.toContain('xxxx');
    const fits = { resolveSecret: staticSecrets({ token: large }) };
    expect((await trial({ docker: inVariable }, { ports: fits })).outcome).toMatchObject({
      status: 'succeeded',
    });
  });

  it('is not delivered where there is no memory for it: nothing runs', async () => {
    const { outcome, engine, told } = await trial({ docker: DOCKER }, setupFor('/proc/berthkit-secrets', {}));
    expect(outcome).toBeInstanceOf(JobRuntimeError);
    expect(outcome).toMatchObject({ code: 'secret.failed' });
    expect(engine.calls.map(({ call }) => call)).not.toContain('containers.create');
    expect(told).not.toContain('hunter2');
  });

  it('can be demanded by policy', async () => {
    const config = { policy: { secrets: { delivery: 'file' } } } as const;
    const environment = { TOKEN: { secret: reference } };
    expect(await refusalOf({ docker: { image: 'busybox:1', environment } }, config)).toMatchObject({
      code: 'policy.denied',
      paths: ['docker.environment.TOKEN.as'],
    });
    const root = await secretsRoot();
    const { outcome } = await trial(
      { docker: DOCKER },
      setupFor(root, {}, { config: { ...config, secretsRoot: root } }),
    );
    expect(outcome).toMatchObject({ status: 'succeeded' });
  });

  it('is a matter of secrets alone', async () => {
    const environment = [{ name: 'A', value: 'x', as: 'file' }];
    expect(await refusalOf({ docker: { image: 'busybox:1', environment } })).toMatchObject({
      paths: ['docker.environment.0.as'],
      messages: ['is only for a secret, not for a value'],
    });
  });
});

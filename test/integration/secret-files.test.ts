/** Secrets delivered as files on a real engine: seen by the job alone, in no word anybody else can read, and gone when it is over. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type DockerJob, type RunResult, staticSecrets } from 'berthkit';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { buildVariant, ensureImage } from '../../scripts/image-kit/image-kit.js';
import { secretForms } from '../../src/base/secret-forms.js';
import { isRoot } from '../host/scratch.js';
import { startEngineProxy } from '../proxy/engine-proxy.js';
import { engineSays } from './engine-says.js';
import { testRuntime } from './setup.js';
import { connectToEngine, needsSharedFiles } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

const SECRET = 'correct-horse/battery+staple\nsecond line of it';
const resolveSecret = staticSecrets({ token: SECRET });
const environment = { TOKEN: { secret: { source: 'store', key: 'token' }, as: 'file' } } as const;

needsSharedFiles('files of secrets are in the memory of this host');

/** A root in memory that must be empty once the test is over. */
async function secretsRoot(): Promise<string> {
  const root = await mkdtemp('/dev/shm/berthkit-test-');
  onTestFinished(async () => {
    const left = await readdir(root);
    await rm(root, { recursive: true, force: true });
    expect(left).toEqual([]);
  });
  return root;
}

async function sh(script: string, docker: Partial<DockerJob> = {}): Promise<RunResult> {
  const runtime = await testRuntime({ secretsRoot: await secretsRoot() }, { resolveSecret });
  return runtime.runJob({ docker: { image, command: ['sh', '-c', script], environment, ...docker } });
}

/** Has a job wait for as long as something is looked at. */
async function whileRunning<T>(
  docker: Partial<DockerJob>,
  look: (containerName: string) => Promise<T>,
): Promise<T> {
  const runtime = await testRuntime({ secretsRoot: await secretsRoot() }, { resolveSecret });
  const script = 'trap "exit 0" TERM; read -r first < "$TOKEN"; echo ready; while :; do sleep 0.1; done';
  const handle = runtime.startJob({
    slug: 'waiting',
    docker: { image, command: ['sh', '-c', script], environment, ...docker },
  });
  let name = '';
  try {
    for await (const event of handle.events) {
      if (event.type === 'container_created') name = event.containerName;
      if (event.type === 'output') return await look(name);
    }
  } finally {
    handle.cancel('seen');
    await handle.result;
  }
  throw new Error('the job said nothing');
}

describe('a secret delivered as a file', () => {
  it('is what its variable leads to, for the user of the run alone, and cannot be changed', async () => {
    const script = [
      'echo "$TOKEN"; wc -c < "$TOKEN"; tail -n 1 "$TOKEN" | cut -c1-6',
      'stat -c "%a %u" "$TOKEN" /run/secrets | sed "s/ $(id -u)$/ mine/"',
      'grep " /run/secrets " /proc/mounts | cut -d" " -f3,4 | cut -d, -f1',
      'for c in "echo x > $TOKEN" "rm -f $TOKEN" "touch /run/secrets/new" "mv $TOKEN /tmp/moved" "chmod 777 $TOKEN"; do',
      '  sh -c "$c" 2>&1 | sed "s/.*: //"; done',
    ].join('\n');
    const { stdout, status } = await sh(script);
    expect(status).toBe('succeeded');
    expect(stdout.text?.split('\n').slice(0, 6)).toEqual([
      '/run/secrets/TOKEN',
      String(SECRET.length),
      'second',
      '400 mine',
      '500 mine',
      'tmpfs ro',
    ]);
    const refusals = stdout.text?.trim().split('\n').slice(6) ?? [];
    expect(refusals.length).toBeGreaterThanOrEqual(5);
    expect(new Set(refusals)).toEqual(new Set(['Read-only file system']));
  });

  it.runIf(isRoot)('cannot be read by another user of the container', async () => {
    const config = {
      policy: { security: { allowRoot: true, capabilities: ['SETUID', 'SETGID'] } },
      secretsRoot: await secretsRoot(),
    };
    const runtime = await testRuntime(config, { resolveSecret });
    const script = 'su -s /bin/sh nobody -c "cat $TOKEN" || echo refused; wc -c < "$TOKEN"';
    const { stdout, stderr } = await runtime.runJob({
      docker: { image, command: ['sh', '-c', script], environment, user: '0:0' },
    });
    expect(stdout.text).toBe(`refused\n${String(SECRET.length)}\n`);
    expect(stderr.text).toContain('Permission denied');
  });

  it('is in nothing the engine tells of the container', async () => {
    const told = await whileRunning({}, async (name) => {
      const container = JSON.stringify(await engineSays(`/containers/${name}/json`));
      return container + JSON.stringify(await engineSays('/containers/json?all=1'));
    });
    expect(told).toContain('"TOKEN=/run/secrets/TOKEN"');
    expect(told).not.toMatch(/correct-horse|second line of it/);
  });

  it('is in no call to the engine: no address, no label, no body', async () => {
    const proxy = await startEngineProxy({ engine: connectToEngine });
    onTestFinished(async () => proxy.close());
    const config = { secretsRoot: await secretsRoot(), engine: { host: proxy.host } };
    const runtime = await testRuntime(config, { resolveSecret });
    const script = 'cat "$TOKEN"; base64 "$TOKEN"; exit 3';
    const { reason } = await runtime.runJob({
      slug: 'telling',
      docker: { image, command: ['sh', '-c', script], environment },
    });
    expect(reason).toBe('non_zero_exit');
    const told = proxy.calls.map(({ method, target, headers, body }) =>
      [method, target, JSON.stringify(headers), body.toString()].join('\n'),
    );
    const created = told.filter((call) => call.includes('/containers/create'));
    expect(created).toEqual([expect.stringContaining('"TOKEN=/run/secrets/TOKEN"')]);
    expect(created[0]).toContain('"berthkit.job":"telling"');
    const forms = secretForms(SECRET).map(({ bytes }) => Buffer.from(bytes).toString());
    expect(forms).toContain('second line of it');
    for (const form of [...forms, ...forms.map((each) => JSON.stringify(each).slice(1, -1))]) {
      expect(told.join('\n')).not.toContain(form);
    }
  });

  it('is in no command line and no environment of any process', async () => {
    const { seen, processes } = await whileRunning({}, async () => Promise.resolve(processTexts()));
    expect(processes).toBeGreaterThan(3);
    expect(seen).toContain('TOKEN=/run/secrets/TOKEN');
    expect(seen).not.toMatch(/correct-horse|second line of it/);
  });

  it('in a variable is in the environment of the job, which is why files are there', async () => {
    const inVariable = { TOKEN: { secret: environment.TOKEN.secret } };
    const runtime = await testRuntime({}, { resolveSecret });
    const stopping = new AbortController();
    let inspected: Promise<unknown> | undefined;
    await runtime.runJob(
      { docker: { image, command: ['sh', '-c', 'sleep 60'], environment: inVariable } },
      {
        signal: stopping.signal,
        onEvent: (event) => {
          if (event.type !== 'container_started') return;
          inspected = engineSays(`/containers/${event.containerName}/json`).finally(() => {
            stopping.abort();
          });
        },
      },
    );
    expect(JSON.stringify(await inspected)).toContain('correct-horse');
  });

  it('is gone whatever becomes of its job', async () => {
    for (const script of ['exit 3', 'kill -9 $$', 'exec /no/such/program']) {
      expect(await sh(script)).toMatchObject({ status: 'failed' });
    }
    expect(await sh('true', { entryPoint: ['/no/such/program'] })).toMatchObject({ reason: 'start_failed' });
  });

  it('keeps its place where the image says that /run is a volume', async () => {
    const { stdout } = await sh('wc -c < "$TOKEN"; touch /run/mine && echo ok', {
      image: await buildVariant({ changes: ['VOLUME ["/run"]'] }),
    });
    expect(stdout.text).toBe(`${String(SECRET.length)}\nok\n`);
  });
});

/** Command lines and environments of all processes of this host that can be read. */
function processTexts(): { readonly seen: string; readonly processes: number } {
  const readOr = (path: string): string => {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      return '';
    }
  };
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const seen = pids.map((pid) => readOr(`/proc/${pid}/cmdline`) + readOr(`/proc/${pid}/environ`)).join('\n');
  return { seen, processes: pids.length };
}

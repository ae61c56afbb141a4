/** Where a run says that its secrets turned up, and what it then does with its outputs, on the fake engine. */
import { memoryStorage, type RunResult, staticSecrets } from 'berthkit';
import type { FakeJob } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { trial, type Trial, type TrialSetup } from './catalogue/fixture.js';
import { FORMS, SECRET } from './redaction-fixture.js';

const OUT = { workspacePath: 'out', upload: { backendMountId: 'out', pathTemplate: 'kept' } };
const LEAK = { secret: 'store:token', place: 'output' };

interface Leaked extends Trial {
  readonly result: RunResult;
  readonly out: ReturnType<typeof memoryStorage>;
}

/** Has a job do something with its secret, and gives its result and what was stored. */
async function leak(
  work: (job: FakeJob) => Promise<unknown>,
  docker: object = {},
  setup: TrialSetup & { readonly onLeak?: 'report' | 'block' } = {},
): Promise<Leaked> {
  const out = memoryStorage();
  const tried = await trial(
    {
      slug: 'job',
      docker: {
        image: 'busybox:1',
        environment: { TOKEN: { secret: { source: 'store', key: 'token' } } },
        outputs: [OUT],
        ...docker,
      },
    },
    {
      script: {
        run: async (job) => {
          const exitCode = await work(job);
          return { exitCode: typeof exitCode === 'number' ? exitCode : 0 };
        },
      },
      config: { policy: { secrets: { onLeak: setup.onLeak ?? 'report' } }, ...setup.config },
      ports: { resolveSecret: staticSecrets({ token: SECRET }), storage: { out }, ...setup.ports },
      options: setup.options,
    },
  );
  if (tried.outcome instanceof Error && tried.outcome.result === undefined) throw tried.outcome;
  const result = tried.outcome instanceof Error ? tried.outcome.result : tried.outcome;
  return { ...tried, out, result: result! };
}

const write =
  (files: Readonly<Record<string, string | Uint8Array>>) =>
  async (job: FakeJob): Promise<void> => {
    for (const [path, content] of Object.entries(files)) await job.writeFile(`/workspace/${path}`, content);
  };

describe('a secret in an output', () => {
  it.each(FORMS.map((form, index) => [index, form] as const))(
    'in form %i is named and not told',
    async (_, form) => {
      const { result, told, out } = await leak(write({ 'out/a.bin': `\0<${form}>\0`, 'out/b.txt': form }));
      expect(result).toMatchObject({ status: 'succeeded', secretLeaks: [{ ...LEAK, path: 'out/a.bin' }] });
      expect(result.warnings).toContainEqual('the output "out/a.bin" holds the secret "store:token"');
      expect(told).not.toContain(JSON.stringify(form).slice(1, -1));
      // It is reported, not taken away.
      expect(Buffer.from(out.files()['kept/b.txt'] ?? '').toString()).toBe(form);
    },
  );

  it('across the border of two readings is found', async () => {
    const filler = 'x'.repeat(256 * 1024 - 5);
    const { result } = await leak(write({ out: `${filler}${SECRET}` }));
    expect(result.secretLeaks).toEqual([{ ...LEAK, path: 'out' }]);
  });

  it('is found in the name of a file, and of folders', async () => {
    const { result, told } = await leak(write({ 'out/second-line.txt': 'clean' }));
    expect(result.secretLeaks).toEqual([{ ...LEAK, path: 'out/***.txt' }]);
    expect(told).not.toContain('second-line');
    const folders = await leak(
      write({ 'out/a/hunter2/slash': 'clean' }),
      {},
      {
        ports: { resolveSecret: staticSecrets({ token: 'hunter2/slash' }) },
      },
    );
    expect(folders.result.secretLeaks).toMatchObject([LEAK]);
  });

  it('is told once for each output that has it, and for each secret', async () => {
    const outputs = [OUT, { ...OUT, workspacePath: 'other' }, { ...OUT, workspacePath: 'logs/*.log' }].map(
      (output, index) => ({
        ...output,
        upload: { backendMountId: 'out', pathTemplate: `kept/${String(index)}` },
      }),
    );
    const environment = {
      TOKEN: { secret: { source: 'store', key: 'token' } },
      PIN: { secret: { source: 'store', key: 'pin', version: '2' } },
    };
    const files = { 'out/a': SECRET, 'out/b': `${SECRET} 4711`, other: 'clean', 'logs/x.log': 'x 4711 y' };
    const { result } = await leak(
      write(files),
      { outputs, environment },
      {
        ports: { resolveSecret: staticSecrets({ token: SECRET, pin: { value: '4711', version: '2' } }) },
      },
    );
    expect(result.secretLeaks).toEqual([
      { ...LEAK, path: 'out/a' },
      { secret: 'store:pin@2', place: 'output', path: 'out/b' },
      { secret: 'store:pin@2', place: 'output', path: 'logs/x.log' },
    ]);
  });

  it('that the caller gave with the run, or an earlier attempt had, is found too', async () => {
    let attempts = 0;
    const { result } = await leak(
      async (job) => {
        attempts += 1;
        await write({ out: attempts === 1 ? 'clean' : 'the first value and of this user' })(job);
        return attempts === 1 ? 3 : 0;
      },
      {},
      {
        options: {
          secrets: { session: 'of this user' },
          retry: { maxAttempts: 2, initialDelayMs: 0, on: ['user'] },
        },
        config: { retry: { max: { maxAttempts: 2 } } },
        ports: {
          resolveSecret: async () => Promise.resolve(attempts === 0 ? 'the first value' : 'the second value'),
        },
      },
    );
    expect(result.attempt).toBe(2);
    expect(result.secretLeaks).toEqual([
      { ...LEAK, path: 'out' },
      { secret: 'store:session', place: 'output', path: 'out' },
    ]);
  });
});

describe('policy.secrets.onLeak "block"', () => {
  const outputs = [
    OUT,
    { ...OUT, workspacePath: 'clean', upload: { backendMountId: 'out', pathTemplate: 'clean' } },
  ];

  it('publishes nothing of a run of which one output holds a secret', async () => {
    const files = { 'out/a': 'x', 'out/b': `x${SECRET}`, clean: 'clean' };
    const { result, out, told } = await leak(write(files), { outputs }, { onLeak: 'block' });
    expect(result).toMatchObject({
      status: 'failed',
      reason: 'output_rejected',
      category: 'user',
      exitCode: 0,
      secretLeaks: [{ ...LEAK, path: 'out/b' }],
      outputs: [
        { workspacePath: 'out', state: 'rejected', files: [] },
        { workspacePath: 'clean', state: 'rejected', files: [] },
      ],
    });
    expect(result.evidence.at(-1)).toMatchObject({
      by: 'watcher',
      what: 'output out was refused: it holds the secret "store:token" (policy.secrets.onLeak)',
    });
    expect(out.files()).toEqual({});
    expect(told).not.toContain('second-line');
  });

  it('says of which output the run has failed, also when it is not the first', async () => {
    const files = { 'out/a': 'x', clean: SECRET };
    const { result, out } = await leak(write(files), { outputs }, { onLeak: 'block' });
    expect(result.evidence.at(-1)?.what).toMatch(/^output clean was refused/);
    expect(out.files()).toEqual({});
  });

  it('leaves a job that failed by itself as it ended, and publishes nothing all the same', async () => {
    const { result, out } = await leak(
      async (job) => {
        await write({ out: SECRET })(job);
        return 3;
      },
      {},
      { onLeak: 'block' },
    );
    expect(result).toMatchObject({
      reason: 'non_zero_exit',
      exitCode: 3,
      secretLeaks: [LEAK],
      outputs: [{ state: 'rejected' }],
    });
    expect(out.files()).toEqual({});
  });

  it('lets outputs pass where the secret is in the log alone, which is masked', async () => {
    const { result, out } = await leak(
      async (job) => {
        await write({ out: 'clean' })(job);
        await job.stdout(SECRET);
      },
      {},
      { onLeak: 'block' },
    );
    expect(result).toMatchObject({ status: 'succeeded', secretLeaks: [{ place: 'stdout' }] });
    expect(Object.keys(out.files())).toEqual(['kept']);
  });
});

describe('a secret elsewhere', () => {
  it('is told of the stream it was written to, also in what is not kept', async () => {
    const { result, told } = await leak(
      async (job) => {
        await job.stdout('clean\n');
        await job.stderr('x'.repeat(40_000));
        await job.stderr(Buffer.from(SECRET).toString('base64').slice(0, 7));
        await job.stderr(Buffer.from(SECRET).toString('base64').slice(7));
        await job.stderr('x'.repeat(40_000));
      },
      { outputs: [] },
      { config: { maxLogChars: 1024 } },
    );
    expect(result.secretLeaks).toEqual([{ secret: 'store:token', place: 'stderr', path: null }]);
    expect(result.stderr.text).not.toContain('***');
    expect(told).not.toContain(Buffer.from(SECRET).toString('base64').slice(0, 20));
  });

  it('in what identifies the run is told by its field: that is not masked', async () => {
    const { result } = await leak(
      write({ 'hunter2-hunter2/a': 'clean' }),
      { outputs: [{ ...OUT, workspacePath: 'hunter2-hunter2' }] },
      { ports: { resolveSecret: staticSecrets({ token: 'hunter2-hunter2' }) } },
    );
    expect(result.secretLeaks).toEqual([
      { secret: 'store:token', place: 'result', path: 'outputs.0.workspacePath' },
    ]);
  });

  it('is said with an error, too', async () => {
    const out = { ...memoryStorage(), write: async () => Promise.reject(new Error('full')) };
    const { outcome, result } = await leak(write({ out: SECRET }), {}, { ports: { storage: { out } } });
    expect(outcome).toMatchObject({ code: 'storage.failed' });
    expect(result.secretLeaks).toEqual([{ ...LEAK, path: 'out' }]);
  });
});

it('says nothing where nothing leaked, or there are no secrets', async () => {
  const clean = await leak(async (job) => {
    await write({ 'out/p@ss': 'wörd second line' })(job);
    await job.stdout('second line');
  });
  expect(clean.result.secretLeaks).toEqual([]);
  const without = await leak(write({ out: SECRET }), { environment: {} }, { onLeak: 'block' });
  expect(without.result).toMatchObject({ status: 'succeeded', secretLeaks: [] });
});

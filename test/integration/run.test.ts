/** One run on a real engine: what it comes to, and that it leaves nothing behind. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  assertSucceeded,
  filesystemStorage,
  JobRuntimeError,
  memoryStorage,
  type RunEvent,
  type RunResult,
  staticSecrets,
} from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildVariant, ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { testEngine } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

describe('the ten lines', () => {
  it('count words and hand out the file', async () => {
    const runtime = await testRuntime({ policy: { images: { allow: ['busybox:*'] } } });
    const results = await temporaryFolder();
    const result = await runtime.runJob(
      {
        slug: 'count',
        docker: {
          image: 'busybox:1',
          command: ['sh', '-c', 'wc -w < in.txt > out.txt'],
          workingDirectory: '/workspace',
          outputs: [{ workspacePath: 'out.txt', upload: 'caller' }],
        },
      },
      { files: { 'in.txt': 'one two three' }, outputTo: results },
    );
    assertSucceeded(result);
    expect((await readFile(join(results, 'out.txt'), 'utf8')).trim()).toBe('3');
  });
});

describe("the document's example", () => {
  const definition = (localImage: string): Record<string, unknown> => ({
    docker: {
      image: localImage,
      imagePullPolicy: 'ifNotPresent',
      entryPoint: ['/usr/local/bin/run'],
      command: ['--config', '/workspace/config/run.json'],
      args: ['--verbose'],
      workingDirectory: '/workspace',
      workspaceMountPath: '/workspace',
      networkMode: 'none',
      requiresGpu: false,
      environment: [
        { name: 'NODE_ENV', value: 'production' },
        { name: 'API_TOKEN', secret: { source: 'store', key: 'docker-jobs/api-token' } },
      ],
      configFile: { filename: 'config/run.json', mountPath: '/workspace/config/run.json', format: 'json' },
      inputs: [
        {
          id: 'bundle-config',
          source: { type: 'filestorePath', backendMountId: 3, path: '/bundles/report/config.json' },
          workspacePath: 'inputs/config.json',
          mountPath: '/workspace/inputs/config.json',
        },
      ],
      outputs: [
        {
          id: 'report',
          workspacePath: 'outputs/report.pdf',
          upload: {
            backendMountId: 5,
            pathTemplate: 'reports/${runId}/report.pdf',
            contentType: 'application/pdf',
            overwrite: true,
          },
        },
      ],
    },
  });

  it('runs with a local image and leaves its report on mount 5', async () => {
    const program = [
      '#!/bin/sh',
      'set -e',
      '[ "$1 $2 $3" = "--config /workspace/config/run.json --verbose" ]',
      '[ "$NODE_ENV" = production ]',
      'mkdir -p outputs',
      '{ echo "%PDF-1.4"; cat inputs/config.json "$2"; printf %s "$API_TOKEN" | sha256sum; } > outputs/report.pdf',
      'echo "token is $API_TOKEN"',
    ].join('\n');
    const localImage = await buildVariant({ files: { '/usr/local/bin/run': `${program}\n` } });
    const folder = await temporaryFolder();
    await mkdir(join(folder, '3/bundles/report'), { recursive: true });
    await writeFile(join(folder, '3/bundles/report/config.json'), '{"title":"Report"}\n');
    const runtime = await testRuntime(
      {},
      {
        storage: { '3': filesystemStorage(join(folder, '3')), '5': filesystemStorage(join(folder, '5')) },
        resolveSecret: staticSecrets({ 'docker-jobs/api-token': 's3cr3t-token-value' }),
      },
    );
    expect(runtime.validate(definition('registry.example.com/tools/report-runner:1.2.3'))).toMatchObject({
      ok: true,
    });
    // An engine has room for a name once, and this test runs in two projects at a time.
    const runId = `r-42-${randomUUID()}`;
    const result = await runtime.runJob(definition(localImage), { runId });
    assertSucceeded(result);
    expect(result.stdout.text).toBe('token is ***\n');
    const report = await readFile(join(folder, `5/reports/${runId}/report.pdf`), 'utf8');
    expect(report).toContain('{"title":"Report"}');
    expect(report).toContain(`"runId": "${runId}"`);
  });
});

async function sh(
  script: string,
  options: Parameters<Awaited<ReturnType<typeof testRuntime>>['runJob']>[1] = {},
  docker: Record<string, unknown> = {},
): Promise<RunResult> {
  const runtime = await testRuntime({ stopGraceMs: 1_000 });
  return runtime.runJob(
    { slug: 'run', docker: { image, command: ['sh', '-c', script], ...docker } },
    options,
  );
}

describe('outcomes', () => {
  it.each([
    [
      'an exit code',
      'echo out; echo err >&2; exit 3',
      {},
      { status: 'failed', reason: 'non_zero_exit', exitCode: 3 },
    ],
    ['a signal', 'kill -SEGV $$', {}, { status: 'failed', reason: 'signaled', signal: 'SIGSEGV' }],
    ['a timeout', 'sleep 60', { timeoutMs: 300 }, { status: 'timed_out', reason: 'timed_out' }],
    [
      'a timeout although SIGTERM is trapped',
      'trap "" TERM; while :; do sleep 1; done',
      { timeoutMs: 300 },
      { status: 'timed_out', exitCode: 137 },
    ],
    [
      'a timeout that the job answers with exit 0',
      'trap "exit 0" TERM; while :; do sleep 0.1; done',
      { timeoutMs: 500 },
      { status: 'timed_out', exitCode: 0 },
    ],
  ] as const)('%s', async (_name, script, options, expected) => {
    const result = await sh(script, options);
    expect(result).toMatchObject(expected);
    expect(result.message).toContain('image: ');
  });

  it.each([
    ['127', ['/no/such/program']],
    ['126', ['/etc/passwd']],
  ])('an entry point that cannot be executed: %s', async (code, entryPoint) => {
    const result = await sh('true', {}, { entryPoint });
    expect(result).toMatchObject({ status: 'failed', reason: 'start_failed', exitCode: Number(code) });
    expect(result.hints).toHaveLength(1);
  });

  it('a missing required output fails a success, an optional one does not, and another failure stands', async () => {
    const outputs = [{ id: 'o', workspacePath: 'o.txt', upload: 'caller' }];
    const outputTo = memoryStorage();
    expect(await sh('true', { outputTo }, { outputs })).toMatchObject({
      status: 'failed',
      reason: 'output_missing',
      exitCode: 0,
    });
    expect(await sh('exit 4', { outputTo }, { outputs })).toMatchObject({
      reason: 'non_zero_exit',
      exitCode: 4,
      outputs: [{ state: 'missing' }],
    });
    expect(await sh('true', { outputTo }, { outputs: [{ ...outputs[0], optional: true }] })).toMatchObject({
      status: 'succeeded',
    });
  });

  it('a link as output is refused and its target stays secret', async () => {
    const outputTo = memoryStorage();
    const result = await sh(
      'ln -s /etc/hostname o.txt',
      { outputTo },
      { workingDirectory: '/workspace', outputs: [{ workspacePath: 'o.txt', upload: 'caller' }] },
    );
    expect(result).toMatchObject({ status: 'failed', reason: 'output_rejected' });
    expect(outputTo.files()).toEqual({});
  });

  it('cancelling ends the run, whoever asks and whenever', async () => {
    const runtime = await testRuntime({ stopGraceMs: 1_000 });
    const handle = runtime.startJob({ docker: { image, command: ['sleep', '60'] } });
    for await (const event of handle.events) if (event.type === 'container_started') handle.cancel('enough');
    expect(await handle.result).toMatchObject({ status: 'cancelled', reason: 'cancelled' });
    expect((await handle.result).message).toContain('enough');
    const early = await runtime.runJob(
      { docker: { image, command: ['sleep', '60'] } },
      { signal: AbortSignal.abort(new Error('never mind')) },
    );
    expect(early).toMatchObject({ status: 'cancelled', exitCode: null, containerName: null });
    expect(early.message).toContain('never mind');
  });

  it('closing ends what runs and refuses what comes', async () => {
    const runtime = await testRuntime({ stopGraceMs: 1_000 });
    const handle = runtime.startJob({ docker: { image, command: ['sleep', '60'] } });
    for await (const event of handle.events) if (event.type === 'container_started') break;
    await runtime.close();
    expect(await handle.result).toMatchObject({
      status: 'cancelled',
      reason: 'runtime_shutdown',
      retryable: true,
    });
    await expect(runtime.runJob({ docker: { image } })).rejects.toMatchObject({ code: 'runtime.closed' });
  });

  it('removal from outside is told apart', async () => {
    const engine = testEngine();
    const runtime = await testRuntime();
    const handle = runtime.startJob({ docker: { image, command: ['sleep', '60'] } });
    for await (const event of handle.events) {
      if (event.type !== 'container_started') continue;
      const info = await engine.containers.inspect(event.containerName);
      await engine.containers.remove(info?.id ?? '');
    }
    expect(await handle.result).toMatchObject({
      status: 'failed',
      reason: 'externally_removed',
      retryable: true,
    });
    await engine.close();
  });
});

describe('what goes in and out', () => {
  it('standard input arrives whole and is closed; a job that does not read it is no failure', async () => {
    const text = 'x'.repeat(300_000);
    const hash = createHash('md5').update(text).digest('hex');
    expect((await sh('md5sum', { stdin: text })).stdout.text).toBe(`${hash}  -\n`);
    expect(await sh('wc -c', { stdin: text })).toMatchObject({
      status: 'succeeded',
      stdout: { text: '300000\n' },
    });
    expect(await sh('exit 0', { stdin: text })).toMatchObject({ status: 'succeeded' });
  });

  it('argv, environment and working directory arrive exactly', async () => {
    const result = await sh(
      '',
      {},
      {
        entryPoint: ['sh', '-c', 'printf "[%s]" "$@"; printf "%s|%s" "$EMPTY" "$ODD"; pwd', 'zero'],
        command: [' a b ', '$HOME'],
        args: ['"q"', 'ü\n'],
        environment: { EMPTY: '', ODD: 'a=b "c" ${runId}\nü' },
        workingDirectory: '/workspace',
      },
    );
    expect(result.stdout.text).toBe('[ a b ][$HOME]["q"][ü\n]|a=b "c" ${runId}\nü/workspace\n');
  });

  it('a job cannot write placeholders that mean something', async () => {
    const result = await sh(
      '',
      {},
      { entryPoint: ['echo', '<runId>', '<secret:env:X>', '<workspace>'], command: ['<imageId>'] },
    );
    expect(result.stdout.text).toBe('<runId> <secret:env:X> <workspace> <imageId>\n');
  });

  it('files are private copies the job may change, and events tell the story in order', async () => {
    const events: RunEvent[] = [];
    const source = new TextEncoder().encode('bytes');
    const result = await sh(
      'echo more >> a.txt && cat a.txt b/c && ./run.sh',
      {
        files: {
          'a.txt': 'text\n',
          'b/c': source,
          'run.sh': { content: '#!/bin/sh\necho ran', executable: true },
        },
        onEvent: (event) => events.push(event),
      },
      { workingDirectory: '/workspace' },
    );
    expect(result.stdout.text).toBe('text\nmore\nbytesran\n');
    const order = events.map(({ type }) => type);
    expect(order.indexOf('output')).toBeGreaterThan(order.indexOf('container_started'));
    const types = events
      .map(({ type }) => type)
      .filter((type) => type !== 'output' && type !== 'stage_progress');
    expect(types).toEqual([
      'run_start',
      'attempt_start',
      'policy_decision',
      'queue_start',
      'queue_end',
      'pull_end',
      'stage_start',
      'stage_end',
      'container_created',
      'container_started',
      'container_exited',
      'cleanup_start',
      'cleanup_end',
      'attempt_end',
      'run_end',
    ]);
  });

  it('a secret in environment, output, error line and events is masked everywhere', async () => {
    const events: RunEvent[] = [];
    const value = 'top-s3cr3t-value';
    const result = await sh(
      'echo $TOKEN; echo $TOKEN | base64; echo "$TOKEN" >&2; exit 1',
      {
        secrets: { token: value },
        onEvent: (event) => events.push(event),
      },
      { environment: [{ name: 'TOKEN', secret: { source: 'store', key: 'token' } }] },
    );
    const everything = JSON.stringify([result, events]);
    expect(everything).not.toContain(value);
    expect(everything).not.toContain(Buffer.from(value).toString('base64').slice(0, 12));
    expect(result.stdout.text).toContain('***');
  });

  it('refusals and failures of our own are typed errors', async () => {
    const runtime = await testRuntime({ policy: { images: { allow: ['nothing/*'] } } });
    const error: unknown = await runtime.runJob({ docker: { image } }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: 'policy', code: 'policy.denied' });
    expect(JobRuntimeError.isInstance(error) && error.hint).toContain('nothing/*');
    await expect(runtime.runJob({ docker: {} })).rejects.toMatchObject({ code: 'validation.invalid_job' });
    const open = await testRuntime();
    await expect(open.runJob({ docker: { image: 'localhost:1/none:1' } })).rejects.toMatchObject({
      kind: 'image',
    });
    await expect(
      open.runJob({ docker: { image, outputs: [{ workspacePath: 'a', upload: 'caller' }] } }),
    ).rejects.toMatchObject({ code: 'validation.invalid_job' });
    await expect(
      open.runJob({ docker: { image, environment: [{ name: 'A', secret: { source: 'store', key: 'k' } }] } }),
    ).rejects.toMatchObject({ code: 'secret.not_found' });
  });
});

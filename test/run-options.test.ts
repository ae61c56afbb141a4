/** Options that are wrong: told by name, before anything is done, and never by a throw where a handle was promised. */
import { PassThrough } from 'node:stream';
import { createRuntime, issuesOf, memoryStorage, type RunOptions, type Runtime } from 'berthkit';
import { fakeEngine, type FakeEngine } from 'berthkit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutputRequest } from '../src/plan/container-spec.js';
import { placeIssues } from '../src/job/request-issues.js';
import { inlineInput, requestWith } from './policy/requests.js';
import { testFolder } from './run-fixture.js';

const DEFINITION = { docker: { image: 'busybox:1', outputs: [{ workspacePath: 'o', upload: 'caller' }] } };

let engine: FakeEngine;
let runtime: Runtime;
beforeEach(() => {
  engine = fakeEngine({
    run: async (job) => {
      await job.writeFile('/workspace/o', 'x');
      return { exitCode: 0 };
    },
  });
  runtime = createRuntime({ workspaceRoot: testFolder() }, { engine });
});
afterEach(async () => runtime.close());

const startWith = (options: unknown) => runtime.startJob(DEFINITION, options as RunOptions);

/** What a run with these options is refused for. */
const refusedFor = async (options: unknown): Promise<readonly string[]> => {
  const failure = await startWith(options).result.catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'ValidationError', code: 'validation.invalid_job' });
  expect(engine.calls).toEqual([]);
  return issuesOf(failure).map(({ path, message }) => `${path} ${message}`);
};

describe('options that are refused, each by its name', () => {
  const STORAGE = 'must be the path of a folder or a storage adapter';
  const SINK = 'must be a Node stream or a web stream that can be written to';
  const CONTENT = 'must be text, bytes, a stream of bytes or { path }';
  const TIME = 'must be a whole number from 1 to 86400000';
  it.each<[string, unknown, string]>([
    ['a misspelt name', { timeoutMS: 5 }, 'options.timeoutMS is unknown; did you mean "timeoutMs"?'],
    [
      'a misspelt time',
      { timeouts: { runMS: 5 } },
      'options.timeouts.runMS is unknown; did you mean "runMs"?',
    ],
    [
      'another misspelt name',
      { concurencyKey: 'x' },
      'options.concurencyKey is unknown; did you mean "concurrencyKey"?',
    ],
    [
      'a misspelt way to retry',
      { retry: { maxAttempt: 2 } },
      'options.retry.maxAttempt is unknown; did you mean "maxAttempts"?',
    ],
    ['a number of retries', { retry: 3 }, 'options.retry must be an object'],
    ['times that are none', { timeouts: 5 }, 'options.timeouts must be an object'],
    ['a time that is text', { timeoutMs: '5s' }, `options.timeoutMs ${TIME}`],
    ['a list of parameters', { parameters: [1] }, 'options.parameters must be an object'],
    ['parameters that are text', { parameters: 'x' }, 'options.parameters must be an object'],
    ['parameters that are no JSON', { parameters: { a: 1n } }, 'options.parameters must be JSON values only'],
    ['files that are text', { files: 'abc' }, 'options.files must be an object'],
    ['a file that is a number', { files: { a: 5 } }, `options.files.a ${CONTENT}`],
    ['a file that is null', { files: { a: null } }, `options.files.a ${CONTENT}`],
    ['a wrapped file', { files: { a: { content: 5 } } }, `options.files.a.content ${CONTENT}`],
    [
      'a wrong permission',
      { files: { a: { content: '', executable: 'x' } } },
      'options.files.a.executable must be true or false',
    ],
    ['a number as standard input', { stdin: 5 }, `options.stdin ${CONTENT}`],
    ['nowhere for outputs', { outputTo: '' }, `options.outputTo ${STORAGE}`],
    ['null for outputs', { outputTo: null }, `options.outputTo ${STORAGE}`],
    ['a number for outputs', { outputTo: 5 }, `options.outputTo ${STORAGE}`],
    ['half a storage', { outputTo: { write: () => undefined } }, `options.outputTo ${STORAGE}`],
    ['a number as sink', { stdout: 5 }, `options.stdout ${SINK}`],
    ['null as sink', { stderr: null }, `options.stderr ${SINK}`],
    ['a listener that is none', { onLine: 5 }, 'options.onLine must be a function'],
    ['another', { onEvent: {} }, 'options.onEvent must be a function'],
    ['a signal that is none', { signal: 5 }, 'options.signal must be an AbortSignal'],
    ['a run id that is a number', { runId: 5 }, 'options.runId must match [A-Za-z0-9][A-Za-z0-9_.-]{0,127}'],
    ['a profile that is a number', { profile: 5 }, 'options.profile must be the name of a profile'],
    ['secrets that are text', { secrets: 'abc' }, 'options.secrets must be an object'],
    ['credentials that are text', { registryAuth: 'abc' }, 'options.registryAuth must be an object'],
    ['a list of metadata', { metadata: ['a'] }, 'options.metadata must be an object'],
    ['what is no object', null, 'options must be an object'],
    ['text', 'x', 'options must be an object'],
    [
      'what cannot be read',
      Object.defineProperty({}, 'files', {
        get: () => {
          throw new Error('no');
        },
        enumerable: true,
      }),
      'options cannot be read',
    ],
  ])('%s', async (_name, options, issue) => {
    expect(await refusedFor(options)).toEqual([issue]);
  });

  it('all of them at once', async () => {
    const issues = await refusedFor({ timeoutMS: 5, stdout: 5, files: { a: 5, b: 'right' } });
    expect(issues).toHaveLength(3);
  });

  it('and those that are right are still heard', async () => {
    const types: string[] = [];
    const options = {
      runId: 'mine',
      metadata: { team: 'a' },
      stdout: 5,
      onEvent: ({ type }: { type: string }) => types.push(type),
    };
    expect(startWith(options).runId).toBe('mine');
    await expect(runtime.get('mine')?.result).rejects.toMatchObject({ runId: 'mine' });
    expect(types).toContain('run_end');
  });

  it('a request with places that no definition could have', async () => {
    const right = requestWith({ tmpfs: [{ path: '/cache' }] });
    const input = inlineInput('in', '/data/in');
    const output: OutputRequest = {
      id: null,
      workspacePath: 'out/**',
      upload: null,
      optional: true,
      when: 'always',
      specialFiles: 'skip',
    };
    const configFile = { filename: 'c.json', mountPath: '/cfg/c.json', format: 'json' } as const;
    const whole = { ...right, inputs: [input], outputs: [output], configFile };
    expect(placeIssues(whole)).toEqual([]);
    const wrong = {
      ...whole,
      container: { ...right.container, workspaceMountPath: '/etc', tmpfs: [{ path: '/usr/lib' }] },
      inputs: [{ ...input, workspacePath: '../up', mountPath: '/run' }],
      outputs: [{ ...output, workspacePath: '/etc/passwd' }],
      configFile: { ...configFile, filename: 5 as never, mountPath: '/data/docker.sock' },
    };
    const failure = await runtime.startRun(wrong).result.catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'validation.invalid_job' });
    expect(issuesOf(failure).map(({ path, message }) => `${path} ${message}`)).toEqual([
      expect.stringContaining('request.container.workspaceMountPath must not be equal to'),
      expect.stringContaining('request.container.tmpfs.0.path must not be equal to'),
      'request.inputs.0.workspacePath must not have . or .. segments',
      expect.stringContaining('request.inputs.0.mountPath must not be equal to'),
      'request.outputs.0.workspacePath must be relative: no leading /',
      'request.configFile.filename must be text',
      'request.configFile.mountPath must not be the socket of a container engine',
    ]);
  });

  it('a request that is none', async () => {
    for (const request of [{}, null, 'x', { job: { slug: 'a' } }]) {
      const failure = await runtime.startRun(request as never).result.catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'validation.invalid_job' });
      expect(issuesOf(failure)).toMatchObject([{ code: 'validation.invalid_request', path: 'request' }]);
    }
  });
});

it('options that are undefined, or of any right kind, are taken', async () => {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from('b'));
  }
  const sink = new PassThrough();
  sink.resume();
  const options = {
    ...Object.fromEntries(
      ['runId', 'signal', 'timeouts', 'parameters', 'retention'].map((name) => [name, undefined]),
    ),
    files: {
      text: 'a',
      bytes: Buffer.from('a'),
      stream: bytes(),
      wrapped: { content: bytes(), executable: true },
    },
    stdin: bytes(),
    stdout: sink,
    stderr: new WritableStream<Uint8Array>(),
    outputTo: memoryStorage(),
    somethingElse: undefined,
  };
  expect(await startWith(options).result).toMatchObject({ status: 'succeeded', warnings: [] });
});

it.each([5, null, {}, Object.create(null), Symbol('x')])(
  'a reason to cancel that is no text is not repeated (%#)',
  async (reason) => {
    const run = startWith({ outputTo: memoryStorage() });
    run.cancel(reason as string);
    const { status, evidence } = await run.result;
    expect([status, evidence[0]?.what]).toEqual(['cancelled', 'cancelled by the caller']);
  },
);

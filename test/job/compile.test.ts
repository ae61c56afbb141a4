import { describe, expect, it } from 'vitest';
import { type CompileOptions, compileJob, requestOver } from '../../src/job/compile.js';
import { parseJobShape, type ValidJob } from '../../src/job/validate.js';
import type { RunRequest } from '../../src/plan/container-spec.js';
import { DOCUMENT_JOB } from './document-job.js';

function jobOf(definition: unknown): ValidJob {
  const validation = parseJobShape(definition);
  if (!validation.ok) throw new Error(JSON.stringify(validation.issues));
  return validation.job;
}

const compile = (docker: object, beside: object = {}, options: CompileOptions = {}): RunRequest =>
  compileJob(jobOf({ ...beside, docker: { image: 'busybox:1', ...docker } }), options);

describe('compileJob', () => {
  it('fills in nothing that is left to the operator', () => {
    expect(compile({})).toEqual({
      job: { slug: null, id: null, version: null },
      container: {
        image: 'busybox:1',
        platform: null,
        pullPolicies: [],
        entryPoint: [],
        command: [],
        workingDirectory: null,
        workspaceMountPath: '/workspace',
        environment: [],
        networkMode: null,
        requiresGpu: false,
        runtime: null,
        resources: {},
        user: null,
        tmpfs: [],
        stdin: null,
      },
      inputs: [],
      outputs: [],
      configFile: null,
      parameters: {},
      timeouts: {},
      retry: {},
    });
  });

  it.each([
    ['the definition', { retry: { maxAttempts: 3, on: ['user'] } }, {}, { maxAttempts: 3, on: ['user'] }],
    [
      "the document's software",
      { retryPolicy: { maxAttempts: 3, strategy: 'fixed' } },
      {},
      { maxAttempts: 3, backoff: 'fixed' },
    ],
    [
      'the caller over it, key by key',
      { retry: { maxAttempts: 3, jitter: 'none' } },
      { maxAttempts: 1, jitter: undefined },
      { maxAttempts: 1, jitter: 'none' },
    ],
  ] as const)('takes the retry of %s', (_, beside, option, expected) => {
    const request = compileJob(jobOf({ ...beside, docker: { image: 'busybox:1' } }), { retry: option });
    expect(request.retry).toEqual(expected);
  });

  it('compiles the example of the document', () => {
    expect(compileJob(jobOf(DOCUMENT_JOB))).toMatchObject({
      container: {
        pullPolicies: ['ifNotPresent'],
        entryPoint: ['/usr/local/bin/run'],
        command: ['--config', '/workspace/config/run.json', '--verbose'],
        workingDirectory: '/workspace',
        environment: [
          { name: 'NODE_ENV', value: 'production' },
          { name: 'API_TOKEN', secret: { source: 'store', key: 'docker-jobs/api-token' } },
        ],
        networkMode: 'none',
      },
      inputs: [
        {
          id: 'bundle-config',
          source: { type: 'filestorePath', backendMountId: '3', path: '/bundles/report/config.json' },
          workspacePath: 'inputs/config.json',
          mountPath: '/workspace/inputs/config.json',
          optional: false,
        },
      ],
      outputs: [
        {
          id: 'report',
          workspacePath: 'outputs/report.pdf',
          upload: {
            backendMountId: '5',
            pathTemplate: 'reports/${runId}/report.pdf',
            contentType: 'application/pdf',
            mode: null,
            overwrite: true,
          },
          optional: false,
        },
      ],
      configFile: {
        filename: 'config/run.json',
        mountPath: '/workspace/config/run.json',
        format: 'json',
      },
    });
  });

  it('keeps the bytes of every word', () => {
    const words = [' a ', '\t', 'é\n', '$(x)'];
    expect(compile({ entryPoint: words, command: words, args: words }).container).toMatchObject({
      entryPoint: words,
      command: [...words, ...words],
    });
  });

  it('reads the environment as a map like the list', () => {
    const secret = { source: 'env', key: 'K' };
    const asList = compile({
      environment: [
        { name: 'B', value: '' },
        { name: 'A', secret },
      ],
    });
    expect(compile({ environment: { B: '', A: { secret } } })).toEqual({
      ...asList,
      container: { ...asList.container, environmentForm: 'map' },
    });
    expect(asList.container.environment).toEqual([
      { name: 'B', value: '' },
      { name: 'A', secret },
    ]);
  });

  it.each([
    [3, '3'],
    ['3', '3'],
    ['corpus', 'corpus'],
  ])('names mount %j %j', (backendMountId, expected) => {
    const source = { type: 'filestorePath', backendMountId, path: '/x' };
    expect(compile({ inputs: [{ source, workspacePath: 'x' }] }).inputs[0]?.source).toEqual({
      ...source,
      backendMountId: expected,
    });
  });

  it.each([
    [
      { type: 'filestoreNode', nodeId: 7 },
      { type: 'filestoreNode', nodeId: '7' },
    ],
    [
      { type: 'inline', content: 'x' },
      { type: 'inline', content: 'x', encoding: 'utf8' },
    ],
    [
      { type: 'inline', content: 'eA==', encoding: 'base64' },
      { type: 'inline', content: 'eA==', encoding: 'base64' },
    ],
  ])('compiles the source %j', (source, expected) => {
    expect(compile({ inputs: [{ source, workspacePath: 'x' }] }).inputs[0]?.source).toEqual(expected);
  });

  it('gives absolute container paths their one spelling', () => {
    const request = compile({
      workspaceMountPath: '//jobs//space/',
      tmpfs: [{ path: '/scratch/' }],
      inputs: [{ source: { type: 'inline', content: '' }, workspacePath: 'a', mountPath: '/data//a/' }],
      configFile: { filename: 'b', mountPath: '/data//b/' },
    });
    expect(request.container.workspaceMountPath).toBe('/jobs/space');
    expect(request.container.tmpfs).toEqual([{ path: '/scratch' }]);
    expect(request.inputs[0]?.mountPath).toBe('/data/a');
    expect(request.configFile?.mountPath).toBe('/data/b');
  });

  it('reads sizes into bytes', () => {
    const request = compile({
      resources: { memoryBytes: '512m', shmBytes: '1MB', cpus: 2 },
      tmpfs: [{ path: '/scratch', sizeBytes: '8KiB' }],
    });
    expect(request.container.resources).toEqual({ memoryBytes: 536_870_912, shmBytes: 1_000_000, cpus: 2 });
    expect(request.container.tmpfs).toEqual([{ path: '/scratch', sizeBytes: 8192 }]);
  });

  it('hands outputs to the caller, to a storage, or nowhere', () => {
    const upload = { backendMountId: 1, pathTemplate: 'a' };
    const outputs = ['caller', upload, undefined].map((each, index) => ({
      workspacePath: String(index),
      upload: each,
    }));
    expect(compile({ outputs }).outputs.map((output) => output.upload)).toEqual([
      'caller',
      { backendMountId: '1', pathTemplate: 'a', contentType: null, mode: null, overwrite: false },
      null,
    ]);
  });

  it.each<[object, CompileOptions, unknown]>([
    [{}, {}, {}],
    [{ timeoutMs: 2000 }, {}, { runMs: 2000 }],
    [{ timeoutMs: 2000 }, { timeoutMs: 3000 }, { runMs: 3000 }],
    [
      { timeoutMs: 2000 },
      { timeoutMs: 3000, timeouts: { runMs: 4000, pullMs: 5 } },
      { runMs: 4000, pullMs: 5 },
    ],
    [
      { timeoutMs: 2000 },
      { timeoutMs: undefined, timeouts: { runMs: undefined, pullMs: undefined } },
      { runMs: 2000 },
    ],
    [{}, { timeouts: undefined, parameters: undefined }, {}],
  ])('timeouts of %j with %j', (beside, options, expected) => {
    // Strict: a key with `undefined` would hide the operator's default.
    expect(compile({}, beside, options).timeouts).toStrictEqual(expected);
  });

  it('merges parameters over the defaults, key by key', () => {
    const beside = { defaultParameters: { a: 1, b: { c: 1 } } };
    const { parameters } = compile({}, beside, { parameters: { b: { d: 2 }, e: undefined } });
    expect(parameters).toStrictEqual({ a: 1, b: { d: 2 } });
  });

  it.each<CompileOptions>([
    {},
    { timeoutMs: 1000, timeouts: { runMs: 2000, pullMs: 3000 } },
    { timeoutMs: 1000, timeouts: { runMs: undefined, idleOutputMs: 5000 } },
    { retry: { maxAttempts: 3, initialDelayMs: undefined } },
    { parameters: { b: 2, c: undefined } },
  ])('adds %j to a request as to a definition', (options) => {
    const beside = {
      timeoutMs: 9000,
      retry: { maxAttempts: 2, initialDelayMs: 10 },
      defaultParameters: { a: 1, b: 1 },
    };
    expect(requestOver(compile({}, beside), options)).toStrictEqual(compile({}, beside, options));
  });

  it("freezes the request, but nothing of the caller's", () => {
    const options = { parameters: { nested: { a: 1 } }, timeouts: { pullMs: 5 } };
    const request = compile({ command: ['true'] }, {}, options);
    expect(
      [request, request.container, request.container.command, request.timeouts].every(Object.isFrozen),
    ).toBe(true);
    expect(Object.isFrozen(options.parameters.nested)).toBe(false);
    expect(Object.isFrozen(options.timeouts)).toBe(false);
  });

  it('is JSON-safe', () => {
    const request = compileJob(jobOf({ ...DOCUMENT_JOB, version: 3 }), { parameters: { a: [1, 'é'] } });
    expect(JSON.parse(JSON.stringify(request))).toStrictEqual(request);
    expect(request.job.version).toBe(3);
  });
});

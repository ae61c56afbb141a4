import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import type { ContainerDraft, RunRequest } from '../../src/plan/container-spec.js';
import { coverImageVolumes, impossibleVolume } from '../../src/plan/image-volumes.js';
import { materializeContainer, type RunValues } from '../../src/plan/materialize.js';
import { planRun } from '../../src/plan/plan-run.js';
import type { RunPlan } from '../../src/plan/run-plan.js';
import { judgeRequest } from '../../src/policy/judge.js';
import type { Caller } from '../../src/policy/rule.js';
import { inlineInput as input, requestWith } from '../policy/requests.js';

const config = parseConfig();
const planOf = (
  container: Partial<ContainerDraft> = {},
  rest: Partial<Omit<RunRequest, 'container'>> = {},
  caller: Caller = null,
): RunPlan => planRun(judgeRequest(requestWith(container, rest), config.policy), config, { caller });
const values: RunValues = {
  runId: 'run1',
  attempt: 2,
  imageId: 'sha256:abc',
  imageVolumes: [],
  imageEnvironment: [],
  workspacePath: '/tmp/root/run-x',
  labelPrefix: 'berthkit',
  instance: 'i1',
  owner: 'o1',
  createdAt: '2026-01-01T00:00:00.000Z',
  secrets: new Map(),
  proxies: new Map(),
  secretsPath: null,
  skippedInputs: new Set(),
  stdin: false,
};

describe('planRun', () => {
  it('takes only what was judged, and refuses a copy of it', () => {
    const judged = judgeRequest(requestWith(), config.policy);
    expect(() => planRun(Object.assign({}, judged), config, { caller: null })).toThrow(
      expect.objectContaining({ code: 'validation.invalid_job' }) as Error,
    );
  });

  it('refuses what was denied, with every violation and a hint', () => {
    const judged = judgeRequest(requestWith({ networkMode: 'bridge', requiresGpu: true }), config.policy);
    expect(() => planRun(judged, config, { caller: null })).toThrow(
      expect.objectContaining({
        code: 'policy.denied',
        hint: expect.stringContaining('networkMode') as string,
        message: expect.stringContaining('GPU execution') as string,
      }) as Error,
    );
  });

  it('cannot be changed through the request that was judged', () => {
    const command = ['true'];
    const request = requestWith({ command });
    const judged = judgeRequest(request, config.policy);
    command[0] = 'evil';
    expect(planRun(judged, config, { caller: null }).container.command).toEqual(['true']);
  });

  it('goes by the configuration as it is, also by one that is not frozen and was changed', () => {
    const judged = judgeRequest(requestWith(), config.policy);
    const changing = { ...config };
    expect(planRun(judged, changing, { caller: null }).limits.fileBytes).toBe(config.maxFileBytes);
    changing.maxFileBytes = 7;
    expect(planRun(judged, changing, { caller: null }).limits.fileBytes).toBe(7);
    expect(planRun(judged, config, { caller: null }).limits.fileBytes).toBe(config.maxFileBytes);
  });

  it('gives the same hash for the same request whatever the order of keys, and another for any change', () => {
    const request = requestWith();
    const turned = Object.fromEntries(Object.entries(request).reverse()) as unknown as RunRequest;
    const hashOf = (each: RunRequest): string =>
      planRun(judgeRequest(each, config.policy), config, { caller: null }).planHash;
    expect(hashOf(turned)).toBe(hashOf(request));
    expect(planOf({ command: ['false'] }).planHash).not.toBe(hashOf(request));
    expect(planOf({}, { parameters: { a: 1 } }).planHash).not.toBe(hashOf(request));
  });

  it.each<[Caller, string]>([
    [null, '65534:65534'],
    [{ uid: 0, gid: 0 }, '65534:65534'],
    [{ uid: 1000, gid: 1001 }, '1000:1001'],
  ])('runs as %j is %s', (caller, user) => {
    expect(planOf({}, {}, caller).container.user).toBe(user);
  });

  it('is frozen to its leaves', () => {
    const plan = planOf();
    expect(Object.isFrozen(plan)).toBe(true);
    expect(Object.isFrozen(plan.container.resources.ulimits[0])).toBe(true);
  });
});

describe('materializeContainer', () => {
  it('delivers a secret as a file by one read-only folder, and its path by the variable', () => {
    const plan = planOf({
      environment: [
        { name: 'A', secret: { source: 'store', key: 'k' }, as: 'file' },
        { name: 'B', secret: { source: 'store', key: 'k' }, as: 'env' },
      ],
    });
    const { spec } = materializeContainer(plan, {
      ...values,
      secrets: new Map([['B', 'value']]),
      secretsPath: '/memory/x',
    });
    expect(spec.environment).toEqual([
      { name: 'A', value: '/run/secrets/A' },
      { name: 'B', value: 'value' },
      { name: 'HOME', value: '/tmp' },
    ]);
    expect(spec.mounts).toContainEqual({
      type: 'bind',
      source: '/memory/x',
      target: '/run/secrets',
      readOnly: true,
    });
    expect(() => materializeContainer(plan, { ...values, secrets: new Map([['B', 'value']]) })).toThrow(
      /have no place/,
    );
  });

  it('puts values where berthkit wrote placeholders, and nowhere else', () => {
    const text = '<runId> <workspace> <imageId> <secret:store:k> <planHash>';
    const plan = planOf({
      command: [text],
      environment: [
        { name: 'A', value: text },
        { name: 'B', value: '<secret:store:k>' },
        { name: 'C', secret: { source: 'store', key: 'k' } },
      ],
      stdin: text,
    });
    const { spec } = materializeContainer(plan, { ...values, secrets: new Map([['C', 'value']]) });
    expect(spec.command).toEqual([text]);
    expect(spec.environment).toEqual([
      { name: 'A', value: text },
      { name: 'B', value: '<secret:store:k>' },
      { name: 'C', value: 'value' },
      { name: 'HOME', value: '/tmp' },
    ]);
    expect(spec).toMatchObject({ image: 'sha256:abc', name: 'berthkit-demo-run1-2' });
    expect(spec.mounts).toEqual([
      { type: 'bind', source: '/tmp/root/run-x/workspace', target: '/workspace', readOnly: false },
    ]);
    expect(spec.labels).toEqual({
      'berthkit.managed': 'true',
      'berthkit.instance': 'i1',
      'berthkit.owner': 'o1',
      'berthkit.run-id': 'run1',
      'berthkit.attempt': '2',
      'berthkit.job': 'demo',
      'berthkit.kind': 'job',
      'berthkit.spec-hash': plan.planHash,
      'berthkit.created-at': values.createdAt,
    });
  });

  it('gives inputs that were skipped no mount', () => {
    const plan = planOf({}, { inputs: [input('a', '/x'), input('b', '/y')] });
    const { spec } = materializeContainer(plan, { ...values, skippedInputs: new Set([0]) });
    expect(spec.mounts.map(({ target }) => target)).toEqual(['/workspace', '/y', '/workspace/b']);
  });

  it('refuses a plan that was changed, and a secret without a value', () => {
    const plan = planOf({ environment: [{ name: 'C', secret: { source: 'store', key: 'k' } }] });
    expect(() =>
      materializeContainer({ ...plan, stdin: 'x' }, { ...values, secrets: new Map([['C', 'v']]) }),
    ).toThrow(/changed/);
    expect(() => materializeContainer(plan, values)).toThrow(/no value/);
  });
});

describe('impossibleVolume', () => {
  it.each(['/', '//', '/..', '/a/../', '/proc', '/proc/sys/', '/a/../proc/b', '/dev', '/dev/', '/a/../dev'])(
    'is %j, in whose place nothing can be mounted',
    (volume) => {
      expect(impossibleVolume(['/data', volume])).toBe(volume);
    },
  );

  it.each(['', '.', 'proc', 'data', './data'])('is %j, which is not absolute', (volume) => {
    expect(impossibleVolume(['/data', volume])).toBe(volume);
  });

  it('is none of those that a container starts with', () => {
    expect(impossibleVolume(['/data', '/dev/shm', '/sys', '/run', '/process', '/...'])).toBeUndefined();
  });
});

describe('coverImageVolumes', () => {
  const cover = (
    volumes: readonly string[],
    inputs: readonly RunRequest['inputs'][number][] = [],
  ): unknown => {
    const { tmpfs, workspaceFolders } = coverImageVolumes(planOf({}, { inputs }), volumes);
    return { tmpfs: tmpfs.map(({ target }) => target), workspaceFolders };
  };

  it.each<
    [string, readonly string[], readonly RunRequest['inputs'][number][], readonly string[], readonly string[]]
  >([
    ['any other', ['/data', '/data/'], [], ['/data'], []],
    ['one with dots', ['/a/../data', '/./b//c/'], [], ['/data', '/b/c'], []],
    ['the workspace', ['/workspace', '/workspace/'], [], [], []],
    ['beneath the workspace', ['/workspace/a/b'], [], [], ['a/b']],
    ['an input', ['/data'], [input('a', '/data')], [], []],
    ['an input in the workspace', ['/workspace/a'], [input('a')], [], []],
    ['above an input', ['/data'], [input('a', '/data/a')], ['/data'], []],
    ['inside an input in the workspace', ['/workspace/a/sub'], [input('a')], ['/workspace/a/sub'], []],
    ['/tmp', ['/tmp'], [], [], []],
  ])('covers a volume that is %s', (_name, volumes, inputs, tmpfs, workspaceFolders) => {
    expect(cover(volumes, inputs)).toEqual({ tmpfs, workspaceFolders });
  });

  it('bounds and owns each tmpfs', () => {
    expect(coverImageVolumes(planOf({}, {}, { uid: 7, gid: 8 }), ['/data']).tmpfs).toEqual([
      {
        target: '/data',
        sizeBytes: 64 * 1024 ** 2,
        inodes: 16_384,
        uid: 7,
        gid: 8,
        mode: '0700',
        exec: true,
      },
    ]);
  });
});

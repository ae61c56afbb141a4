/** Modes and profiles in runs, on the fake engine: who is told, by which policy a run is judged, and who may choose it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compileJob,
  type ContainerSpec,
  createRuntime,
  issuesOf,
  type JobDefinition,
  type NodeResolver,
  memoryStorage,
  type PolicyInput,
  type PolicyRule,
  type RunEvent,
  type RunOptions,
  type RunResult,
  type Runtime,
  type RuntimePorts,
  violationsOf,
} from 'berthkit';
import { fakeEngine, type FakeEngine } from 'berthkit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requestWith } from './policy/requests.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berthkit-policy-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const EVIL: JobDefinition = { slug: 'job', docker: { image: 'evil:1' } };
const BUSYBOX: JobDefinition = { slug: 'job', docker: { image: 'busybox:1' } };
const IMAGES = { allow: ['busybox:*'] };

interface Scene {
  readonly runtime: Runtime;
  readonly engine: FakeEngine;
  readonly events: RunEvent[];
  /** What the containers were made of. */
  readonly specs: ContainerSpec[];
}

function scene(policy: PolicyInput, ports: RuntimePorts = {}): Scene {
  const specs: ContainerSpec[] = [];
  const engine = fakeEngine({ run: ({ spec }) => void specs.push(spec) });
  const events: RunEvent[] = [];
  const runtime = createRuntime(
    { workspaceRoot: folder, policy: { images: IMAGES, ...policy } },
    { engine, onEvent: (event) => void events.push(event), ...ports },
  );
  return { runtime, engine, events, specs };
}

const failureOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => Promise.reject(new Error(`not refused: ${JSON.stringify(value)}`)),
    (error: unknown) => error,
  );
const messagesOf = (events: readonly RunEvent[]): readonly string[] =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));

describe('a violation of a rule that only warns', () => {
  it('lets the run be, and is a warning of validation, decision, result and events', async () => {
    const { runtime, events } = scene({ mode: 'warn' });
    const text = 'policy.image: docker.image: docker.io/library/evil:1 matches no pattern of images.allow';
    expect(runtime.validate(EVIL)).toMatchObject({
      ok: true,
      warnings: [{ code: 'policy.image', path: 'docker.image' }],
    });
    const result = await runtime.runJob(EVIL);
    expect(result).toMatchObject({ status: 'succeeded', warnings: [text] });
    expect(result.decision).toMatchObject({
      allowed: true,
      violations: [],
      warnings: [{ rule: 'policy.image' }],
      audited: [],
    });
    expect(messagesOf(events)).toEqual([text]);
  });

  it('stands in the decision alone when audited', async () => {
    const { runtime, events } = scene({ modes: { 'policy.image': 'audit' } });
    expect(runtime.validate(EVIL)).toMatchObject({ ok: true, warnings: [] });
    const result = await runtime.runJob(EVIL);
    expect(result).toMatchObject({ status: 'succeeded', warnings: [] });
    expect(result.decision).toMatchObject({ warnings: [], audited: [{ rule: 'policy.image' }] });
    expect(messagesOf(events)).toEqual([]);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'policy_decision', decision: result.decision }) as RunEvent,
    );
  });

  it('gets what it asked for, and no more', async () => {
    const { runtime, specs } = scene({ mode: 'warn' });
    await runtime.runJob({ docker: { ...BUSYBOX.docker, resources: { cpus: 64, memoryBytes: '6MiB' } } });
    expect(specs).toMatchObject([
      {
        networkMode: 'none',
        readOnlyRootFilesystem: true,
        resources: { cpus: 64, memoryBytes: 6 * 1024 ** 2 },
      },
    ]);
  });

  it('never comes from the shape of a definition, isolation, users or the deny list', async () => {
    const { runtime, engine } = scene({ mode: 'warn', images: { deny: ['banned'] } });
    const source = { type: 'inline', content: '' } as const;
    for (const docker of [
      { networkMode: 'bridge' },
      { user: '0:0' },
      { requiresGpu: true },
      { image: 'banned:1' },
      { inputs: [{ source, workspacePath: 'a', mountPath: '/etc/passwd' }] },
      { inputs: [{ source, workspacePath: 'a', mountPath: '/proc/self' }] },
      { tmpfs: [{ path: '/' }] },
    ]) {
      const failure = await failureOf(runtime.runJob({ docker: { image: 'busybox:1', ...docker } }));
      expect(failure).toMatchObject({
        code: expect.stringMatching(/^(policy\.denied|validation\.invalid_job)$/) as string,
      });
    }
    expect(engine.calls).toEqual([]);
  });
});

describe('an own rule that warns', () => {
  it('is heard in the result and in events', async () => {
    const rule: PolicyRule = {
      id: 'acme.x',
      evaluate: () => [{ rule: 'acme.x', path: 'docker', message: 'old', severity: 'warning', hint: null }],
    };
    const { runtime, events } = scene({}, { rules: [rule] });
    expect((await runtime.runJob(BUSYBOX)).warnings).toEqual(['acme.x: docker: old']);
    expect(messagesOf(events)).toEqual(['acme.x: docker: old']);
  });
});

describe('a refusal', () => {
  const night: PolicyRule = {
    id: 'acme.night',
    evaluate: ({ command }) =>
      command.includes('nightly')
        ? [{ rule: 'acme.night', path: 'docker.command', message: 'no', severity: 'error', hint: 'later' }]
        : [],
  };
  const NIGHTLY: JobDefinition = { docker: { ...BUSYBOX.docker, command: ['nightly'] } };
  const BOTH: JobDefinition = { docker: { ...EVIL.docker, command: ['nightly'] } };

  /** All that a refusal says, after a check that the ways to ask for it say the same. */
  const saidBy = (failure: unknown): readonly string[] => {
    expect(failure).toMatchObject({
      name: 'PolicyError',
      code: 'policy.denied',
      hint: expect.anything() as string,
    });
    const issues = issuesOf(failure).map(({ code, path, message }) => `${code}: ${path}: ${message}`);
    expect(violationsOf(failure).map(({ rule, path, message }) => `${rule}: ${path}: ${message}`)).toEqual(
      issues,
    );
    return violationsOf(failure).map(({ rule }) => rule);
  };

  it.each<[string, JobDefinition, readonly string[]]>([
    ['a rule of berthkit’s', EVIL, ['policy.image']],
    ['a rule of the operator’s', NIGHTLY, ['acme.night']],
    ['both', BOTH, ['policy.image', 'acme.night']],
  ])('by %s is the same error by each way to run', async (_name, definition, rules) => {
    const { runtime } = scene({}, { rules: [night] });
    const validation = scene({ images: { allow: ['*'] } }).runtime.validate(definition);
    if (!validation.ok) throw new Error('the definition has a wrong shape');
    for (const promise of [runtime.runJob(definition), runtime.run(compileJob(validation.job))]) {
      const failure = await failureOf(promise);
      expect(saidBy(failure)).toEqual(rules);
      expect(failure).toMatchObject({ details: { decision: { allowed: false } } });
    }
  });

  it('of a definition that has the wrong shape as well is about its shape', async () => {
    const { runtime } = scene({}, { rules: [night] });
    const failure = await failureOf(runtime.runJob({ docker: { ...BOTH.docker, image: 5 } }));
    expect(failure).toMatchObject({ name: 'ValidationError', code: 'validation.invalid_job' });
  });

  it('by a policy that came while the run waited says as much', async () => {
    const { runtime } = scene({});
    runtime.pause();
    const waiting = runtime.runJobs([BUSYBOX]);
    const next = waiting[Symbol.asyncIterator]().next();
    await expect.poll(() => runtime.runs({ state: 'queued' }), { timeout: 60_000 }).toHaveLength(1);
    runtime.updatePolicy({ images: { deny: ['busybox'] } });
    runtime.resume();
    const { value } = (await next) as { value: { ok: boolean; error: unknown } };
    expect(saidBy(value.error)).toEqual(['policy.image']);
    await runtime.close();
  });

  it('of a node whose place may not be read names the input', async () => {
    const resolveNode: NodeResolver = async () => Promise.resolve({ mountId: 'in', path: 'private/a' });
    const ports = { resolveNode, storage: { in: memoryStorage() } };
    const { runtime } = scene({ storage: { read: ['in:public'] } }, ports);
    const source = { type: 'filestoreNode', nodeId: 7 } as const;
    const definition = { docker: { ...BUSYBOX.docker, inputs: [{ source, workspacePath: 'n' }] } };
    const failure = await failureOf(runtime.runJob(definition));
    expect(saidBy(failure)).toEqual(['policy.storage']);
    expect(issuesOf(failure)[0]?.path).toBe('docker.inputs.0.source');
  });

  it('is not said of a node about which the resolver says nothing, or nothing that can be understood', async () => {
    const source = { type: 'filestoreNode', nodeId: 7 } as const;
    const definition = { docker: { ...BUSYBOX.docker, inputs: [{ source, workspacePath: 'n' }] } };
    for (const [answer, code, message] of [
      [undefined, 'storage.not_found', 'input "n" was not found: its node does not exist'],
      [5, 'storage.failed', 'input "n": node "7" was not resolved to { mountId, path }'],
    ] as const) {
      const ports = { resolveNode: async () => Promise.resolve(answer as never), storage: {} };
      const { runtime } = scene({ storage: { read: ['in:public'] } }, ports);
      expect(await failureOf(runtime.runJob(definition))).toMatchObject({ code, message });
    }
  });
});

describe('a run with a profile', () => {
  const profiles = {
    evil: {
      images: { allow: ['evil:*'] },
      limits: { default: { cpus: 2 } },
      storage: { read: ['disk:open'] },
    },
  };
  const run = async (
    definition: unknown,
    options: RunOptions,
    ports: RuntimePorts = {},
  ): Promise<{ readonly result: RunResult; readonly specs: readonly ContainerSpec[] }> => {
    const { runtime, specs } = scene({ profiles }, ports);
    return { result: await runtime.runJob(definition, options), specs };
  };

  it('is judged, explained and planned by it', async () => {
    const { runtime } = scene({ profiles });
    const profile = { profile: 'evil' };
    expect([runtime.validate(EVIL).ok, runtime.validate(EVIL, profile).ok]).toEqual([false, true]);
    expect(runtime.validate(BUSYBOX, profile).ok).toBe(false);
    const { plan } = runtime.explain(EVIL, profile);
    expect(plan?.container.resources.cpus).toBe(2);
    expect(runtime.explain(EVIL).plan).toBeNull();
    const { result, specs } = await run(EVIL, profile);
    expect(result).toMatchObject({ status: 'succeeded', decision: { allowed: true } });
    expect(specs).toMatchObject([{ resources: { cpus: 2 } }]);
    expect(await failureOf(run(BUSYBOX, profile))).toMatchObject({ code: 'policy.denied' });
  });

  it('cannot be chosen by a definition', async () => {
    expect(
      await failureOf(run({ ...EVIL, profile: 'evil', options: { profile: 'evil' } }, {})),
    ).toMatchObject({
      code: 'policy.denied',
    });
    const inside = { docker: { ...EVIL.docker, profile: 'evil' } };
    expect(await failureOf(run(inside, {}))).toMatchObject({ code: 'validation.invalid_job' });
  });

  it('tells the resolver of secrets which', async () => {
    const seen: (string | null)[] = [];
    const resolveSecret: RuntimePorts['resolveSecret'] = async (_reference, { profile }) => {
      seen.push(profile);
      return Promise.resolve('hunter2-hunter2');
    };
    const environment = [{ name: 'T', secret: { source: 'store', key: 't' } }];
    await run({ docker: { image: 'evil:1', environment } }, { profile: 'evil' }, { resolveSecret });
    await run({ docker: { image: 'busybox:1', environment } }, {}, { resolveSecret });
    expect(seen).toEqual(['evil', null]);
  });

  it('has it judge where a node lies, too', async () => {
    const disk = memoryStorage({ 'open/a': 'x', 'shut/a': 'x' });
    const resolveNode: NodeResolver = async (nodeId) =>
      Promise.resolve({ mountId: 'disk', path: `${nodeId}/a` });
    const reading = (nodeId: string): unknown => ({
      docker: {
        image: 'evil:1',
        inputs: [{ source: { type: 'filestoreNode', nodeId }, workspacePath: 'a' }],
      },
    });
    const ports = { storage: { disk }, resolveNode };
    expect((await run(reading('open'), { profile: 'evil' }, ports)).result.status).toBe('succeeded');
    expect(await failureOf(run(reading('shut'), { profile: 'evil' }, ports))).toMatchObject({
      code: 'policy.denied',
      hint: 'allowed: disk:open',
    });
  });

  it('goes by the policy of the time it begins: a profile that is gone by then is refused', async () => {
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const engine = fakeEngine({ run: async () => held.then(() => ({ exitCode: 0 })) });
    const runtime = createRuntime(
      { workspaceRoot: folder, maxConcurrentRuns: 1, policy: { images: IMAGES, profiles } },
      { engine },
    );
    const first = runtime.startJob(BUSYBOX);
    for await (const event of first.events) if (event.type === 'container_started') break;
    const waiting = runtime.startJob(EVIL, { profile: 'evil' });
    for await (const event of waiting.events) if (event.type === 'queue_start') break;
    runtime.updatePolicy({ images: { allow: ['*'] }, profiles: { other: {} } });
    letGo();
    const failure = await failureOf(waiting.result);
    expect(issuesOf(failure)).toMatchObject([
      { code: 'validation.unknown_profile', message: 'must be one of policy.profiles (other)' },
    ]);
    expect((await first.result).status).toBe('succeeded');
    await runtime.close();
  });

  it('that is not there is refused before anything is done, by each way to run, beside what else is wrong', async () => {
    const { runtime, engine } = scene({ profiles });
    const issue = {
      code: 'validation.unknown_profile',
      path: 'options.profile',
      message: 'must be one of policy.profiles (evil); did you mean "evil"?',
    };
    const options = { profile: 'evill' };
    expect(runtime.validate(BUSYBOX, options)).toMatchObject({ ok: false, issues: [issue] });
    expect(runtime.explain(BUSYBOX, options)).toMatchObject({
      validation: { ok: false, issues: [issue] },
      decision: null,
      plan: null,
    });
    for (const promise of [runtime.runJob(BUSYBOX, options), runtime.run(requestWith(), options)]) {
      const failure = await failureOf(promise);
      expect(failure).toMatchObject({ code: 'validation.invalid_job' });
      expect(issuesOf(failure)).toMatchObject([issue]);
    }
    const both = await failureOf(runtime.runJob({ docker: { image: 5 } }, options));
    expect(issuesOf(both).map(({ path }) => path)).toEqual(['options.profile', 'docker.image']);
    expect(engine.calls).toEqual([]);
  });
});

it('readiness tells of a policy that refuses nothing', async () => {
  const { runtime } = scene({ mode: 'warn' });
  expect((await runtime.readiness()).details.warnings).toEqual([
    'policy.mode is "warn": its rules do not refuse a run',
  ]);
});

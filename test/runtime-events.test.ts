/** What a runtime says of itself to its listener, and what it logs of itself and its runs. On the fake engine. */
import { join } from 'node:path';
import {
  type AuditRecord,
  type Logger,
  type RunResult,
  type RuntimeEvent,
  type RuntimePorts,
} from 'berthkit';
import { describe, expect, it, vi } from 'vitest';
import { createWorkspace } from '../src/workspace/create.js';
import { deadOwner } from './host/child-owner.js';
import { DEFINITION, SECRET, settle, setUp, type Setup, testFolder } from './run-fixture.js';

/** A line as a logger got it. */
interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

function remembering(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      lines.push({ level, fields: fields as Line['fields'], message });
    };
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

function listening(ports: RuntimePorts = {}, config = {}): { setup: Setup; told: RuntimeEvent[] } {
  const told: RuntimeEvent[] = [];
  const onRuntimeEvent = (event: RuntimeEvent): void => void told.push(event);
  return { setup: setUp({}, { onRuntimeEvent, ...ports }, { instanceId: 'here', ...config }), told };
}

const typesOf = (told: readonly RuntimeEvent[]): readonly string[] => told.map(({ type }) => type);

/** Leaves a folder of a process that is dead. */
async function leaveFolder(): Promise<string> {
  const { path } = await createWorkspace(join(testFolder(), 'root'), {
    name: 'left',
    user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    mark: { instance: 'here', owner: await deadOwner(), runId: 'r1' },
  });
  return path;
}

describe('the events of a runtime', () => {
  it('tell once that the engine is lost, and that it is back, whoever finds out', async () => {
    const { setup, told } = listening();
    setup.engine.goAway();
    await setup.runtime.runJob(DEFINITION).catch(() => undefined);
    await setup.runtime.runJob(DEFINITION).catch(() => undefined);
    await setup.runtime.readiness();
    expect(told).toMatchObject([
      {
        type: 'engine_lost',
        message: 'the fake engine is away',
        instance: 'here',
        at: expect.any(String) as string,
      },
    ]);
    setup.engine.comeBack();
    await setup.runtime.runJob(DEFINITION);
    await setup.runtime.readiness();
    expect(typesOf(told)).toEqual(['engine_lost', 'engine_back']);
    setup.engine.goAway();
    await setup.runtime.reconcile().catch(() => undefined);
    setup.engine.comeBack();
    await setup.runtime.runJob(DEFINITION);
    expect(typesOf(told).slice(2)).toEqual(['engine_lost', 'reconcile_failed', 'engine_back']);
    await setup.runtime.close();
  });

  it('tell of an engine that goes away and comes back while a job runs', async () => {
    const told: RuntimeEvent[] = [];
    const setup: Setup = setUp(
      {
        run: async (job) => {
          setup.engine.goAway();
          await vi.waitFor(() => expect(typesOf(told)).toContain('engine_lost'), { timeout: 20_000 });
          setup.engine.comeBack();
          await job.writeFile('/workspace/out.txt', 'x');
          return { exitCode: 0 };
        },
      },
      { onRuntimeEvent: (event) => told.push(event) },
    );
    await setup.runtime.runJob(DEFINITION);
    expect(typesOf(told)).toEqual(['engine_lost', 'engine_back']);
    await setup.runtime.close();
  });

  it('tell once that the disk is low, until a run finds enough', async () => {
    const { setup, told } = listening({}, { workspace: { minFreeBytes: Number.MAX_SAFE_INTEGER } });
    const refused = setup.runtime.runJob(DEFINITION);
    await expect(refused).rejects.toMatchObject({ code: 'runtime.disk_low' });
    await setup.runtime.readiness();
    expect(told).toMatchObject([
      { type: 'disk_low', message: expect.stringContaining('workspace.minFreeBytes') as string },
    ]);
    await setup.runtime.close();
  });

  it('tell that the policy was replaced, by the hashes that are on record', async () => {
    const audit = vi.fn();
    const { setup, told } = listening({ audit });
    setup.runtime.updatePolicy({ images: { allow: ['busybox:*'] } });
    await setup.runtime.close();
    expect(told).toMatchObject([{ type: 'policy_changed' }]);
    const { previousPolicyHash, policyHash } = told[0] as Extract<RuntimeEvent, { type: 'policy_changed' }>;
    expect(policyHash).not.toBe(previousPolicyHash);
    expect(audit).toHaveBeenCalledWith(expect.objectContaining({ previousPolicyHash, policyHash }));
  });

  it('tell what a pass of its own accord did and left alone, and not what a dry run would do', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const recovery = { firstPassMs: 1_000, everyMs: null };
      const { setup, told } = listening({}, { recovery });
      const path = await leaveFolder();
      await setup.runtime.reconcile({ dryRun: true });
      expect(told).toEqual([]);
      await setup.runtime.runJob(DEFINITION);
      await vi.advanceTimersByTimeAsync(1_000);
      await vi.waitFor(() => expect(typesOf(told)).toContain('reconcile_end'), { timeout: 60_000 });
      expect(told).toMatchObject([
        { type: 'reconcile_action', done: { action: 'removed', name: path, problem: null } },
        { type: 'reconcile_end', automatic: true, report: { actions: [{ name: path }], leftAlone: [] } },
      ]);
      await setup.runtime.reconcile();
      expect(told.at(-1)).toMatchObject({ type: 'reconcile_end', automatic: false, report: { actions: [] } });
      await setup.runtime.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('tell that records of the runtime itself were given up when it closed', async () => {
    const { setup, told } = listening({ audit: () => Promise.reject(new Error('the disk is full')) });
    setup.runtime.updatePolicy({});
    await setup.runtime.close();
    expect(told.at(-1)).toMatchObject({
      type: 'audit_failed',
      records: 1,
      message: '1 audit record was not written down: the disk is full',
    });
  });

  it('tell how many records of the runtime itself were given up for a sink that takes none, and the others come on record', async () => {
    let isFull = true;
    const records: AuditRecord[] = [];
    const { setup, told } = listening({
      audit: (record) => {
        if (isFull) throw new Error('the disk is full');
        records.push(record);
      },
    });
    const { policy } = setup.runtime.config;
    const changes = 1_250;
    for (let number = 0; number < changes; number += 1) {
      // What waits is looked at while the sink fails, and while it is being asked.
      if (number % 250 === 0) await new Promise((resolve) => setImmediate(resolve));
      setup.runtime.updatePolicy({ ...policy, images: { allow: [`number-${String(number)}`] } });
    }
    const losses = told.filter((event) => event.type === 'audit_failed');
    expect(losses.map(({ records: count }) => count)).toEqual([100, 100, 100]);
    expect(losses[0]?.message).toBe('100 audit records were not written down: the disk is full');
    isFull = false;
    setup.runtime.updatePolicy({ images: { allow: ['busybox:*'] } });
    expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
    await setup.runtime.close();
    const written = records.filter(({ action }) => action === 'policy_changed');
    expect(written).toHaveLength(changes + 1 - 300);
    // The youngest are all there, each following from the one before it.
    const hashes = written.map((record) =>
      record.action === 'policy_changed' ? [record.previousPolicyHash, record.policyHash] : [],
    );
    for (let index = hashes.length - 900; index < hashes.length; index += 1)
      expect(hashes[index]?.[0]).toBe(hashes[index - 1]?.[1]);
    expect(told.filter((event) => event.type === 'audit_failed')).toHaveLength(3);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('deaf');
      },
    ],
    ['rejects', (): unknown => Promise.reject(new Error('deaf'))],
  ])('reach a listener and a logger that %s, which hurts nobody', async (_how, deaf) => {
    const logger = { debug: deaf, info: deaf, warn: deaf, error: deaf };
    const setup = setUp({}, { onRuntimeEvent: deaf, logger, onEvent: undefined }, { instanceId: 'here' });
    setup.runtime.updatePolicy({});
    await leaveFolder();
    await setup.runtime.reconcile();
    expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded', warnings: [] });
    await setup.runtime.close();
  });
});

describe('the log', () => {
  it('has a line for each step of a run, and neither output nor secrets', async () => {
    const { lines, logger } = remembering();
    const setup = setUp({}, { logger });
    const metadata = { note: `with ${SECRET}` };
    const result = (await settle(setup, { metadata, secrets: { unused: SECRET } })) as RunResult;
    expect(result.status).toBe('succeeded');
    expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual(
      [
        'info run began',
        'debug attempt start',
        'debug policy decision',
        'debug queue start',
        'debug queue end',
        'debug pull end',
        'debug stage start',
        'debug stage progress',
        'debug stage end',
        'debug secrets start',
        'debug secrets end',
        'debug container created',
        'debug container started',
        'debug container exited',
        'debug collect start',
        'debug upload start',
        'debug output collected',
        'debug upload end',
        'debug collect end',
        'debug cleanup start',
        'debug cleanup end',
        'debug attempt end',
        'info run ended: succeeded, completed',
      ].filter((line) => line !== 'debug stage progress'),
    );
    for (const { fields } of lines) {
      expect(fields).toMatchObject({ event: expect.any(String) as string, runId: result.runId, attempt: 1 });
      expect(fields).toMatchObject({ metadata: { note: 'with ***' } });
    }
    expect(lines.at(-1)?.fields).toMatchObject({
      event: 'run_end',
      jobSlug: 'job',
      status: 'succeeded',
      reason: 'completed',
      durations: { totalMs: expect.any(Number) as number },
    });
    expect(JSON.stringify(lines)).not.toContain(SECRET);
    expect(JSON.stringify(lines)).not.toContain('token ***');
  });

  it('tells by its level what the infrastructure did and what a user did', async () => {
    const { lines, logger } = remembering();
    const setup = setUp({ run: () => ({ exitCode: 3 }) }, { logger });
    await setup.runtime.runJob({ docker: { image: 'busybox:1' } });
    await setup.runtime.runJob({ docker: {} }).catch(() => undefined);
    setup.engine.goAway();
    await setup.runtime.runJob({ docker: { image: 'busybox:1' } }).catch(() => undefined);
    await setup.runtime.close();
    const ends = lines.filter(({ fields }) => ['run_end', 'engine_lost'].includes(String(fields['event'])));
    expect(ends.map(({ level, fields }) => [level, fields['code'] ?? fields['reason'] ?? null])).toEqual([
      ['info', 'non_zero_exit'],
      ['info', 'validation.invalid_job'],
      ['error', 'engine.unreachable'],
      ['error', null],
    ]);
  });

  it('warns of what a run warns of, and of what is still there', async () => {
    const { lines, logger } = remembering();
    const setup = setUp({ fail: [{ call: 'containers.remove', error: new Error('busy') }] }, { logger });
    const result = await setup.runtime.runJob(DEFINITION);
    await setup.runtime.close();
    const failed = lines.filter(({ level }) => level === 'error');
    expect(failed).toMatchObject([{ message: 'clean-up of the container failed: busy' }]);
    expect(result.warnings).toEqual(['clean-up of the container failed: busy']);
  });
});

/** The audit trail of runs: what is on it, in which order, before what, and what a sink that fails keeps from happening. */
import { join } from 'node:path';
import {
  type AuditRecord,
  type AuditSink,
  type JobRuntimeError,
  type RunResult,
  staticSecrets,
  verifyReceipt,
} from 'berthkit';
import { describe, expect, it, vi } from 'vitest';
import { hashOf } from '../src/receipt.js';
import { createWorkspace } from '../src/workspace/create.js';
import { deadOwner } from './host/child-owner.js';
import { DEFINITION, SECRET, settle, setUp, testFolder } from './run-fixture.js';

/** Remembers what it took, with what the engine was asked by then. */
function listening(over: (record: AuditRecord) => void | Promise<void> = () => undefined): {
  readonly records: AuditRecord[];
  readonly audit: AuditSink;
} {
  const records: AuditRecord[] = [];
  return {
    records,
    audit: async (record) => {
      await over(record);
      records.push(record);
    },
  };
}

const actions = (records: readonly AuditRecord[]): readonly string[] => records.map(({ action }) => action);
const refusing =
  (action: AuditRecord['action']): AuditSink =>
  (record) => {
    if (record.action === action) throw new Error('the disk is full');
  };

describe('the audit trail', () => {
  it('has every step of a run in its order, with hashes and without secrets', async () => {
    const { records, audit } = listening();
    const resolveSecret = staticSecrets({ token: { value: SECRET, version: '7' } });
    const setup = setUp({}, { audit, resolveSecret });
    const { policy } = setup.runtime.config;
    const result = (await settle(setup, { metadata: { team: 'a' } })) as RunResult;
    expect(actions(records)).toEqual([
      'run_requested',
      'run_decided',
      'secret_resolved',
      'run_started',
      'run_ended',
    ]);
    for (const record of records) {
      expect(record).toMatchObject({
        schemaVersion: 1,
        runId: result.runId,
        attempt: 1,
        metadata: { team: 'a' },
      });
    }
    expect(records[0]).toMatchObject({ jobSlug: 'job', image: 'busybox:1', profile: null });
    expect(records[1]).toMatchObject({ policyHash: hashOf(policy), decision: { allowed: true } });
    expect(records[2]).toMatchObject({ secret: { source: 'store', key: 'token' }, version: '7' });
    expect(records[3]).toMatchObject({ containerName: result.containerName });
    const [requested, decided, , , ended] = records;
    expect(ended).toMatchObject({ status: 'succeeded', reason: 'completed', exitCode: 0, code: null });
    expect(ended).toMatchObject({ receiptHash: result.receipt?.receiptHash });
    expect(requested).toMatchObject({ requestHash: result.receipt?.stable.request });
    expect(decided).toMatchObject({ policyHash: result.receipt?.stable.policy });
    expect(JSON.stringify(records)).not.toContain(SECRET);
  });

  it('is written before the container is made', async () => {
    const made: string[] = [];
    const { records, audit } = listening();
    const setup = setUp({ run: () => ({ exitCode: 0 }) }, { audit });
    const { containers } = setup.engine;
    const create = containers.create.bind(containers);
    vi.spyOn(containers, 'create').mockImplementation(async (...args) => {
      made.push(...actions(records));
      return create(...args);
    });
    await settle(setup, {}, { docker: { ...DEFINITION.docker, outputs: [] } });
    expect(made).toEqual(['run_requested', 'run_decided', 'secret_resolved']);
  });

  it('has what policy refused, and what was no job at all', async () => {
    const { records, audit } = listening();
    const denied = await settle(setUp({}, { audit }, { policy: { images: { allow: ['other:*'] } } }));
    expect(denied).toMatchObject({ code: 'policy.denied' });
    expect(actions(records)).toEqual(['run_refused', 'run_ended']);
    expect(records[0]).toMatchObject({ code: 'policy.denied', issues: [{ code: 'policy.image' }] });
    expect(records[1]).toMatchObject({ status: null, code: 'policy.denied', receiptHash: null });
    records.length = 0;
    await settle(setUp({}, { audit }), {}, { docker: {} } as never);
    expect(records).toMatchObject([
      { action: 'run_refused', code: 'validation.invalid_job', issues: [{ path: 'docker.image' }] },
      { action: 'run_ended', code: 'validation.invalid_job' },
    ]);
  });

  it('says who cancelled', async () => {
    const { records, audit } = listening();
    const setup = setUp(
      {
        run: async (job) => {
          handle.cancel(`no longer wanted by ${SECRET}`);
          await new Promise((resolve) => {
            job.killed.addEventListener('abort', resolve);
          });
          return { exitCode: 137 };
        },
      },
      { audit },
    );
    const handle = setup.runtime.startJob(DEFINITION, { secrets: { token: SECRET } });
    expect(await handle.result).toMatchObject({ status: 'cancelled' });
    expect(records.find(({ action }) => action === 'run_cancelled')).toMatchObject({
      by: 'caller',
      reason: 'cancelled',
      message: 'no longer wanted by ***',
    });
    await setup.runtime.close();
  });

  it('has a change of policy, before any run under it', async () => {
    const { records, audit } = listening();
    const setup = setUp({}, { audit });
    const before = setup.runtime.config.policy;
    setup.runtime.updatePolicy({ images: { allow: ['busybox:*'] } });
    await settle(setup);
    const after = setup.runtime.config.policy;
    const changed = records.findIndex(({ action }) => action === 'policy_changed');
    expect(records[changed]).toMatchObject({
      runId: null,
      previousPolicyHash: hashOf(before),
      policyHash: hashOf(after),
    });
    expect(changed).toBeLessThan(records.findIndex(({ action }) => action === 'run_started'));
  });

  it('says nothing of who wants to cancel what has ended', async () => {
    const { records, audit } = listening();
    const setup = setUp({}, { audit });
    const handle = setup.runtime.startJob(DEFINITION);
    await handle.result;
    handle.cancel('too late');
    await setup.runtime.close();
    expect(actions(records).at(-1)).toBe('run_ended');
    expect(actions(records)).not.toContain('run_cancelled');
  });

  it('has what was done about what a dead process left, and not what only would be', async () => {
    const { records, audit } = listening();
    const setup = setUp({}, { audit }, { instanceId: 'here' });
    const owner = await deadOwner();
    const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const { path } = await createWorkspace(join(testFolder(), 'root'), {
      name: 'left',
      user,
      mark: { instance: 'here', owner, runId: 'r1' },
    });
    await setup.runtime.reconcile({ dryRun: true });
    expect(records).toEqual([]);
    const { actions: done } = await setup.runtime.reconcile();
    await setup.runtime.close();
    expect(done).toHaveLength(1);
    expect(records).toMatchObject([
      {
        action: 'reconcile_action',
        instance: 'here',
        runId: 'r1',
        done: { action: 'removed', what: 'workspace', name: path, runId: 'r1', owner, problem: null },
      },
    ]);
    expect(records[0]?.owner).not.toBe(owner);
  });

  it('has no value of a secret, whatever a caller or a resolver says, and keeps the words that identify', async () => {
    const { records, audit } = listening();
    const resolveSecret = staticSecrets({ token: { value: 'completed', version: 'is completed' } });
    const setup = setUp({}, { audit, resolveSecret });
    const options = { metadata: { note: `with ${SECRET}` }, idempotencyKey: `of ${SECRET}` };
    await settle(setup, { ...options, secrets: { unused: SECRET } });
    expect(JSON.stringify(records)).not.toContain(SECRET);
    expect(records[0]).toMatchObject({ idempotencyKey: 'of ***', metadata: { note: 'with ***' } });
    expect(records[2]).toMatchObject({ secret: { key: 'token' }, version: 'is ***' });
    expect(records.at(-1)).toMatchObject({ reason: 'completed' });
  });
});

describe('a sink that fails', () => {
  it.each(['run_requested', 'run_decided', 'secret_resolved'] as const)(
    'at %s keeps the run from being started',
    async (action) => {
      const setup = setUp({}, { audit: refusing(action) });
      const create = vi.spyOn(setup.engine.containers, 'create');
      const outcome = (await settle(setup)) as JobRuntimeError;
      expect(outcome).toMatchObject({ code: 'runtime.audit_failed', retryable: true });
      expect(outcome.message).toContain('the disk is full');
      expect(create).not.toHaveBeenCalled();
    },
  );

  it('at a change of policy keeps every run from being started, until it is on record', async () => {
    let isFull = true;
    const { records, audit } = listening(() => {
      if (isFull) throw new Error('the disk is full');
    });
    const setup = setUp({}, { audit });
    setup.runtime.updatePolicy({});
    const first = await setup.runtime.runJob(DEFINITION).catch((error: unknown) => error);
    expect(first).toMatchObject({ code: 'runtime.audit_failed' });
    isFull = false;
    expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
    expect(actions(records)).toContain('policy_changed');
    await setup.runtime.close();
  });

  it('that only fails once is asked again', async () => {
    let failures = 0;
    const { records, audit } = listening(({ action }) => {
      if (action === 'run_decided' && failures++ === 0) throw new Error('busy');
    });
    expect(await settle(setUp({}, { audit }))).toMatchObject({ status: 'succeeded', warnings: [] });
    expect(actions(records).filter((action) => action === 'run_decided')).toHaveLength(1);
  });

  it.each(['run_started', 'run_ended'] as const)(
    'at %s costs a warning: what happened cannot be taken back',
    async (action) => {
      const result = (await settle(setUp({}, { audit: refusing(action) }))) as RunResult;
      expect(result.status).toBe('succeeded');
      expect(result.warnings).toEqual([
        expect.stringMatching(/audit records? w.* not written down: the disk is full$/),
      ]);
      expect(verifyReceipt(result.receipt, { result }).valid).toBe(true);
    },
  );

  it('costs a warning and nothing else where best effort is enough', async () => {
    const setup = setUp({}, { audit: refusing('run_decided') }, { auditMode: 'best_effort' });
    const result = (await settle(setup)) as RunResult;
    expect(result.status).toBe('succeeded');
    expect(result.warnings).toEqual([expect.stringContaining('not written down: the disk is full')]);
  });

  it('that never answers is given up after its time, and nothing was started', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const setup = setUp({}, { audit: () => new Promise(() => undefined) });
      const create = vi.spyOn(setup.engine.containers, 'create');
      const end: { outcome?: unknown } = {};
      void settle(setup).then((outcome) => (end.outcome = outcome));
      await vi.waitFor(
        async () => {
          await vi.advanceTimersByTimeAsync(1_000);
          expect(end.outcome).toMatchObject({ code: 'runtime.audit_failed' });
        },
        { timeout: 20_000, interval: 5 },
      );
      expect(create).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });
});

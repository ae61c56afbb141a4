/** The audit trail of runs on a real engine: what is on record when a container comes to be, and that none does where that cannot be. */
import { type AuditRecord, type AuditSink, type JobDefinition, type Runtime } from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { engineSays, engineText } from './engine-says.js';
import { testRuntime } from './setup.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

const SECRET = 'correct horse battery';
const job = (): JobDefinition => ({
  slug: 'audited',
  docker: {
    image,
    command: ['sh', '-c', 'cat; echo "$TOKEN"; exit 3'],
    environment: { TOKEN: { secret: { source: 'store', key: 'token' } } },
  },
});
const options = { secrets: { token: SECRET }, metadata: { team: 'a' } };

let count = 0;
/** A runtime of an instance of its own, so that the engine can be asked for its containers. */
async function audited(audit: AuditSink, config = {}): Promise<{ runtime: Runtime; instance: string }> {
  count += 1;
  const instance = `audit-${String(process.pid)}-${String(count)}`;
  return { runtime: await testRuntime({ instanceId: instance, ...config }, { audit }), instance };
}

const labelOf = (instance: string): string => `berthkit.instance=${instance}`;

/** The containers that are there, by id. */
async function containersOf(instance: string): Promise<readonly string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [labelOf(instance)] }));
  const list = (await engineSays(`/containers/json?all=1&filters=${filters}`)) as {
    Id: string;
    Labels: Record<string, string>;
  }[];
  // A helper is none of a job's.
  return list.filter(({ Labels }) => Labels['berthkit.kind'] !== 'helper').map(({ Id }) => Id);
}

/** How many containers were ever made, as the engine remembers. */
async function everMade(instance: string): Promise<number> {
  const filters = { type: ['container'], event: ['create'], label: [labelOf(instance)] };
  // What is remembered ends there: a moment still to come would be waited for.
  const until = (Date.now() / 1000).toFixed(3);
  const path = `/events?since=0&until=${until}&filters=${encodeURIComponent(JSON.stringify(filters))}`;
  return (await engineText(path))
    .split('\n')
    .filter((line) => line !== '' && !line.includes('"berthkit.kind":"helper"')).length;
}

describe('a real run', () => {
  it('is on record step by step: before there is a container, of the one that was started, after it is gone', async () => {
    const seen: { readonly record: AuditRecord; readonly containers: readonly string[] }[] = [];
    let onStartSeen: () => void = () => undefined;
    const startSeen = new Promise<void>((resolve) => (onStartSeen = resolve));
    const { runtime, instance } = await audited(async (record) => {
      seen.push({ record, containers: await containersOf(instance) });
      if (record.action === 'run_started') onStartSeen();
    });
    // The job ends when its input does: not before its start was looked at.
    async function* stdin(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('begin');
      await startSeen;
    }
    const result = await runtime.runJob(job(), { ...options, stdin: stdin() });
    expect(result).toMatchObject({ reason: 'non_zero_exit', exitCode: 3, warnings: [] });
    expect(seen.map(({ record }) => record.action)).toEqual([
      'run_requested',
      'run_decided',
      'secret_resolved',
      'run_started',
      'run_ended',
    ]);
    expect(seen.map(({ containers }) => containers.length)).toEqual([0, 0, 0, 1, 0]);
    expect(seen[3]?.record).toMatchObject({ containerId: seen[3]?.containers[0] });
    expect(seen[4]?.record).toMatchObject({
      runId: result.runId,
      instance,
      metadata: { team: 'a' },
      status: 'failed',
      exitCode: 3,
      receiptHash: result.receipt?.receiptHash,
    });
    expect(await everMade(instance)).toBe(1);
    expect(JSON.stringify(seen)).not.toContain(SECRET);
  });
});

describe('a sink', () => {
  it.each(['run_requested', 'secret_resolved'] as const)(
    'that rejects %s is followed by no container at all',
    async (action) => {
      const { runtime, instance } = await audited(async (record) => {
        if (record.action === action) await Promise.reject(new Error('the disk is full'));
      });
      await expect(runtime.runJob(job(), options)).rejects.toMatchObject({ code: 'runtime.audit_failed' });
      expect(await everMade(instance)).toBe(0);
    },
  );

  it('that is late is followed by no container at all', { timeout: 180_000 }, async () => {
    const { runtime, instance } = await audited(async ({ action }) => {
      if (action === 'run_decided') await new Promise(() => undefined);
    });
    await expect(runtime.runJob(job(), options)).rejects.toMatchObject({
      code: 'runtime.audit_failed',
      message: expect.stringContaining('longer than') as string,
    });
    expect(await everMade(instance)).toBe(0);
  });

  it('that rejects everything costs a warning where best effort is enough', async () => {
    const rejecting = async (): Promise<void> => Promise.reject(new Error('the disk is full'));
    const { runtime } = await audited(rejecting, { auditMode: 'best_effort' });
    const result = await runtime.runJob(job(), options);
    expect(result).toMatchObject({ reason: 'non_zero_exit', exitCode: 3 });
    expect(result.warnings).toContainEqual(expect.stringContaining('not written down: the disk is full'));
  });
});

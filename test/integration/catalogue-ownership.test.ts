/** Things on a real engine that look like ours, or are ours and stand still: what reconciling, and a run's own end, make of them. */
import { join } from 'node:path';
import { createRuntime } from 'berthkit';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildVariant, ensureImage } from '../../scripts/image-kit/image-kit.js';
import { containerName } from '../../src/base/container-name.js';
import { deadOwner } from '../host/child-owner.js';
import { temporaryFolder, testRuntime } from './setup.js';

const INSTANCE = `catalogue-${String(process.pid)}`;
let docker: Docker;
const strangers: Docker.Container[] = [];

beforeAll(async () => {
  docker = new Docker();
  await ensureImage('busybox');
});
afterAll(async () => {
  for (const container of strangers) await container.remove({ force: true }).catch(() => undefined);
});

/** The labels of a container that a dead process of this instance made. */
const labelsOf = async (runId: string): Promise<Record<string, string>> => ({
  'berthkit.managed': 'true',
  'berthkit.kind': 'job',
  'berthkit.instance': INSTANCE,
  'berthkit.owner': await deadOwner(),
  'berthkit.run-id': runId,
  'berthkit.attempt': '1',
  'berthkit.job': 'left',
});

async function start(name: string, Image: string, Labels: Record<string, string>): Promise<Docker.Container> {
  const container = await docker.createContainer({ name, Image, Labels, Cmd: ['sleep', '600'] });
  strangers.push(container);
  await container.start();
  return container;
}

const isThere = async (container: Docker.Container): Promise<boolean> =>
  container.inspect().then(
    () => true,
    () => false,
  );

async function reconcile() {
  const runtime = createRuntime({
    workspaceRoot: join(await temporaryFolder(), 'root'),
    instanceId: INSTANCE,
  });
  try {
    return await runtime.reconcile();
  } finally {
    await runtime.close();
  }
}

describe('reconciling', () => {
  it('leaves alone, and reports, a container whose image carries all our labels', async () => {
    const labels = Object.entries(await labelsOf('spoofed'));
    const changes = labels.map(([name, value]) => `LABEL ${name}=${value}`);
    const name = `postgres-${String(process.pid)}`;
    const container = await start(name, await buildVariant({ changes }), {});
    expect((await container.inspect()).Config.Labels).toMatchObject(Object.fromEntries(labels));
    const { actions, leftAlone } = await reconcile();
    expect(actions.map((action) => action.name)).not.toContain(name);
    expect(leftAlone).toContainEqual(expect.objectContaining({ what: 'container', name, why: 'look_alike' }));
    expect((await container.inspect()).State.Running).toBe(true);
  });

  it('leaves alone, and reports, a container whose labels a newer version wrote in a way it does not know', async () => {
    const runId = `newer-${String(process.pid)}`;
    const name = containerName('berthkit', 'left', runId, 1);
    const labels = { ...(await labelsOf(runId)), 'berthkit.schema': '2' };
    const container = await start(name, 'busybox:1', labels);
    const { actions, leftAlone } = await reconcile();
    expect(actions.map((action) => action.name)).not.toContain(name);
    expect(leftAlone).toContainEqual(
      expect.objectContaining({ what: 'container', name, why: 'other_version' }),
    );
    expect((await container.inspect()).State.Running).toBe(true);
  });

  it('removes what an older version left, whose labels are fewer than today’s', async () => {
    const runId = `older-${String(process.pid)}`;
    const name = containerName('berthkit', 'left', runId, 1);
    // Neither spec-hash nor created-at, which tell nothing of whose it is.
    const container = await start(name, 'busybox:1', await labelsOf(runId));
    const { actions } = await reconcile();
    expect(actions).toContainEqual(
      expect.objectContaining({ action: 'removed', what: 'container', name, problem: null }),
    );
    expect(await isThere(container)).toBe(false);
  });

  it('removes a container of a dead process also where somebody paused it', async () => {
    const runId = `paused-${String(process.pid)}`;
    const name = containerName('berthkit', 'left', runId, 1);
    const container = await start(name, 'busybox:1', await labelsOf(runId));
    await container.pause();
    const { actions } = await reconcile();
    expect(actions).toContainEqual(
      expect.objectContaining({ action: 'removed', what: 'container', name, problem: null }),
    );
    expect(await isThere(container)).toBe(false);
  });
});

describe('a job whose container somebody paused', () => {
  it('is ended by its deadline, and nothing of it stays', async () => {
    const runtime = await testRuntime({
      policy: { images: { allow: ['busybox:*'] } },
      stopGraceMs: 1_000,
    });
    const pausing: Promise<unknown>[] = [];
    const result = await runtime.runJob(
      { slug: 'paused', docker: { image: 'busybox:1', command: ['sleep', '600'] } },
      {
        timeoutMs: 10_000,
        onEvent: (event) => {
          if (event.type === 'container_started')
            pausing.push(docker.getContainer(event.containerName).pause());
        },
      },
    );
    await Promise.all(pausing);
    expect(pausing).toHaveLength(1);
    expect(result).toMatchObject({ status: 'timed_out', reason: 'timed_out' });
  });
});

/** What doctor says of a real engine, and that it sees exactly what somebody between takes away. */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { type DoctorReport, type EnforcedLimit } from 'berthkit';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { buildVariant, ensureImage, type VariantOptions } from '../../scripts/image-kit/image-kit.js';
import { ENFORCED_LIMITS } from '../../src/base/enforced-limits.js';
import type { EngineCall } from '../proxy/engine-call.js';
import { startEngineProxy } from '../proxy/engine-proxy.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { connectToEngine, engineHost, needsSharedFiles, testEngine } from './test-engine.js';

interface CreateBody extends Record<string, unknown> {
  HostConfig: Record<string, unknown>;
  Labels: Record<string, string>;
}

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

/** A host whose requests for containers of examinations are changed on the way to the engine. */
async function changing(rewrite: (body: CreateBody) => void): Promise<string> {
  const rewritten = (call: EngineCall): EngineCall => {
    if (call.path !== '/containers/create') return call;
    const body = JSON.parse(call.body.toString()) as CreateBody;
    if (body.Labels['berthkit.kind'] === 'helper') rewrite(body);
    return { ...call, body: Buffer.from(JSON.stringify(body)) };
  };
  const proxy = await startEngineProxy({ engine: connectToEngine, rewrite: rewritten });
  onTestFinished(async () => proxy.close());
  return proxy.host;
}

const statesOf = ({ limits }: DoctorReport): Readonly<Record<string, string>> =>
  Object.fromEntries(
    limits.map(({ limit, state, evidence }) => [
      limit,
      `${state}${state === 'not_checked' ? `: ${evidence}` : ''}`,
    ]),
  );
const allEnforced = Object.fromEntries(ENFORCED_LIMITS.map((limit) => [limit, 'enforced']));

/** What is taken away, by the limit that goes with it. */
const STRIPPED: Readonly<Record<EnforcedLimit, (body: CreateBody) => void>> = {
  memory: ({ HostConfig }) => Object.assign(HostConfig, { Memory: 0, MemorySwap: 0 }),
  pids: ({ HostConfig }) => delete HostConfig['PidsLimit'],
  cpu: ({ HostConfig }) => delete HostConfig['NanoCpus'],
  shm_size: ({ HostConfig }) => delete HostConfig['ShmSize'],
  tmpfs_size: ({ HostConfig }) => (HostConfig['Tmpfs'] = { '/berthkit-tmpfs': 'rw,mode=0700' }),
  ulimits: ({ HostConfig }) => delete HostConfig['Ulimits'],
  read_only_root: ({ HostConfig }) => delete HostConfig['ReadonlyRootfs'],
  no_new_privileges: ({ HostConfig }) => delete HostConfig['SecurityOpt'],
  capabilities: ({ HostConfig }) => delete HostConfig['CapDrop'],
  network_none: ({ HostConfig }) => (HostConfig['NetworkMode'] = 'bridge'),
};

describe('doctor on a real engine', () => {
  it('sees every limit enforced, the transport proven, and tells what the engine is', async () => {
    const runtime = await testRuntime({ policy: { images: { allow: [image] } } });
    const report = await runtime.doctor();
    expect(statesOf(report)).toEqual(allEnforced);
    const { Driver, CgroupVersion } = (await new Docker().info()) as {
      readonly Driver: string;
      readonly CgroupVersion: string;
    };
    expect(report).toMatchObject({
      healthy: true,
      endpoint: { host: engineHost, from: 'DOCKER_HOST' },
      engine: { name: 'docker', system: { storageDriver: Driver, cgroupVersion: CgroupVersion } },
      leftovers: [],
    });
    const found = Object.fromEntries(report.checks.map(({ check, status }) => [check, status]));
    expect(found).toMatchObject({
      transport: 'ok',
      disk: 'ok',
      engine_disk: 'ok',
      images: 'ok',
      clock: 'ok',
      address_pools: 'ok',
    });
    expect(report.measured.freeNetworks).toBeGreaterThan(20);
    expect(report.measured.freeNetworks).toBeLessThan(31);
    expect(Math.abs(report.measured.clockSkewMs ?? Number.NaN)).toBeLessThan(60_000);
  });

  it.each(Object.entries(STRIPPED))(
    'reports exactly %s where it is stripped on the way, and refuses runs for it',
    async (limit, strip) => {
      const runtime = await testRuntime({ engine: { host: await changing(strip) } });
      const report = await runtime.doctor({ image });
      expect(statesOf(report)).toEqual({ ...allEnforced, [limit]: 'not_enforced' });
      expect(report.healthy).toBe(false);
      const job = { slug: 'refused', docker: { image, command: ['true'] } };
      await expect(runtime.runJob(job)).rejects.toMatchObject({
        code: 'policy.unenforceable',
        details: { limits: [limit] },
      });
      runtime.updatePolicy({ security: { acceptUnenforced: [limit as EnforcedLimit] } });
      expect(await runtime.runJob(job)).toMatchObject({ status: 'succeeded' });
    },
  );

  it.each([
    ['bind', 'failed'],
    ['auto', 'ok'],
    ['volume', 'ok'],
  ] as const)(
    'says where the engine does not see the folders of this host: by %s it is %s',
    async (...row) => {
      const [transport, status] = row;
      const elsewhere = await changing(({ HostConfig }) => {
        const mounts = HostConfig['Mounts'] as Record<string, unknown>[];
        for (const mount of mounts) if (mount['Type'] === 'bind') mount['Source'] = '/proc/sys/kernel';
      });
      const runtime = await testRuntime({ engine: { host: elsewhere }, workspace: { transport } });
      const report = await runtime.doctor({ image });
      expect(report.checks.find(({ check }) => check === 'transport')).toMatchObject({ status });
      expect(report.healthy).toBe(status === 'ok');
      expect(statesOf(report)).toEqual(allEnforced);
    },
  );

  it('says when a container does not see what was copied into its volume', async () => {
    const host = await changing(({ HostConfig }) => {
      const mounts = HostConfig['Mounts'] as Record<string, unknown>[];
      for (const mount of mounts) if (mount['ReadOnly'] === true) mount['Source'] = 'berthkit-another-volume';
    });
    onTestFinished(async () => {
      await new Docker().getVolume('berthkit-another-volume').remove();
    });
    const runtime = await testRuntime({ engine: { host }, workspace: { transport: 'volume' } });
    const report = await runtime.doctor({ image });
    expect(report.checks.find(({ check }) => check === 'transport')).toMatchObject({
      status: 'failed',
      message: 'volume: the container did not see the marker that was written here',
    });
    expect(report.leftovers).toEqual([]);
  });

  it('looks for folders where the host of the engine has them', async () => {
    needsSharedFiles('folders of this host are mounted');
    const folder = await temporaryFolder();
    const [workspaceRoot, hostWorkspaceRoot] = [join(folder, 'here'), join(folder, 'there')];
    await mkdir(workspaceRoot, { mode: 0o700 });
    await symlink(workspaceRoot, hostWorkspaceRoot);
    const sources: string[] = [];
    const host = await changing(({ HostConfig }) => {
      const mounts = (HostConfig['Mounts'] ?? []) as { readonly Source: string }[];
      sources.push(...mounts.map(({ Source }) => Source));
    });
    const runtime = await testRuntime({ workspaceRoot, hostWorkspaceRoot, engine: { host } });
    const report = await runtime.doctor({ image });
    expect(report.checks.find(({ check }) => check === 'transport')).toMatchObject({ status: 'ok' });
    expect(sources).toEqual([expect.stringContaining(`${hostWorkspaceRoot}/`)]);
  });

  it('removes its containers when the runtime closes in the middle', async () => {
    const runtime = await testRuntime();
    const engine = testEngine();
    onTestFinished(async () => engine.close());
    const labels = { 'berthkit.instance': runtime.config.instanceId ?? '', 'berthkit.kind': 'helper' };
    const examination = runtime.doctor({ image });
    await expect.poll(async () => (await engine.containers.list(labels)).length, { timeout: 60_000 }).toBe(1);
    await runtime.close();
    expect(await engine.containers.list(labels)).toEqual([]);
    expect(await examination).toMatchObject({ healthy: false, leftovers: [] });
  });

  it('takes the smallest image that has a shell', async () => {
    const docker = new Docker();
    const bare = 'berthkit-doctor-bare:1';
    const nothing = Readable.from([Buffer.alloc(1024)]);
    const answer = await docker.importImage(nothing, { repo: 'berthkit-doctor-bare', tag: '1' });
    answer.resume();
    await expect
      .poll(async () =>
        docker
          .getImage(bare)
          .inspect()
          .then(
            () => true,
            () => false,
          ),
      )
      .toBe(true);
    onTestFinished(async () => {
      await docker.getImage(bare).remove();
    });
    const runtime = await testRuntime({ policy: { images: { allow: [bare, image] } } });
    const report = await runtime.doctor();
    expect(statesOf(report)).toEqual(allEnforced);
    expect(report.image?.reference).not.toContain('bare');
    expect(await runtime.doctor({ image: bare })).toMatchObject({ healthy: false, image: null });
  });

  it.each<[string, VariantOptions, RegExp]>([
    ['is of no kind the kernel knows', { files: { '/bin/sh': 'no program' } }, /no sh that works/],
    ['wants what is not there', { files: { '/bin/sh': '#!/none\n' } }, /no sh that can be started/],
    ['is for root alone', { folders: { '/bin': 0o700 } }, /no sh that can be started/],
  ])('says so, and nothing of the transport, where the sh of an image %s', async (_, options, message) => {
    const runtime = await testRuntime();
    const report = await runtime.doctor({ image: await buildVariant(options) });
    expect(report.checks.find(({ check }) => check === 'transport')).toMatchObject({
      status: 'not_checked',
      message: expect.stringMatching(message) as string,
      remedy: 'run doctor again with an image that has sh and sleep',
    });
    expect(report.leftovers).toEqual([]);
  });

  it('checks nothing and says so where policy allows no image that is there', async () => {
    const runtime = await testRuntime({ policy: { images: { allow: ['registry.invalid/nothing:*'] } } });
    const report = await runtime.doctor();
    expect(report.image).toBeNull();
    expect(report.limits.every(({ state }) => state === 'not_checked')).toBe(true);
  });
});

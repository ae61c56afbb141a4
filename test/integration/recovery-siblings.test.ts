/**
 * Two processes that run jobs, each in a container of its own, with the engine's socket and the same folders: each is process 1 of its pid namespace,
 * and neither can see the other. One is killed; what can be said of it is asked the other.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { fileRunStore, type ReconcileReport } from 'berthkit';
import Docker from 'dockerode';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder } from './setup.js';
import { engineHost, needsSharedFiles } from './test-engine.js';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = fileURLToPath(new URL('./recovery-program.ts', import.meta.url));
/** Where a sibling finds the engine. */
const SOCKET = '/run/engine.sock';
const WAIT = { timeout: 90_000, interval: 250 };
/** Whoever looks says so: no pass of their own accord comes between. */
const NO_PASSES = { firstPassMs: null, everyMs: null };

needsSharedFiles('processes in containers use the socket and the folders of this host');

const socketPath = engineHost.replace(/^unix:\/\//, '');
const docker = new Docker({ socketPath, host: undefined });
let image: string;
let jobImage: string;
const places: Place[] = [];
const siblings: Docker.Container[] = [];

beforeAll(async () => {
  image = await ensureImage('node');
  jobImage = await ensureImage('busybox');
});
afterEach(async () => {
  for (const sibling of siblings.splice(0)) await sibling.remove({ force: true });
  for (const { instance } of places.splice(0)) {
    for (const { Id } of await jobsOf(instance)) await docker.getContainer(Id).remove({ force: true });
  }
});

interface Place {
  readonly root: string;
  readonly instance: string;
}

async function newPlace(name: string): Promise<Place> {
  const place = {
    root: join(await temporaryFolder(), 'root'),
    instance: `siblings-${name}-${String(process.pid)}`,
  };
  await mkdir(place.root);
  places.push(place);
  return place;
}

const jobsOf = async (instance: string): Promise<readonly Docker.ContainerInfo[]> =>
  docker.listContainers({ all: true, filters: { label: [`berthkit.instance=${instance}`] } });
/** The runs that have a container, each with its state. */
const statesOf = async ({ instance }: Place): Promise<readonly string[]> =>
  (await jobsOf(instance)).map(({ Labels, State }) => `${Labels['berthkit.run-id'] ?? ''} ${State}`).sort();
const storeOf = ({ root }: Place) => fileRunStore(join(root, 'state', 'runs'));

/** A process in a container of its own that has started its job and stays. */
async function startSibling(
  { root, instance }: Place,
  runId: string,
  recovery: Readonly<Record<string, number>> = {},
): Promise<Docker.Container> {
  const config = JSON.stringify({ ...NO_PASSES, ...recovery });
  const sibling = await docker.createContainer({
    name: `sibling-${runId}-${instance}`,
    Image: image,
    Cmd: ['node', '--import', 'tsx', PROGRAM, root, instance, jobImage, 'stay', runId, config],
    WorkingDir: REPOSITORY,
    Env: [`DOCKER_HOST=unix://${SOCKET}`],
    // One stream of text.
    Tty: true,
    HostConfig: {
      NetworkMode: 'none',
      Mounts: [
        { Type: 'bind', Source: socketPath, Target: SOCKET },
        { Type: 'bind', Source: REPOSITORY, Target: REPOSITORY, ReadOnly: true },
        // At the same place: what a sibling mounts into its job, the engine looks for on the host.
        { Type: 'bind', Source: root, Target: root },
      ],
    },
  });
  siblings.push(sibling);
  await sibling.start();
  await vi.waitFor(async () => {
    expect(await saidBy(sibling)).toContain('started');
  }, WAIT);
  return sibling;
}

const saidBy = async (sibling: Docker.Container): Promise<readonly string[]> =>
  (await sibling.logs({ stdout: true, stderr: true })).toString().split('\r\n');

const reportsOf = async (sibling: Docker.Container): Promise<readonly ReconcileReport[]> =>
  (await saidBy(sibling))
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as ReconcileReport);

/** What a sibling finds if it looks now. */
async function askToLook(sibling: Docker.Container): Promise<ReconcileReport> {
  const before = (await reportsOf(sibling)).length;
  await sibling.kill({ signal: 'SIGUSR2' });
  return vi.waitFor(async () => {
    const report = (await reportsOf(sibling))[before];
    if (report === undefined) throw new Error(`no report: ${(await saidBy(sibling)).join('\n')}`);
    return report;
  }, WAIT);
}

async function end(sibling: Docker.Container, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  await sibling.kill({ signal });
  expect(await sibling.wait()).toMatchObject({ StatusCode: signal === 'SIGKILL' ? 137 : 0 });
}

const keptOf = ({ leftAlone }: ReconcileReport, runId: string): readonly string[] =>
  leftAlone.filter((each) => each.runId === runId).map(({ what, why }) => `${what} ${why}`);

const UNKNOWN = ['secrets', 'container', 'workspace', 'run'].map((what) => `${what} owner_unknown`);

describe('two processes in sibling containers', { timeout: 400_000 }, () => {
  it('take nobody for dead whom they cannot see, whether he lives or was killed', async () => {
    const place = await newPlace('unproven');
    const [killed, living] = await Promise.all([
      startSibling(place, 'killed'),
      startSibling(place, 'living'),
    ]);
    for (const isKilled of [false, true]) {
      if (isKilled) await end(killed, 'SIGKILL');
      const report = await askToLook(living);
      expect(report.actions).toEqual([]);
      expect(keptOf(report, 'killed')).toEqual(UNKNOWN);
      expect(await statesOf(place)).toEqual(['killed running', 'living running']);
      expect((await storeOf(place).get('killed'))?.end).toBeNull();
    }
    // Who goes in order takes along what is his, and only that.
    await end(living, 'SIGTERM');
    expect(await statesOf(place)).toEqual(['killed running']);
    expect(await readdir(join(place.root, 'work'))).toHaveLength(1);
  });

  it('prove one dead by its lease, where that may expire, and touch nothing of who lives and renews his', async () => {
    const place = await newPlace('proven');
    const leases = { leaseMs: 1_000, leaseExpiryMs: 20_000 };
    const [killed, living] = await Promise.all([
      startSibling(place, 'killed', leases),
      startSibling(place, 'living', leases),
    ]);
    const renewalsOf = async (runId: string): Promise<number> => {
      const run = await storeOf(place).get(runId);
      const known = await storeOf(place).listLeases(place.instance);
      return known.find(({ owner }) => owner === run?.owner)?.renewals ?? 0;
    };
    expect((await askToLook(living)).actions).toEqual([]);
    const seen = await renewalsOf('killed');
    // Longer than a lease lasts since it was looked at first.
    await vi.waitFor(async () => {
      expect(await renewalsOf('killed')).toBeGreaterThan(seen + 20);
    }, WAIT);
    const meanwhile = await askToLook(living);
    expect(meanwhile.actions).toEqual([]);
    expect(keptOf(meanwhile, 'killed')).toEqual(UNKNOWN);
    expect(await statesOf(place)).toEqual(['killed running', 'living running']);

    await end(killed, 'SIGKILL');
    const report = await vi.waitFor(async () => {
      const later = await askToLook(living);
      expect(later.actions).not.toEqual([]);
      return later;
    }, WAIT);
    expect(report.actions.map(({ what, runId, problem }) => [what, runId, problem])).toEqual(
      ['secrets', 'container', 'workspace', 'run'].map((what) => [what, 'killed', null]),
    );
    for (const { proof } of report.actions) expect(proof).toMatch(/has not renewed its lease for \d+ ms/);
    expect((await storeOf(place).get('killed'))?.end).toMatchObject({ result: { reason: 'orphaned' } });
    expect(await statesOf(place)).toEqual(['living running']);

    await end(living, 'SIGTERM');
    expect(await statesOf(place)).toEqual([]);
    expect(await readdir(join(place.root, 'work'))).toEqual([]);
    expect(await readdir(join(place.root, 'secrets'))).toEqual([]);
  });
});

/** Files go into a volume as a tar, a job works on them, and what it left comes out as a tar: on a real engine, with everything a job may leave. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { openDirectory } from '../../src/host/node.js';
import { createOutputBringer, type RemoteWorkspace } from '../../src/workspace/bring-output.js';
import { packTar } from '../../src/workspace/pack-tar.js';
import { hardenedSpec } from '../engine/docker/specs.js';
import { noSignal, scratch } from '../host/scratch.js';
import { checkTree, collectTree } from '../workspace/check-tree.js';
import { type HostileTree, HOSTILE_TREES } from '../workspace/hostile-trees.js';
import { makeWorkspace } from '../workspace/plan-fixture.js';
import { testEngine } from './test-engine.js';

/** A folder of this host gives all of it: it is walked by descriptors. */
const TOO_DEEP: HostileTree = {
  name: 'nothing of a folder that is too deep for the engine to read, and says so',
  script:
    'n=$(printf %0200d 7); p=$n; for i in 1 2 3 4 5 6 7 8 9 10 11; do p=$p/$n; done; mkdir -p out/$p half/$p; ' +
    ': > half/$p/hidden; mv half out/$p/',
  outputs: [{ workspacePath: 'out' }],
  limits: { depth: 64 },
  expected: [{ state: 'rejected', reason: /too long/, files: {} }],
};
const TREES = [...HOSTILE_TREES, TOO_DEEP];

const engine = testEngine();
const { containers, volumes } = engine;
/** Its own: this file runs in two projects at a time. */
const NAME = `berthkit-volume-files-${randomUUID()}`;
const LABELS = { [NAME]: 'yes' };
const USER = { uid: 1000, gid: 1000 };
const volume = { type: 'volume', source: NAME, subpath: null, target: '/w', readOnly: false } as const;
let helper = '';
let exitCode: number | null = null;

/** The workspace of one tree: a folder in the volume, seen through a container that is never started. */
const remoteOf = (index: number): RemoteWorkspace => {
  const at = (names: readonly string[]): string => ['/w', String(index), ...names].join('/');
  return {
    rootName: String(index),
    isOurs: () => false,
    lookAt: async (names, signal) => containers.lookAt?.(helper, at(names), { signal }) ?? null,
    copyOut: async (names, signal) => containers.copyOut!(helper, at(names), { signal }),
  };
};

beforeAll(async () => {
  const reference = await ensureImage('busybox');
  const image = (await engine.images.inspect(reference))?.id ?? '';
  await volumes?.create({ name: NAME, labels: LABELS });
  const common = { image, labels: LABELS, mounts: [volume] };
  const never = { ...common, name: `${NAME}-helper`, readOnlyRootFilesystem: false };
  helper = (await containers.create(hardenedSpec(never))).id;
  const path = await mkdtemp(join(tmpdir(), `${NAME}-`));
  mkdirSync(join(path, 'given'));
  writeFileSync(join(path, 'given/in.txt'), 'text', { mode: 0o640 });
  writeFileSync(join(path, 'given/run'), '#!/bin/sh\n', { mode: 0o755 });
  const folder = await openDirectory(path);
  const parts = { limits: { entries: 100, depth: 8 }, signal: noSignal() };
  const links = [{ name: 'w/link', target: 'given/in.txt', owner: USER }];
  const tar = packTar({ ...parts, folders: [{ folder, name: 'w', owner: USER }], links });
  await containers.copyIn?.(helper, '/', tar);
  await folder.handle.close();
  await rm(path, { recursive: true });
  const scripts = TREES.map(
    ({ script }, index) => `mkdir ${String(index)}; (cd ${String(index)}; ${script})`,
  );
  const check =
    'test "$(cat link)" = text && test -x given/run && test "$(stat -c %u:%a given/in.txt)" = 1000:640';
  const command = ['sh', '-c', ['set -e; cd /w', check, ...scripts].join('\n')];
  const job = hardenedSpec({ ...common, name: NAME, command });
  const { id } = await containers.create(job);
  const attached = await containers.attach(id, { stdin: false });
  await containers.start(id);
  await containers.wait(id);
  exitCode = (await containers.inspect(id))?.exitCode ?? null;
  attached.close();
  await containers.remove(id);
}, 120_000);

afterAll(async () => {
  for (const { id } of await containers.list(LABELS)) await containers.remove(id);
  await volumes?.remove(NAME);
  expect(await volumes?.list(LABELS)).toEqual([]);
  await engine.close();
});

describe('a volume', () => {
  it('has what went into it, with owner, mode and links, for a job to work on', () => {
    expect(exitCode).toBe(0);
  });

  it.each(TREES.map((tree, index) => ({ ...tree, index })))('gives out $name', async (tree) => {
    const { handle: into } = await openDirectory(await scratch());
    const bring = createOutputBringer(remoteOf(tree.index), into);
    onTestFinished(async () => {
      await bring.close();
      await into.close();
    });
    checkTree(tree, await collectTree(await makeWorkspace(), tree, { bring }));
  });
});

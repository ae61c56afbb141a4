/** An engine that does not see the files of the process that uses it, because that has other mounts: its jobs run, and what it leaves is found. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createRuntime, type ReconcileReport } from 'berthkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from '../../scripts/bundle-program.js';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder } from './setup.js';
import { needsSharedFiles, testEngine } from './test-engine.js';

const engine = testEngine();
const program = await bundleProgram(new URL('./transport-program.ts', import.meta.url));
let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});
afterAll(() => engine.close());

/** Hides the folder for workspaces from everybody else, and goes on as the program. */
const HIDE = 'mount -t tmpfs -o mode=0700 tmpfs "$0" && exec "$@"';

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
}

async function start(root: string, instance: string, step: string, isHidden: boolean): Promise<Ended> {
  const words = [process.execPath, program, root, instance, image, step];
  const wrapper = isHidden
    ? ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', HIDE, join(root, 'work')]
    : [];
  const [command = '', ...rest] = [...wrapper, ...words];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { signal, stdout };
}

async function newRoot(): Promise<string> {
  const root = await temporaryFolder();
  await mkdir(join(root, 'work'), { mode: 0o700 });
  return root;
}

const left = async (instance: string): Promise<readonly string[]> => {
  const labels = { 'berthkit.instance': instance };
  const found = [await engine.containers.list(labels), (await engine.volumes?.list(labels)) ?? []];
  return found.flat().map(({ name }) => name);
};

async function reconcile(root: string, instanceId: string): Promise<ReconcileReport> {
  const folders = { workspaceRoot: join(root, 'work'), secretsRoot: join(root, 'secrets') };
  const runtime = createRuntime({ ...folders, instanceId, workspace: { transport: 'auto' } }, { engine });
  try {
    return await runtime.reconcile();
  } finally {
    await runtime.close();
  }
}

describe('a process whose folders', () => {
  it.each([
    ['the engine sees mounts them', false, 'bind'],
    ['the engine does not see uses volumes', true, 'volume'],
  ])('%s', async (_, isHidden, kind) => {
    if (!isHidden) needsSharedFiles('folders of this host are mounted');
    const [root, instance] = [await newRoot(), `transport-${kind}-${String(process.pid)}`];
    const { signal, stdout } = await start(root, instance, 'none', isHidden);
    expect({ signal, stdout }).toEqual({ signal: null, stdout: `given in ${kind}\n` });
    expect(await readFile(join(root, 'out/r1/out.txt'), 'utf8')).toBe('in ');
    expect(await left(instance)).toEqual([]);
  });

  it.each(['staged', 'started', 'exited'])(
    'are in volumes, killed when %s, leaves nothing for long',
    async (step) => {
      const [root, instance] = [await newRoot(), `transport-${step}-${String(process.pid)}`];
      expect(await start(root, instance, step, true)).toMatchObject({ signal: 'SIGKILL' });
      const before = await left(instance);
      expect(before.some((name) => name.endsWith('-work'))).toBe(true);
      expect(before.some((name) => name.endsWith('-files'))).toBe(true);
      const { actions } = await reconcile(root, instance);
      const removed = actions.filter(({ action, problem }) => action === 'removed' && problem === null);
      expect(removed.map(({ name }) => name)).toEqual(expect.arrayContaining([...before]));
      expect(await left(instance)).toEqual([]);
    },
  );
});

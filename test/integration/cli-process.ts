/** The command line as processes of their own, in a folder and an instance for each test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { bundleProgram } from '../../scripts/bundle-program.js';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder } from '../cli/fixture.js';
import { engineVariables, isRemote, testEngine } from './test-engine.js';

const program = await bundleProgram(new URL('../../src/cli/main.ts', import.meta.url));

/** Of the test that runs. */
export let folder = '';
/** Of the test that runs. */
export let instance = '';
/** Gives each test of the file that calls it a folder and an instance, and proves that nothing is left of them. */
export function useInstance(): void {
  beforeAll(async () => {
    await ensureImage('busybox');
  });
  beforeEach(async () => {
    folder = await temporaryFolder();
    instance = `cli-${randomUUID().slice(0, 8)}`;
  });
  afterEach(async () => {
    expect(await containers()).toEqual([]);
    expect(await readdir(join(folder, 'root')).catch(() => [])).toEqual([]);
  });
}

/** Names of the containers of the instance. */
export async function containers(): Promise<readonly string[]> {
  const engine = testEngine();
  try {
    return (await engine.containers.list({ 'berthkit.instance': instance })).map(({ name }) => name);
  } finally {
    await engine.close();
  }
}

/** Those of jobs alone: a run in volumes has one more, which is never started. */
export const jobContainers = async (): Promise<readonly string[]> =>
  (await containers()).filter((name) => !name.endsWith('-files'));

/** Starts the command. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, [program, ...args], {
    cwd: folder,
    stdio: 'pipe',
    env: {
      PATH: process.env['PATH'],
      ...engineVariables,
      CATALOG_DOCKER_WORKSPACE_TRANSPORT: isRemote ? 'auto' : 'bind',
      CATALOG_DOCKER_WORKSPACE_ROOT: join(folder, 'root'),
      CATALOG_DOCKER_INSTANCE_ID: instance,
      ...env,
    },
  });
}

/** How a process ended, and all it said. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Ends its standard input, and waits for its end. */
export async function end(child: ChildProcess, stdin = ''): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  child.stdin?.on('error', () => undefined).end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

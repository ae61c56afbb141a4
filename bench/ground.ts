/** What all benches stand on: one engine, one image, one temporary folder, one size of everything. It measures nothing. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, type Runtime, type RuntimeConfigInput, type RuntimePorts } from 'berthkit';
import Docker from 'dockerode';
import { ensureImage } from '../scripts/image-kit/image-kit.js';

/** Where benches run. */
export interface Ground {
  /** Everything a bench writes lies beneath it. */
  readonly folder: string;
  readonly host: string;
  readonly docker: Docker;
  readonly image: string;
  /** Small sizes and few rounds, for work on the benches themselves. */
  readonly quick: boolean;
}

export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;

/** Does some work on a fresh ground, and clears it away whatever happens. */
export async function onGround<T>(quick: boolean, work: (ground: Ground) => Promise<T>): Promise<T> {
  const host = process.env['DOCKER_HOST'];
  if (host === undefined) throw new Error('DOCKER_HOST is not set: run this through "npm run bench"');
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-bench-'));
  try {
    // The bare baseline mounts a folder from here for a user that is not this one.
    await chmod(folder, 0o755);
    const image = await ensureImage('busybox');
    return await work({ folder, host, docker: connect(host), image, quick });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A runtime as its users make one, with room for large files, large trees and many runs. The caller closes it. */
export function benchRuntime(
  ground: Pick<Ground, 'folder' | 'host'>,
  config: RuntimeConfigInput = {},
  ports: RuntimePorts = {},
): Runtime {
  return createRuntime(
    {
      workspaceRoot: join(ground.folder, 'runs'),
      engine: { host: ground.host },
      maxFileBytes: 4 * GIB,
      outputs: { maxEntries: 100_000 },
      maxConcurrentRuns: 8,
      budget: { cpus: 8, memoryBytes: 8 * GIB },
      ...config,
    },
    ports,
  );
}

function connect(host: string): Docker {
  if (host.startsWith('unix://')) {
    return new Docker({ socketPath: host.slice('unix://'.length), host: undefined });
  }
  const { hostname, port } = new URL(host.replace(/^tcp:/, 'http:'));
  return new Docker({ protocol: 'http', host: hostname, port: Number(port || 2375) });
}

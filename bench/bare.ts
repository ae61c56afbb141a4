/** The baseline of runs: dockerode alone, with exactly the container that berthkit would make. No more than a careful user needs. */
import { randomUUID } from 'node:crypto';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type ContainerSpec, dockerEngine, type RunOptions } from 'berthkit';
import type Docker from 'dockerode';
import { toCreateBody } from '../src/engine/docker/create-body.js';
import { benchRuntime, type Ground } from './ground.js';

/** A container that can be run again and again, each time under a new name. */
export interface BareJob {
  /** What is mounted as its workspace. */
  readonly workspace: string;
  readonly body: Docker.ContainerCreateOptions;
}

/**
 * Runs a definition once through berthkit, looks at what it asks of the engine, and prepares the same for dockerode: image, command,
 * environment, user, limits, mounts, log driver. Only the name and the mounted folder differ.
 */
export async function toBareJob(
  ground: Ground,
  definition: unknown,
  options: RunOptions = {},
): Promise<BareJob> {
  const spec = await capture(ground, definition, options);
  const workspace = join(ground.folder, `bare-${randomUUID()}`);
  await mkdir(workspace, { mode: 0o700 });
  const [uid = 0, gid = 0] = spec.user.split(':').map(Number);
  await chown(workspace, uid, gid);
  const mounts = spec.mounts.map((mount) => ({ ...mount, source: workspace }));
  // Engine API fields in dockerode's own words; the adapter's type for them is deliberately looser.
  const body = toCreateBody({ ...spec, mounts }) as Docker.ContainerCreateOptions;
  return { workspace, body };
}

/** create, attach, start, wait, inspect, remove. The output goes through dockerode's own demultiplexer unless it is wanted raw. */
export async function runBare(
  { docker }: Ground,
  { body }: BareJob,
  onRaw?: (chunk: Buffer) => void,
): Promise<void> {
  const container = await docker.createContainer({ ...body, name: `bare-${randomUUID()}` });
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  if (onRaw === undefined) demuxerOf(container).demuxStream(stream, nowhere(), nowhere());
  else stream.on('data', onRaw);
  const ended = finished(stream, { writable: false });
  await container.start();
  await container.wait();
  await ended;
  const { State: state } = await container.inspect();
  await container.remove({ v: true });
  if (state.ExitCode !== 0) throw new Error(`the bare job exited ${state.ExitCode}`);
}

/** dockerode leaves its transport untyped. */
function demuxerOf({ modem }: Docker.Container): {
  demuxStream(stream: NodeJS.ReadableStream, stdout: Writable, stderr: Writable): void;
} {
  return modem as ReturnType<typeof demuxerOf>;
}

const nowhere = (): Writable =>
  new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });

async function capture(ground: Ground, definition: unknown, options: RunOptions): Promise<ContainerSpec> {
  const engine = dockerEngine({ host: ground.host });
  const specs: ContainerSpec[] = [];
  const containers: typeof engine.containers = {
    ...engine.containers,
    create: (spec, callOptions) => {
      specs.push(spec);
      return engine.containers.create(spec, callOptions);
    },
  };
  const runtime = benchRuntime(ground, {}, { engine: { ...engine, containers } });
  try {
    await runtime.runJob(definition, options);
  } finally {
    await runtime.close();
    await engine.close();
  }
  // The first run of a runtime also makes a container to find out what the engine sees.
  const spec = specs.find(({ labels }) => labels['berthkit.kind'] === 'job');
  if (spec === undefined) throw new Error('berthkit made no container');
  return spec;
}

/** Pulling an image from a registry on this machine, beside `docker pull`. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRealRegistry, USER } from '../test/registry/real-registry.js';
import { registryImage } from '../test/registry/registry-image.js';
import { benchRuntime, type Ground, MIB } from './ground.js';
import { type BenchResult, compare, milliseconds } from './measure.js';
import { runProgram } from './programs.js';

/** `images.pull` of an image that is not there, with a log-in, beside the same by Docker's client. */
export async function benchPulls(ground: Ground): Promise<readonly BenchResult[]> {
  const registry = await startRealRegistry({ tls: false });
  const runtime = benchRuntime(ground, { policy: { images: { allow: [`${registry.host}/*`] } } });
  const name = `${registry.host}/bench/large:1`;
  const client = await clientWithLogIn(ground, registry.host);
  /** The time of a pull after which nothing is left of it. */
  const timed = async (pull: () => Promise<unknown>): Promise<number> => {
    const elapsed = await milliseconds(pull);
    await ground.docker.getImage(name).remove();
    return elapsed;
  };
  try {
    // What cannot be compressed: its bytes have to travel.
    const large = randomBytes((ground.quick ? 1 : 128) * MIB).toString('base64');
    await registry.put('bench/large', '1', await registryImage({ bare: true, files: { large } }));
    return [
      await compare({
        name: 'pulling a large image (ms)',
        wanted: 'at_most',
        bar: 1.1,
        rounds: ground.quick ? 1 : 15,
        warmUps: 1,
        value: () => timed(() => runtime.images.pull(name, { registryAuth: { [registry.host]: USER } })),
        baseline: () => timed(() => runProgram('docker', '--config', client, 'pull', '--quiet', name)),
      }),
    ];
  } finally {
    await runtime.close();
    await registry.close();
  }
}

/** A folder of Docker's client that is logged in to one registry. */
async function clientWithLogIn({ folder }: Ground, host: string): Promise<string> {
  const client = join(folder, 'docker-client');
  await mkdir(client, { mode: 0o700 });
  const auth = Buffer.from(`${USER.username}:${USER.password}`).toString('base64');
  await writeFile(join(client, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  return client;
}

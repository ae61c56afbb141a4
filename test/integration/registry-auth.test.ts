/** Pulls from a registry that knows its users, on the engine of this machine: where credentials come from, and that nobody is told them. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  dockerRegistryAuth,
  type JobRuntimeError,
  type RegistryAuthRequest,
  type RunEvent,
  type RunOptions,
  type RunResult,
  type RuntimePorts,
} from 'berthkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRealRegistry, type RealRegistry, USER } from '../registry/real-registry.js';
import { registryImage, type RegistryImage } from '../registry/registry-image.js';
import { temporaryFolder, testRuntime } from './setup.js';

const WRONG = { username: 'alice', password: 'wrong-password-of-alice' };
const ENCODED = Buffer.from(`${USER.username}:${USER.password}`).toString('base64');

let count = 0;
let image: RegistryImage;

describe.each([
  ['TLS', true],
  ['plain HTTP', false],
])('a registry by %s', (_, tls) => {
  // On this address engines go on by plain HTTP when TLS brought nothing, and older ones tell only what became of that.
  const withoutAny = expect.stringMatching(
    tls ? /^image\.(pull_failed|unauthorized)$/ : /^image\.unauthorized$/,
  ) as string;
  let registry: RealRegistry;
  let reference = '';
  beforeAll(async () => {
    registry = await startRealRegistry({ tls });
  });
  afterAll(async () => {
    await registry.close();
  });
  beforeEach(async () => {
    count += 1;
    image = await registryImage({ files: { who: 'i am private', salt: `auth ${String(count)}` } });
    reference = `${registry.host}/private/image-${String(count)}:1`;
    await registry.put(`private/image-${String(count)}`, '1', image);
  });

  interface Attempt {
    readonly outcome: RunResult | JobRuntimeError;
    /** All anybody was told. */
    readonly told: string;
  }

  async function attempt(options: RunOptions = {}, ports: RuntimePorts = {}): Promise<Attempt> {
    const events: RunEvent[] = [];
    const policy = { images: { allow: [`${registry.host}/*`] } };
    const records: unknown[] = [];
    const runtime = await testRuntime(
      { policy, images: { dockerCredentials: false } },
      {
        onEvent: (event) => events.push(event),
        audit: (record) => {
          records.push(record);
        },
        ...ports,
      },
    );
    const definition = { docker: { image: reference, command: ['cat', '/who'] } };
    const outcome = (await runtime
      .runJob(definition, options)
      .catch((error: unknown) => error)) as Attempt['outcome'];
    const { message, stack, cause } = outcome as JobRuntimeError;
    const plan = runtime.explain(definition);
    return {
      outcome,
      told: [JSON.stringify([outcome, events, records, plan]), message, stack, String(cause)].join('\n'),
    };
  }

  const expectRun = ({ outcome, told }: Attempt): void => {
    expect(outcome).toMatchObject({
      status: 'succeeded',
      stdout: { text: 'i am private' },
      image: { digest: image.manifest.digest },
    });
    expectSecret(told);
  };
  const expectSecret = (told: string): void => {
    for (const secret of [USER.password, WRONG.password, ENCODED]) expect(told).not.toContain(secret);
  };

  it('gives nothing to nobody', async () => {
    const { outcome } = await attempt();
    expect(outcome).toMatchObject({
      code: withoutAny,
      hint: expect.stringMatching(/wants credentials/) as string,
    });
  });

  it('gives its image to its user, as the caller says', async () => {
    expectRun(await attempt({ registryAuth: { [registry.host]: USER } }));
  });

  it('gives nothing for a wrong password, and it is not tried again', async () => {
    const made = await attempt({ registryAuth: { [registry.host]: WRONG } });
    expect(made.outcome).toMatchObject({ code: 'image.unauthorized' });
    expectSecret(made.told);
  });

  it('is not told the password of another registry', async () => {
    const { outcome } = await attempt({ registryAuth: { 'ghcr.io': USER } });
    expect(outcome).toMatchObject({
      code: withoutAny,
      hint: expect.stringMatching(/wants credentials/) as string,
    });
  });

  it('gives its image to the user a resolver names', async () => {
    const asked: RegistryAuthRequest[] = [];
    const made = await attempt(
      {},
      {
        resolveRegistryAuth: async (request) => {
          asked.push(request);
          return Promise.resolve(USER);
        },
      },
    );
    expectRun(made);
    expect(asked).toMatchObject([{ registry: registry.host, reference, renew: false }]);
  });

  it('is logged in to once more when it refuses what was good before', async () => {
    const asked: boolean[] = [];
    const made = await attempt(
      {},
      {
        resolveRegistryAuth: async ({ renew }) => {
          asked.push(renew);
          return Promise.resolve(renew ? USER : WRONG);
        },
      },
    );
    expectRun(made);
    expect(asked).toEqual([false, true]);
  });

  it('is not asked for ever, nor again with what it just refused', async () => {
    let asked = 0;
    const stubborn = async () => {
      asked += 1;
      return Promise.resolve(WRONG);
    };
    const { outcome } = await attempt({}, { resolveRegistryAuth: stubborn });
    expect(outcome).toMatchObject({ code: 'image.unauthorized' });
    expect(asked).toBe(2);
  });

  it.each<[string, (folder: string) => Promise<Record<string, string>>]>([
    [
      'DOCKER_AUTH_CONFIG',
      async () =>
        Promise.resolve({
          DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth: ENCODED } } }),
        }),
    ],
    [
      'config.json',
      async (folder) => {
        const auths = { [`https://${registry.host}/v2/`]: { auth: ENCODED } };
        await writeFile(join(folder, 'config.json'), JSON.stringify({ auths }));
        return { DOCKER_CONFIG: folder };
      },
    ],
    [
      'a credential helper',
      async (folder) => {
        const helper = join(folder, 'docker-credential-test');
        const answer = JSON.stringify({ Username: USER.username, Secret: USER.password });
        await writeFile(helper, `#!/bin/sh\ncat >/dev/null\nprintf '%s' '${answer}'\n`);
        await chmod(helper, 0o755);
        await writeFile(
          join(folder, 'config.json'),
          JSON.stringify({ credHelpers: { [registry.host]: 'test' } }),
        );
        return { DOCKER_CONFIG: folder, PATH: `${folder}:/usr/bin:/bin` };
      },
    ],
  ])('gives its image to the user in %s', async (_place, prepare) => {
    const folder = join(await temporaryFolder(), 'docker');
    await mkdir(folder);
    const resolveRegistryAuth = dockerRegistryAuth({ DOCKER_CONFIG: folder, ...(await prepare(folder)) });
    expectRun(await attempt({}, { resolveRegistryAuth }));
  });
});

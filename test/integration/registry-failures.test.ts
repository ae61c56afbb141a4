/** What becomes of a pull, on the engine of this machine, when the registry fails: class by class, code, message and whether to try again. */
import { type ErrorCodeOf, type PullFailureReason } from 'berthkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeRegistry, type RegistryFault, startFakeRegistry } from '../registry/fake-registry.js';
import { registryImage, registryIndex, type RegistryImage } from '../registry/registry-image.js';
import { testRuntime } from './setup.js';
import { testEngine } from './test-engine.js';

let registry: FakeRegistry;
let image: RegistryImage;
let foreign: RegistryImage;
let count = 0;
/** Under which nothing has been pulled yet. */
let repository = '';
let reference = '';

beforeAll(async () => {
  registry = await startFakeRegistry();
  foreign = await registryImage({ bare: true, architecture: 's390x' });
});
afterAll(async () => {
  await registry.close();
});
beforeEach(async () => {
  count += 1;
  // With a layer of its own: an engine does not ask for one it has.
  image = await registryImage({ files: { who: 'i am pulled', salt: String(count) } });
  repository = `failures/${String(count)}`;
  reference = `${registry.host}/${repository}:1`;
  registry.fail(() => null);
  registry.offer(repository, '1', image);
});

/** Fails whatever is asked of a kind. */
const always = (kind: 'manifests' | 'blobs' | '', fault: RegistryFault) => (): string => {
  registry.fail(({ path }) =>
    path.includes(`/v2/${kind === '' ? '' : `${repository}/${kind}/`}`) ? fault : null,
  );
  return reference;
};

interface Failure {
  readonly name: string;
  /** Sets the scene and gives the reference to pull. */
  readonly arrange: () => string;
  readonly platform?: string;
  readonly code: ErrorCodeOf<'image'>;
  readonly reason?: PullFailureReason;
  readonly retryable: boolean;
  readonly message: RegExp;
}

const TABLE: readonly Failure[] = [
  {
    name: 'credentials are wanted (401)',
    arrange: always('', {
      kind: 'status',
      status: 401,
      code: 'UNAUTHORIZED',
      message: 'authentication required',
    }),
    code: 'image.unauthorized',
    retryable: false,
    message: /no basic auth credentials|unauthorized/,
  },
  {
    name: 'access is denied (403)',
    arrange: always('manifests', {
      kind: 'status',
      status: 403,
      code: 'DENIED',
      message: 'requested access to the resource is denied',
    }),
    code: 'image.unauthorized',
    retryable: false,
    message: /denied/,
  },
  {
    name: 'access is denied, in words of the registry’s own (403)',
    arrange: always('manifests', {
      kind: 'status',
      status: 403,
      code: 'DENIED',
      message: 'your authorization token has expired',
    }),
    code: 'image.unauthorized',
    retryable: false,
    message: /token has expired/,
  },
  {
    name: 'access is denied, in words that would steer a terminal (403)',
    arrange: always('manifests', {
      kind: 'status',
      status: 403,
      code: 'DENIED',
      message: 'no\u001b[2J\r\nway\u202e',
    }),
    code: 'image.unauthorized',
    retryable: false,
    message: /^[ -~]*no\\u001b\[2J\\r\\nway\\u202e[ -~]*$/,
  },
  {
    name: 'access is denied by what stands before the registry (403)',
    arrange: always('manifests', { kind: 'page', status: 403 }),
    code: 'image.unauthorized',
    retryable: false,
    message: /403|denied/,
  },
  {
    name: 'there is no such tag (404)',
    arrange: () => `${registry.host}/${repository}:2`,
    code: 'image.not_found',
    retryable: false,
    message: /manifest unknown/,
  },
  {
    name: 'there is no such repository (404)',
    arrange: () => `${registry.host}/failures/none:1`,
    code: 'image.not_found',
    retryable: false,
    message: /manifest unknown/,
  },
  {
    name: 'there is no such digest (404)',
    arrange: () => `${registry.host}/${repository}@sha256:${'0'.repeat(64)}`,
    code: 'image.not_found',
    retryable: false,
    message: /manifest unknown/,
  },
  {
    name: 'the name of the registry is not known',
    arrange: () => 'registry.invalid/x:1',
    code: 'image.pull_failed',
    reason: 'unknown_host',
    retryable: true,
    message: /lookup registry\.invalid/,
  },
  {
    name: 'nothing listens there',
    arrange: () => '127.0.0.1:1/x:1',
    code: 'image.pull_failed',
    reason: 'connection_refused',
    retryable: true,
    message: /connection refused/,
  },
  {
    name: 'nothing listens there, whatever its name says',
    arrange: () => '127.0.0.1:1/acme/unauthorized:denied',
    code: 'image.pull_failed',
    reason: 'connection_refused',
    retryable: true,
    message: /connection refused/,
  },
  {
    name: 'the name of the registry is not known, whatever it says',
    arrange: () => 'denied.invalid/x509-certificate:1',
    code: 'image.pull_failed',
    reason: 'unknown_host',
    retryable: true,
    message: /lookup denied\.invalid/,
  },
  {
    name: 'too many are pulled (429)',
    arrange: always('manifests', {
      kind: 'status',
      status: 429,
      code: 'TOOMANYREQUESTS',
      message: 'You have reached your pull rate limit',
    }),
    code: 'image.pull_failed',
    reason: 'too_many_requests',
    retryable: true,
    message: /toomanyrequests/,
  },
  {
    name: 'the registry is in trouble (500)',
    arrange: always('manifests', { kind: 'status', status: 500 }),
    code: 'image.pull_failed',
    reason: 'registry_error',
    retryable: true,
    message: /500 Internal Server Error/,
  },
  {
    name: 'the registry is overloaded (503)',
    arrange: always('manifests', { kind: 'status', status: 503 }),
    code: 'image.pull_failed',
    reason: 'registry_error',
    retryable: true,
    message: /503 Service Unavailable/,
  },
  {
    name: 'what stands before the registry is in trouble (502)',
    arrange: always('blobs', { kind: 'page', status: 502 }),
    code: 'image.pull_failed',
    reason: 'registry_error',
    retryable: true,
    message: /502 .?Bad Gateway/,
  },
  {
    name: 'the registry answers with a page',
    arrange: always('manifests', { kind: 'page', status: 200 }),
    code: 'image.pull_failed',
    reason: 'registry_error',
    retryable: true,
    message: /beginning of value/,
  },
  {
    name: 'the registry sends it round in a circle',
    arrange: always('manifests', { kind: 'redirect' }),
    code: 'image.pull_failed',
    reason: 'registry_error',
    retryable: true,
    message: /redirects/,
  },
  {
    name: 'a layer is gone, which shows inside a success',
    arrange: always('blobs', {
      kind: 'status',
      status: 404,
      code: 'BLOB_UNKNOWN',
      message: 'blob unknown to registry',
    }),
    code: 'image.pull_failed',
    reason: 'missing_blob',
    retryable: true,
    message: /blob/,
  },
  {
    name: 'a manifest is not what its digest stands for',
    arrange: () => {
      registry.fail(({ path }) =>
        path.includes('/manifests/') ? { kind: 'other', object: foreign.manifest } : null,
      );
      return `${registry.host}/${repository}@${image.manifest.digest}`;
    },
    code: 'image.digest_mismatch',
    retryable: false,
    message: /verification failed|[Dd]igest did not match|does not match provided manifest digest/,
  },
  {
    name: 'a layer is not what its digest stands for',
    arrange: () => {
      registry.fail(({ path }) =>
        path.endsWith(image.layer.digest) ? { kind: 'other', object: foreign.layer } : null,
      );
      return reference;
    },
    code: 'image.digest_mismatch',
    retryable: false,
    message: /verification failed|[Dd]igest did not match|does not match provided manifest digest/,
  },
  {
    name: 'a configuration is not what its digest stands for',
    arrange: () => {
      registry.fail(({ path }) =>
        path.endsWith(image.config.digest) ? { kind: 'other', object: foreign.config } : null,
      );
      return reference;
    },
    code: 'image.digest_mismatch',
    retryable: false,
    message: /verification failed|does not match expected/,
  },
  {
    name: 'it is not published for the platform of the engine',
    arrange: () => {
      registry.add(foreign);
      registry.offer(repository, '1', registryIndex([['s390x', foreign]]));
      return reference;
    },
    code: 'image.platform_mismatch',
    retryable: false,
    message: /no matching manifest|no image found in manifest list/,
  },
  {
    name: 'it is not published for the platform that is asked for',
    arrange: () => {
      registry.add(foreign);
      registry.offer(repository, '1', registryIndex([['s390x', foreign]]));
      return reference;
    },
    platform: 'linux/riscv64',
    code: 'image.platform_mismatch',
    retryable: false,
    message: /no matching manifest|no image found in manifest list/,
  },
];

describe('a pull fails because', () => {
  it.each(TABLE)('$name', async ({ arrange, platform, code, reason, retryable, message }) => {
    const engine = testEngine();
    const wanted = arrange();
    const error: unknown = await engine.images.pull(wanted, { platform }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code, retryable, message: expect.stringMatching(message) as string });
    const { details, hint } = error as { details: Record<string, unknown>; hint?: string };
    expect(details['reason']).toBe(reason);
    expect(hint).toMatch(/./);
    expect(await engine.images.inspect(wanted)).toBeNull();
    await engine.close();
  });
});

describe('a run whose image has to be pulled', () => {
  const policy = () => ({ images: { allow: [`${registry.host}/*`] } });

  it('has it, tells of its layers byte by byte, and knows its digest', async () => {
    const runtime = await testRuntime({ policy: policy() });
    const run = runtime.startJob({ docker: { image: reference, command: ['cat', '/who'] } });
    const layers = new Set<number | null>();
    for await (const event of run.events) {
      if (event.type === 'pull_progress' && event.layer !== null && event.currentBytes !== null)
        layers.add(event.totalBytes);
    }
    expect(await run.result).toMatchObject({
      status: 'succeeded',
      stdout: { text: 'i am pulled' },
      image: { reference, digest: image.manifest.digest },
    });
    expect([...layers]).toContain(image.layer.bytes.length);
  });

  it('by its digest, has exactly that', async () => {
    const runtime = await testRuntime({ policy: policy() });
    const byDigest = `${registry.host}/${repository}:whatever@${image.manifest.digest}`;
    const result = await runtime.runJob({ docker: { image: byDigest, command: ['cat', '/who'] } });
    expect(result).toMatchObject({
      stdout: { text: 'i am pulled' },
      image: { digest: image.manifest.digest },
    });
  });

  it('shares the pull with all who want it at that time', async () => {
    const runtime = await testRuntime({ policy: policy(), maxConcurrentRuns: 4 });
    // Small enough for all four to have their places at one time.
    const docker = {
      image: reference,
      command: ['true'],
      resources: { cpus: 0.1, memoryBytes: 16 * 1024 ** 2 },
    };
    const definition = { docker: { ...docker, imagePullPolicy: 'always' as const } };
    await runtime.runJob(definition);
    const isManifest = ({ path }: { readonly path: string }): boolean => path.includes('/manifests/');
    const before = registry.requests.filter(isManifest).length;
    await runtime.runJob(definition);
    const each = registry.requests.filter(isManifest).length - before;
    const release = registry.hold();
    const runs = Array.from({ length: 4 }, () => runtime.startJob(definition));
    await Promise.all(
      runs.map(async ({ events }) => {
        for await (const { type } of events) if (type === 'pull_start') return;
      }),
    );
    release();
    for (const { result } of runs) expect(await result).toMatchObject({ status: 'succeeded' });
    expect(registry.requests.filter(isManifest).length - before).toBe(2 * each);
  });

  it('waits when the registry asks for it, and says so', async () => {
    let refusals = 0;
    registry.fail(({ path }) => {
      if (!path.includes('/manifests/') || refusals === 2) return null;
      refusals += 1;
      return { kind: 'status', status: 429, code: 'TOOMANYREQUESTS', message: 'slow down' };
    });
    const runtime = await testRuntime({ policy: policy() }, { random: () => 0 });
    const run = runtime.startJob({ docker: { image: reference, command: ['true'] } });
    expect(await run.result).toMatchObject({ status: 'succeeded' });
    const told: string[] = [];
    for await (const event of run.events) if (event.type === 'pull_progress') told.push(event.status);
    expect(told.join('\n')).toMatch(/limits pulls; trying again in 1000 ms/);
  });

  it.each<[string, RegistryFault]>([
    ['does not answer', { kind: 'hang' }],
    ['falls silent in the middle of a layer', { kind: 'stall', bytes: 1_000 }],
  ])('gives up on a registry that %s', async (_, fault) => {
    registry.fail(({ path }) =>
      path.includes(fault.kind === 'hang' ? '/manifests/' : image.layer.digest) ? fault : null,
    );
    const runtime = await testRuntime({ policy: policy(), images: { pullIdleMs: 2_000 } });
    await expect(runtime.runJob({ docker: { image: reference } })).rejects.toMatchObject({
      code: 'image.pull_timed_out',
      retryable: true,
      message: expect.stringMatching(/no progress for 2000 ms/) as string,
    });
  });

  it('has no longer than its time', async () => {
    registry.fail(() => ({ kind: 'hang' }));
    const runtime = await testRuntime({ policy: policy() });
    const slow = runtime.runJob({ docker: { image: reference } }, { timeouts: { pullMs: 1_000 } });
    await expect(slow).rejects.toMatchObject({
      code: 'image.pull_timed_out',
      message: expect.stringMatching(/longer than 1000 ms/) as string,
    });
  });

  it('goes by the next policy, and says why', async () => {
    const runtime = await testRuntime({ policy: policy() });
    const docker = { image: reference, command: ['true'] };
    await runtime.runJob({ docker });
    registry.fail(() => ({ kind: 'status', status: 503 }));
    const fallback = { docker: { ...docker, imagePullPolicy: ['always', 'never'] as const } };
    expect(await runtime.runJob(fallback)).toMatchObject({
      status: 'succeeded',
      image: { digest: image.manifest.digest },
      warnings: [expect.stringMatching(/going on with "never": image\.pull_failed: .*503/)],
    });
  });

  it('for another platform than it is made for does not run', async () => {
    const runtime = await testRuntime({ policy: policy() });
    registry.offer(repository, '1', foreign);
    const wrong = runtime.runJob({ docker: { image: reference, platform: 'linux/amd64' } });
    await expect(wrong).rejects.toMatchObject({ code: 'image.platform_mismatch', retryable: false });
  });

  it('has no container if its image is rejected, and runs if it is not', async () => {
    const seen: unknown[] = [];
    const runtime = await testRuntime(
      { policy: policy() },
      {
        verifyImage: async ({ digest }) => {
          seen.push(digest);
          return Promise.resolve(seen.length > 1 ? { ok: true } : { ok: false, reason: 'not signed' });
        },
      },
    );
    const definition = { docker: { image: reference, command: ['true'] } };
    await expect(runtime.runJob(definition)).rejects.toMatchObject({ code: 'image.rejected' });
    expect(await runtime.runJob(definition)).toMatchObject({ status: 'succeeded' });
    expect(seen).toEqual([image.manifest.digest, image.manifest.digest]);
  });
});

/** How a run comes to its image: policies in their order, the platform, the digest, and the operator's own check. */
import {
  ImageError,
  type ImageVerdict,
  type ImageVerifier,
  type JobDefinition,
  type RunEvent,
} from 'berthkit';
import type { FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { setUp, settle } from './run-fixture.js';

type Policies = JobDefinition['docker']['imagePullPolicy'];

const DIGEST = `sha256:${'d'.repeat(64)}`;
const OTHER = `sha256:${'e'.repeat(64)}`;

const job = (docker: Partial<JobDefinition['docker']> = {}): JobDefinition => ({
  docker: { image: 'busybox:1', ...docker },
});

async function run(
  definition: JobDefinition,
  script: FakeEngineScript,
  verifyImage?: ImageVerifier,
): Promise<{
  readonly outcome: unknown;
  readonly calls: readonly string[];
  readonly pulls: readonly (string | null)[];
  readonly events: readonly RunEvent[];
}> {
  const setup = setUp({ run: () => undefined, ...script }, verifyImage === undefined ? {} : { verifyImage });
  const outcome = await settle(setup, {}, definition);
  const { calls } = setup.engine;
  return {
    outcome,
    calls: calls.map(({ call }) => call),
    pulls: calls.filter(({ call }) => call === 'images.pull').map(({ target }) => target),
    events: setup.events,
  };
}

describe('an image with a VOLUME that nothing can cover', () => {
  it('is refused for good, before anything is made', async () => {
    const { outcome, calls } = await run(job(), { images: { 'busybox:1': { volumes: ['/data', '/'] } } });
    expect(outcome).toMatchObject({
      ...{ code: 'image.rejected', retryable: false, details: { volume: '/' } },
      message: 'the image busybox:1 declares VOLUME "/", which nothing can cover',
    });
    expect(calls).not.toContain('containers.create');
  });
});

describe('pull policies', () => {
  const there = { images: { 'busybox:1': { digest: OTHER } } };
  const offered = { pullable: { 'busybox:1': { digest: DIGEST } } };
  const failing = {
    fail: [{ call: 'images.pull' as const, error: new ImageError('image.pull_failed', 'no such host') }],
  };

  it.each<[Policies, 'there' | 'absent', 'offered' | 'failing', number, string]>([
    [undefined, 'there', 'offered', 0, OTHER],
    [undefined, 'absent', 'offered', 1, DIGEST],
    ['ifNotPresent', 'there', 'failing', 0, OTHER],
    ['ifNotPresent', 'absent', 'failing', 1, 'image.pull_failed'],
    ['always', 'there', 'offered', 1, DIGEST],
    ['always', 'there', 'failing', 1, 'image.pull_failed'],
    ['never', 'there', 'offered', 0, OTHER],
    ['never', 'absent', 'offered', 0, 'image.not_found'],
    [['always', 'ifNotPresent'], 'there', 'offered', 1, DIGEST],
    [['always', 'ifNotPresent'], 'there', 'failing', 1, OTHER],
    // What has just failed is not done once more.
    [['always', 'ifNotPresent'], 'absent', 'failing', 1, 'image.pull_failed'],
    [['always', 'never'], 'there', 'failing', 1, OTHER],
    // The first failure says more than that there is nothing here.
    [['always', 'never'], 'absent', 'failing', 1, 'image.pull_failed'],
    [['never', 'always'], 'absent', 'offered', 1, DIGEST],
    [['never', 'always'], 'there', 'offered', 0, OTHER],
  ])('%j, the image %s, the registry %s: %i pulls and %s', async (policies, place, registry, pulls, end) => {
    const { outcome, ...made } = await run(job({ imagePullPolicy: policies }), {
      ...(place === 'there' ? there : { images: {} }),
      ...offered,
      ...(registry === 'failing' ? failing : {}),
    });
    expect(outcome).toMatchObject(
      end.startsWith('sha256:') ? { status: 'succeeded', image: { digest: end } } : { code: end },
    );
    expect(made.pulls).toHaveLength(pulls);
  });

  it('that brought nothing are named in the warnings, with why', async () => {
    const { outcome } = await run(job({ imagePullPolicy: ['always', 'never'] }), { ...there, ...failing });
    expect(outcome).toMatchObject({
      status: 'succeeded',
      warnings: [
        'pull policy "always" brought no image, going on with "never": image.pull_failed: no such host',
      ],
    });
  });

  it('do not stand in for an engine that is away', async () => {
    const { outcome, calls } = await run(job({ imagePullPolicy: ['never', 'ifNotPresent', 'always'] }), {
      fail: [{ call: 'images.inspect' }],
    });
    expect(outcome).toMatchObject({ code: 'engine.failed', phase: 'pull' });
    expect(calls.filter((call) => call === 'images.inspect')).toHaveLength(1);
  });

  it('are allowed or not by the operator, each of a list', async () => {
    const config = { policy: { images: { allowedPullPolicies: ['ifNotPresent' as const] } } };
    const outcome = await settle(
      setUp({}, {}, config),
      {},
      job({ imagePullPolicy: ['ifNotPresent', 'always'] }),
    );
    expect(outcome).toMatchObject({
      code: 'policy.denied',
      details: { issues: [{ code: 'policy.pull_policy', path: 'docker.imagePullPolicy.1' }] },
    });
  });
});

describe('the platform of an image', () => {
  const arm = { architecture: 'arm64' };

  it('that is here for another one is pulled for the one that was asked for', async () => {
    const { outcome, pulls } = await run(job({ platform: 'linux/arm64' }), {
      images: { 'busybox:1': {} },
      pullable: { 'busybox:1': arm },
    });
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(pulls).toHaveLength(1);
  });

  it.each<[Policies, number]>([
    ['never', 0],
    ['ifNotPresent', 1],
    ['always', 1],
  ])('is never another one than was asked for: %s', async (imagePullPolicy, times) => {
    const { outcome, pulls, calls } = await run(job({ platform: 'linux/arm64', imagePullPolicy }), {
      images: { 'busybox:1': {} },
      pullable: { 'busybox:1': {} },
    });
    expect(outcome).toMatchObject({ code: 'image.platform_mismatch', retryable: false });
    expect(String(outcome)).toContain('is for linux/amd64, and linux/arm64 was asked for');
    expect(pulls).toHaveLength(times);
    expect(calls).not.toContain('containers.create');
  });
});

describe('the digest of an image', () => {
  it('is the one that was pulled, even if the tag is moved meanwhile', async () => {
    const moved = { digest: OTHER };
    const setup = setUp({ images: {}, pullable: { 'busybox:1': { digest: DIGEST }, 'moved:1': moved } });
    const { images } = setup.engine;
    const { inspect } = images;
    await images.pull('moved:1');
    // As if somebody else pulled a newer image under the same tag right after.
    Object.assign(images, {
      inspect: async (...[reference, options]: Parameters<typeof inspect>) =>
        inspect(reference === 'busybox:1' ? 'moved:1' : reference, options),
    });
    const outcome = await settle(setup, {}, job({ imagePullPolicy: 'always' }));
    expect(outcome).toMatchObject({ image: { reference: 'busybox:1', digest: DIGEST } });
  });

  it('is the one that was asked for, or there is no run', async () => {
    const wanted = job({ image: `busybox@${OTHER}`, imagePullPolicy: 'always' });
    const { outcome, calls } = await run(wanted, {
      images: {},
      pullable: { [`busybox@${OTHER}`]: { digest: DIGEST } },
    });
    expect(outcome).toMatchObject({ code: 'image.digest_mismatch', retryable: false });
    expect(calls).not.toContain('containers.create');
  });
});

describe('a private image', () => {
  const good = { username: 'acme', password: 'correct-horse' };
  const script = { images: {}, pullable: { 'ghcr.io/acme/x:1': { credentials: good } } };
  const definition = job({ image: 'ghcr.io/acme/x:1' });

  it('is pulled with the caller’s credentials for its registry, and for no other', async () => {
    const run = async (registry: string) =>
      settle(setUp({ run: () => undefined, ...script }), { registryAuth: { [registry]: good } }, definition);
    expect(await run('ghcr.io')).toMatchObject({ status: 'succeeded' });
    expect(await run('https://ghcr.io/')).toMatchObject({ status: 'succeeded' });
    expect(await run('quay.io')).toMatchObject({ code: 'image.unauthorized' });
  });

  it('is pulled with the resolver’s, asked once more where they are refused, within the time of one pull', async () => {
    const asked: boolean[] = [];
    const setup = setUp(
      { run: () => undefined, ...script },
      {
        resolveRegistryAuth: async ({ renew }) => {
          asked.push(renew);
          return Promise.resolve(renew ? good : { username: 'acme', password: 'expired' });
        },
      },
    );
    expect(await settle(setup, {}, definition)).toMatchObject({ status: 'succeeded' });
    expect(asked).toEqual([false, true]);
  });

  it('is had by nobody where the resolver fails', async () => {
    const setup = setUp(script, {
      resolveRegistryAuth: async () => Promise.reject(new Error('correct-horse')),
    });
    const outcome = await settle(setup, {}, definition);
    expect(outcome).toMatchObject({ code: 'secret.failed', phase: 'pull' });
    expect(JSON.stringify([outcome, setup.events])).not.toContain('correct-horse');
    expect(setup.engine.calls.map(({ call }) => call)).not.toContain('images.pull');
  });

  it('leaves its credentials in nothing the job says', async () => {
    const setup = setUp({
      ...script,
      run: async (job) => {
        await job.stdout('the password is correct-horse\n');
        return { exitCode: 0 };
      },
    });
    const outcome = await settle(setup, { registryAuth: { 'ghcr.io': good } }, definition);
    expect(outcome).toMatchObject({ secretLeaks: [{ secret: 'registry credentials', place: 'stdout' }] });
    expect(JSON.stringify([outcome, setup.events])).not.toContain('correct-horse');
  });

  it.each([{}, { username: 'a' }, { username: '', password: 'b' }, { identityToken: '' }, 'a:b', null])(
    'is not asked for with %j for credentials',
    async (credentials) => {
      const registryAuth = { 'ghcr.io': credentials } as unknown as Record<string, typeof good>;
      const outcome = await settle(setUp(script), { registryAuth }, definition);
      expect(outcome).toMatchObject({
        code: 'validation.invalid_job',
        details: { issues: [{ path: 'options.registryAuth.ghcr.io' }] },
      });
    },
  );
});

describe('verifyImage', () => {
  const script = { images: { 'busybox:1': { digest: DIGEST } } };

  it('hears of exactly the image the container is made of, before it is made', async () => {
    const asked: unknown[] = [];
    const setup = setUp(script, {
      verifyImage: async ({ reference, digest, imageId, signal }) => {
        const made = setup.engine.calls.some(({ call }) => call === 'containers.create');
        asked.push({ reference, digest, imageId, aborted: signal.aborted, made });
        return Promise.resolve({ ok: true });
      },
    });
    const created: string[] = [];
    const { create } = setup.engine.containers;
    Object.assign(setup.engine.containers, {
      create: async (...[spec, options]: Parameters<typeof create>) => {
        created.push(spec.image);
        return create(spec, options);
      },
    });
    const outcome = await settle(setup, {}, job({ image: `busybox@${DIGEST}` }));
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(asked).toEqual([
      { reference: `busybox@${DIGEST}`, digest: DIGEST, imageId: created[0], aborted: false, made: false },
    ]);
  });

  it.each<[string, () => unknown, string, boolean]>([
    ['a no', () => ({ ok: false, reason: 'not signed' }), 'image.rejected', false],
    ['a no without a reason', () => ({ ok: false }), 'image.rejected', false],
    ['nothing', () => undefined, 'image.verification_failed', true],
    ['a mere true', () => true, 'image.verification_failed', true],
    ['something truthy', () => ({ ok: 'yes' }), 'image.verification_failed', true],
    ['null', () => null, 'image.verification_failed', true],
    [
      'an exception',
      () => {
        throw new Error('no route to the key server');
      },
      'image.verification_failed',
      true,
    ],
  ])('answers with %s: no container', async (_, answer, code, retryable) => {
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection
    const { outcome, calls } = await run(job(), script, async () => answer() as ImageVerdict);
    expect(outcome).toMatchObject({ code, retryable, phase: 'pull' });
    expect(calls).not.toContain('containers.create');
  });

  it('says why in the error', async () => {
    const answer: ImageVerdict = { ok: false, reason: 'not signed by acme' };
    const { outcome } = await run(job(), script, async () => Promise.resolve(answer));
    expect(String(outcome)).toContain(`busybox:1 (${DIGEST}) was rejected: not signed by acme`);
  });

  it('that never answers ends with the run', async () => {
    const setup = setUp(script, {
      verifyImage: async ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('left'));
          });
        }),
    });
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort('enough');
    }, 20);
    expect(await settle(setup, { signal: stop.signal }, job())).toMatchObject({ status: 'cancelled' });
  });

  it('is asked again by the next attempt where it gave no answer', async () => {
    let asked = 0;
    const { outcome } = await run(
      { ...job(), retry: { maxAttempts: 2, backoff: 'none' } },
      script,
      async () => {
        asked += 1;
        if (asked === 1) throw new Error('busy');
        return Promise.resolve({ ok: true });
      },
    );
    expect(outcome).toMatchObject({ status: 'succeeded', attempt: 2 });
  });
});

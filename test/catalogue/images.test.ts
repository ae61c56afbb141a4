/** Images that bring more than programs, and images that are not there, on the fake engine. */
import { type ContainerSpec, ImageError } from 'berthkit';
import type { FakeImage, FakeJob } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { refusalOf, trial } from './fixture.js';

describe('an image with a will of its own', () => {
  const specOf = async (image: FakeImage): Promise<ContainerSpec> => {
    const specs: ContainerSpec[] = [];
    const run = (given: FakeJob): undefined => void specs.push(given.spec);
    await trial({ docker: { image: 'hostile:1' } }, { script: { images: { 'hostile:1': image }, run } });
    const [spec] = specs;
    if (spec === undefined) throw new Error('it did not run');
    return spec;
  };

  it('gets a sized tmpfs over each VOLUME', async () => {
    const { tmpfs, mounts } = await specOf({ volumes: ['/data', '/dots/../up', '//odd//path/'] });
    const sizes = Object.fromEntries(tmpfs.map(({ target, sizeBytes }) => [target, sizeBytes]));
    expect(sizes).toMatchObject({
      '/data': 64 * 1024 ** 2,
      '/up': 64 * 1024 ** 2,
      '/odd/path': 64 * 1024 ** 2,
    });
    expect(mounts.map(({ target }) => target)).toEqual(['/workspace']);
  });

  it.each(['relative', './relative', '/', '/dev', '/dots/../proc'])(
    'is rejected for a VOLUME that nothing can cover: %s',
    async (volume) => {
      const images = { 'hostile:1': { volumes: ['/data', volume] } };
      const { outcome, engine } = await trial({ docker: { image: 'hostile:1' } }, { script: { images } });
      expect(outcome).toMatchObject({ code: 'image.rejected', retryable: false, details: { volume } });
      expect(engine.calls.map(({ call }) => call)).not.toContain('containers.create');
    },
  );

  it('decides neither its user nor the signal that ends it', async () => {
    const spec = await specOf({ user: 'root', environment: ['LD_PRELOAD=/evil.so', 'PATH=/evil'] });
    expect(spec.user).not.toMatch(/^0|:0$|root/);
    expect(spec).toMatchObject({
      stopSignal: 'SIGTERM',
      noNewPrivileges: true,
      capabilitiesDropped: ['ALL'],
    });
    expect(spec.environment).toEqual([{ name: 'HOME', value: '/tmp' }]);
  });
});

describe('an image that is not there', () => {
  it('and that no registry has is image.not_found', async () => {
    const { outcome } = await trial({ docker: { image: 'gone:1' } }, { script: { images: {} } });
    expect(outcome).toMatchObject({ code: 'image.not_found', retryable: false });
  });

  it('while the registry is down is image.pull_failed, and worth another try', async () => {
    const { outcome } = await trial(
      { docker: { image: 'busybox:1', imagePullPolicy: 'always' } },
      {
        script: {
          fail: [{ call: 'images.pull', error: new ImageError('image.pull_failed', 'connection refused') }],
        },
      },
    );
    expect(outcome).toMatchObject({ code: 'image.pull_failed', retryable: true });
  });

  it('is image.not_found under policy "never", and no registry is asked', async () => {
    const { outcome, engine } = await trial(
      { docker: { image: 'busybox:1', imagePullPolicy: 'never' } },
      { script: { images: {}, pullable: { 'busybox:1': {} } } },
    );
    expect(outcome).toMatchObject({ code: 'image.not_found', retryable: false });
    expect(engine.calls.map(({ call }) => call)).not.toContain('images.pull');
  });

  it('may not be asked for by a policy there is none of', async () => {
    expect(await refusalOf({ docker: { image: 'busybox:1', imagePullPolicy: 'sometimes' } })).toMatchObject({
      code: 'validation.invalid_job',
      paths: ['docker.imagePullPolicy'],
    });
  });
});

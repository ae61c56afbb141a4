/** The Docker engine keeps the contract of the port, on a real engine. */
import { beforeAll, describe, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { dockerEngine } from '../../src/engine/docker/docker-engine.js';
import { engineConformance } from '../../src/testing/index.js';

const host = process.env['DOCKER_HOST'];
let image = '';

// Without an engine there is nothing to test here: `scripts/with-engine` provides one.
describe.skipIf(host === undefined)('engineConformance on a real engine', { timeout: 240_000 }, () => {
  beforeAll(async () => {
    image = await ensureImage('busybox', host);
  });

  it.each(engineConformance(() => Promise.resolve({ engine: dockerEngine({ host }), image })))(
    '$name',
    async ({ run }) => run(),
  );
});

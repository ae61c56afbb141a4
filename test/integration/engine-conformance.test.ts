/** The Docker engine keeps the contract of the port, on a real engine. */
import { beforeAll, describe, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { engineConformance } from '../../src/testing/index.js';
import { testEngine } from './test-engine.js';

let image = '';

describe('engineConformance on a real engine', { timeout: 240_000 }, () => {
  beforeAll(async () => {
    image = await ensureImage('busybox');
  });

  it.each(engineConformance(() => Promise.resolve({ engine: testEngine(), image })))(
    '$name',
    async ({ run }) => run(),
  );
});

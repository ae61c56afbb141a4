/** Builds that an engine tells of, without one: what becomes of the words of a Dockerfile and of what it runs. */
import { expect, it } from 'vitest';
import type { BuildOptions } from '../../../src/engine/types.js';
import { scriptedEngine } from './scripted-engine.js';

const OPTIONS: BuildOptions = {
  tag: 'app:1',
  dockerfile: 'Dockerfile',
  buildArgs: {},
  labels: {},
  target: null,
  platform: null,
  noCache: false,
  pull: false,
  networkMode: 'none',
  resources: { cpus: 1, memoryBytes: 64, shmBytes: 1, ulimits: [] },
  credentials: {},
};

async function* context(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.alloc(1024));
}

it('keeps the words of a failed build to one line that steers no terminal', async () => {
  const { engine } = await scriptedEngine({
    onRequest: ({ response }) => {
      const step = JSON.stringify({ stream: 'Step 1/1 : RUN echo \u001b[2J\u202e\n' });
      const error = JSON.stringify({ errorDetail: { code: 3, message: 'it went\u001b[2J\r\naway' } });
      response.writeHead(200).end(`${step}\n${error}\n`);
    },
  });
  const building = engine.images.build?.(context(), OPTIONS);
  await expect(building).rejects.toMatchObject({
    code: 'image.build_failed',
    message: 'Building app:1 failed at "RUN echo \\u001b[2J\\u202e": it went\\u001b[2J\\r\\naway.',
    details: { step: 'RUN echo \\u001b[2J\\u202e', exitCode: 3 },
  });
});

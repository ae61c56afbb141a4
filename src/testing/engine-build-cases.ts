/** Cases about building images. An engine that builds none passes them: whoever needs it is told so. No registry is needed. */
import { randomUUID } from 'node:crypto';
import type { BuildOptions } from '../engine/types.js';
import { checkEqual, rejection, type CaseOf } from './conformance-case.js';
import { engineCase, type EngineTrial } from './engine-trial.js';

const optionsFor = (tag: string): BuildOptions => ({
  tag,
  dockerfile: 'Dockerfile',
  buildArgs: {},
  labels: {},
  target: null,
  platform: null,
  noCache: false,
  pull: false,
  networkMode: 'none',
  resources: {
    ...{ cpus: 1, memoryBytes: 256 * 1024 ** 2, shmBytes: 64 * 1024 ** 2 },
    ulimits: [{ name: 'nofile', soft: 512, hard: 1024 }],
  },
  credentials: {},
});

async function tarOf(dockerfile: string): Promise<AsyncIterable<Uint8Array>> {
  const { pack } = await import('tar-stream');
  const tar = pack();
  tar.entry({ name: 'Dockerfile' }, dockerfile);
  tar.finalize();
  return tar as AsyncIterable<Uint8Array>;
}

/** The cases. */
export const BUILD_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase(
    'an image that was built within its limits is there under its name',
    async ({ engine, reference, within }) => {
      const { images } = engine;
      if (images.build === undefined) return;
      const tag = `berthkit-conformance/${randomUUID()}:1`;
      const context = await tarOf(`FROM ${reference}\nRUN test "$(ulimit -n)" = 512\n`);
      try {
        const { id } = await within('images.build', images.build(context, optionsFor(tag)));
        checkEqual((await within('images.inspect', images.inspect(tag)))?.id, id, 'the image by its name');
      } finally {
        await within('images.remove', images.remove?.(tag) ?? Promise.resolve());
      }
    },
  ),
  engineCase('a context that breaks off is what its build fails by', async ({ engine, within }) => {
    const { images } = engine;
    if (images.build === undefined) return;
    const tag = `berthkit-conformance/${randomUUID()}:1`;
    const mine = new Error('mine');
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(512);
      await Promise.reject(mine);
    }
    const building = within('images.build', images.build(failing(), optionsFor(tag)));
    checkEqual(await rejection(building, 'images.build'), mine, 'what a failing context comes to');
  }),
];

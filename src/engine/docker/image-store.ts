/** Images of one engine that need no registry: listed, named, told of, taken away, sent out and taken in as a tar. */
import { oneLine } from '../../base/one-line.js';
import { EngineError } from '../../errors.js';
import type { CallOptions, EngineImages } from '../types.js';
import type { DockerStream } from './client.js';
import { fromHistory, fromImageList, loadedNames } from './convert-images.js';
import { statusOf } from './errors.js';
import { checkImageReference, toPullTarget } from './identifiers.js';
import { readProgressStream } from './pull-stream.js';
import type { Session } from './session.js';
import { readTar, sendTar } from './tar-body.js';

type ImageStore = Required<Pick<EngineImages, 'list' | 'remove' | 'tag' | 'history' | 'export' | 'import'>>;

const NOT_HERE = { 404: 'engine.image_not_found' } as const;

/** Bytes of a stream that may be typed as text. */
export async function* toBytes(source: DockerStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

/** Makes that part of the port's images. */
export function createImageStore(session: Session): ImageStore {
  const { transport } = session;
  return {
    list: async (options) =>
      fromImageList(await session.call(options, 'list images', (docker) => docker.listImages({}))),

    history: async (reference, options) =>
      fromHistory(
        await session.attempt(
          options,
          `ask for the history of image ${reference}`,
          async () => {
            const name = checkImageReference(reference);
            return transport.call(options, (docker) => docker.getImage(name).history());
          },
          NOT_HERE,
        ),
      ),

    tag: async (reference, target, options) => {
      await session.attempt(
        options,
        `name image ${reference} ${target}`,
        async () => {
          const name = checkImageReference(reference);
          const { name: repo, tag } = toPullTarget(target);
          await transport.call(options, (docker) => docker.getImage(name).tag({ repo, tag }));
        },
        NOT_HERE,
      );
    },

    remove: async (reference, options) => {
      await session.attempt(options, `remove image ${reference}`, async () => {
        const name = checkImageReference(reference);
        try {
          await transport.call(options, (docker) => docker.getImage(name).remove({}));
        } catch (cause) {
          if (statusOf(cause) !== 404) throw cause;
        }
      });
    },

    export: async (reference, options) => {
      const response = await session.attempt(
        options,
        `export image ${reference}`,
        async () => transport.open(options, `/images/${checkImageReference(reference)}/get`),
        NOT_HERE,
      );
      return readTar(session, response, `read image ${reference}`, options);
    },

    import: async (tar, options) => importImages(session, tar, options),
  };
}

async function importImages(
  session: Session,
  tar: AsyncIterable<Uint8Array>,
  options: CallOptions | undefined,
): Promise<readonly string[]> {
  const failure = (why: string, cause?: unknown): EngineError =>
    new EngineError('engine.failed', `Could not import images: ${oneLine(why)}.`, { cause });
  return sendTar(tar, options, async (body, call) =>
    session.attempt(options, 'import images', async () =>
      session.transport.call(
        call,
        (docker) => docker.loadImage(body, { _query: { quiet: 'true' } }),
        async (stream) => {
          const names: string[] = [];
          const events = readProgressStream(toBytes(stream), {
            brokeOff: failure,
            refused: (_code, text) => failure(text),
          });
          for await (const event of events) names.push(...loadedNames(event));
          return names;
        },
      ),
    ),
  );
}

/** The port's images over one engine. */
import { parseImageReference } from '../../base/image-reference.js';
import { ImageError, JobRuntimeError } from '../../errors.js';
import type { RegistryCredentials } from '../../secrets/types.js';
import type { CallOptions, EngineImages, ImageInfo } from '../types.js';
import { fromImageInspect } from './convert.js';
import { messageOf, statusOf } from './errors.js';
import { checkImageReference, toPullTarget } from './identifiers.js';
import { toPullError } from './pull-errors.js';
import { readPullStream } from './pull-stream.js';
import { serverOf } from './registry-auth.js';
import type { Session } from './session.js';

/** dockerode types a stream of bytes as one that may hold text. */
async function* toBytes(source: AsyncIterable<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

/** Credentials in Docker's words, as an option of dockerode; nothing where there are none. */
function authOf(
  reference: string,
  credentials: RegistryCredentials | undefined,
): { readonly authconfig?: object } {
  const parsed = parseImageReference(reference);
  if (credentials === undefined || !parsed.ok) return {};
  const serveraddress = serverOf(parsed.reference.host);
  return {
    authconfig:
      'identityToken' in credentials
        ? { identitytoken: credentials.identityToken, serveraddress }
        : { username: credentials.username, password: credentials.password, serveraddress },
  };
}

/** Makes the port's images. */
export function createImages(session: Session): EngineImages {
  const { transport } = session;

  const inspect = (reference: string, options: CallOptions | undefined): Promise<ImageInfo | null> =>
    session.attempt(options, `inspect image ${reference}`, async () => {
      checkImageReference(reference);
      try {
        return fromImageInspect(
          await transport.call(options, (docker) => docker.getImage(reference).inspect()),
        );
      } catch (cause) {
        if (statusOf(cause) === 404) return null;
        throw cause;
      }
    });

  return {
    inspect,

    pull: async (reference, options) => {
      const { name, tag } = toPullTarget(reference);
      const platform = options?.platform;
      const query = { fromImage: name, tag, ...(platform === undefined ? {} : { platform }) };
      const pulled = await session.attempt(options, `pull ${reference}`, async () => {
        try {
          return await transport.call(
            options,
            // In a header, never in the query.
            (docker) =>
              docker.createImage({ _query: query, _body: {}, ...authOf(reference, options?.credentials) }),
            (stream) => readPullStream(toBytes(stream), reference, options?.onProgress),
          );
        } catch (cause) {
          options?.signal?.throwIfAborted();
          const status = JobRuntimeError.isInstance(cause) ? null : statusOf(cause);
          throw status === null ? cause : toPullError(reference, status, messageOf(cause), cause);
        }
      });
      // A stream that ended well is not yet an image: some engines and proxies lose the last, failing line.
      if ((await inspect(reference, options)) === null) {
        throw new ImageError('image.pull_failed', `Pulling ${reference} ended, but the image is not there.`);
      }
      return pulled;
    },
  };
}

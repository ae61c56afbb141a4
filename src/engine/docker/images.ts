/** The port's images over one engine. */
import { parseImageReference } from '../../base/image-reference.js';
import { EngineError, ImageError, JobRuntimeError } from '../../errors.js';
import type { RegistryCredentials } from '../../secrets/types.js';
import type { CallOptions, EngineImages, ImageInfo } from '../types.js';
import { fromImageInspect } from './convert.js';
import { messageOf, statusOf } from './errors.js';
import { checkImageReference, toPullTarget } from './identifiers.js';
import { toObject, toText } from './json-fields.js';
import { toPullError, toPushError, toResolveError } from './pull-errors.js';
import { createImageBuild } from './image-build.js';
import { createImageStore, toBytes } from './image-store.js';
import { readPullStream, readPushStream } from './pull-stream.js';
import { serverOf } from './registry-auth.js';
import type { Session } from './session.js';

/** What a failed call to a registry was refused with, as the error it is; null for anything else. */
function refusalOf(
  cause: unknown,
  toRefusal: (status: number, text: string, cause: unknown) => Error,
): unknown {
  const status = JobRuntimeError.isInstance(cause) ? null : statusOf(cause);
  return status === null ? cause : toRefusal(status, messageOf(cause), cause);
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
          await transport.repeatable(options, (docker) => docker.getImage(reference).inspect()),
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
          throw refusalOf(cause, (status, text) => toPullError(reference, status, text, cause));
        }
      });
      // A stream that ended well is not yet an image: some engines and proxies lose the last, failing line.
      if ((await inspect(reference, options)) === null) {
        throw new ImageError('image.pull_failed', `Pulling ${reference} ended, but the image is not there.`);
      }
      return pulled;
    },

    push: async (reference, options) =>
      session.attempt(options, `push ${reference}`, async () => {
        const { name, tag } = toPullTarget(reference);
        // Engines tell of it in words only, in the middle of the stream.
        if ((await inspect(reference, options)) === null) throw notHere(reference);
        // Engines want the header also where there is nothing in it.
        const auth = { authconfig: {}, ...authOf(reference, options?.credentials) };
        try {
          return await transport.call(
            options,
            (docker) => docker.getImage(name).push({ _query: { tag }, _body: {}, ...auth }),
            (stream) => readPushStream(toBytes(stream), reference, options?.onProgress),
          );
        } catch (cause) {
          options?.signal?.throwIfAborted();
          throw refusalOf(cause, (status, text) => toPushError(reference, status, text, cause));
        }
      }),

    resolveDigest: async (reference, options) =>
      session.attempt(options, `ask for the digest of ${reference}`, async () => {
        const name = checkImageReference(reference);
        if ((await transport.dialect(options)) === 'podman') throw cannotResolve(reference);
        try {
          const answer = await transport.call(options, (docker) =>
            docker.getImage(name).distribution({ ...authOf(reference, options?.credentials) }),
          );
          const digest = toText(toObject(toObject(answer)['Descriptor'])['digest']);
          if (/^sha(256|384|512):[0-9a-f]+$/.test(digest)) return digest;
          throw new ImageError('image.pull_failed', `The engine gave no digest of ${reference}.`);
        } catch (cause) {
          options?.signal?.throwIfAborted();
          throw refusalOf(cause, (status, text) => toResolveError(reference, status, text, cause));
        }
      }),

    ...createImageStore(session),
    build: createImageBuild(session, inspect),
  };
}

const cannotResolve = (reference: string): EngineError =>
  new EngineError(
    'engine.unsupported',
    `Podman cannot ask for the digest of ${reference} without pulling it.`,
    { hint: 'pull it: inspect tells its repoDigests then' },
  );

const notHere = (reference: string): EngineError =>
  new EngineError('engine.image_not_found', `There is no image ${reference} to push.`);

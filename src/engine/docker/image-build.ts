/** Building an image on one engine: the context sent, its output read, a failure in the middle of it told as what it is. */
import { oneLine } from '../../base/one-line.js';
import { EngineError, ImageError } from '../../errors.js';
import type { RegistryCredentials } from '../../secrets/types.js';
import type { EngineImages } from '../types.js';
import { toBuildQuery } from './convert-images.js';
import { toBytes } from './image-store.js';
import { checkImageReference } from './identifiers.js';
import { toObject, toText, toTextOrNull } from './json-fields.js';
import { readProgressStream } from './pull-stream.js';
import { serverOf } from './registry-auth.js';
import type { Session } from './session.js';
import { sendTar } from './tar-body.js';

/** Docker and Podman number the steps in their own way; after the colon stands the instruction. */
const STEP = /^STEP (\d+)(?:\/\d+)?\s*:\s*(.+)/i;
const EXIT_CODE = /(?:returned a non-zero code:|exit status|exit code:?) (\d{1,3})\b/;

/** Makes that call of the port's images. */
export function createImageBuild(
  session: Session,
  inspect: EngineImages['inspect'],
): NonNullable<EngineImages['build']> {
  return async (context, options) => {
    const { tag, signal, onOutput } = options;
    checkImageReference(tag);
    let step: string | null = null;
    const failure = (code: number | null, text: string, cause?: unknown): ImageError => {
      const exitCode = code !== null && code > 0 && code < 256 ? code : exitCodeOf(text);
      const where = step === null ? '' : ` at ${oneLine(JSON.stringify(step))}`;
      return new ImageError(
        'image.build_failed',
        `Building ${tag} failed${where}: ${oneLine(text.trim()) || 'no reason given'}.`,
        {
          cause,
          details: { step: step === null ? null : oneLine(step), exitCode },
        },
      );
    };
    const id = await sendTar(context, options, async (body, call) =>
      session.attempt(options, `build ${tag}`, async () => {
        const query = toBuildQuery(options, await session.transport.dialect(call));
        return session.transport.call(
          call,
          (docker) =>
            docker.buildImage(body, {
              _query: query,
              ...registryConfig(options.credentials),
            }),
          async (stream) => {
            let found: string | null = null;
            const events = readProgressStream(toBytes(stream), {
              brokeOff: (why, cause) => failure(null, why, cause),
              refused: failure,
            });
            for await (const event of events) {
              const text =
                toText(event['stream']) || progressText(toText(event['status']), toText(event['id']));
              for (const line of text.split('\n')) step = STEP.exec(line.trim())?.[2]?.slice(0, 200) ?? step;
              found = toTextOrNull(toObject(event['aux'])['ID']) ?? found;
              if (text !== '') onOutput?.(text);
            }
            return found;
          },
        );
      }),
    );
    // A stream that ended well is not yet an image.
    const built = await inspect(id ?? tag, { signal });
    if (built !== null) return built;
    throw new EngineError('engine.failed', `Building ${tag} ended, but the image is not there.`);
  };
}

const progressText = (status: string, layer: string): string =>
  status === '' ? '' : `${layer === '' ? '' : `${layer}: `}${status}\n`;

function exitCodeOf(text: string): number | null {
  const code = EXIT_CODE.exec(text)?.[1];
  return code === undefined ? null : Number(code);
}

/** In a header, by the server of each registry. */
function registryConfig(credentials: Readonly<Record<string, RegistryCredentials>>): {
  readonly registryconfig?: object;
} {
  const entries = Object.entries(credentials).map(([registry, each]) => [
    serverOf(registry),
    'identityToken' in each
      ? { identitytoken: each.identityToken }
      : { username: each.username, password: each.password },
  ]);
  return entries.length === 0 ? {} : { registryconfig: Object.fromEntries(entries) as object };
}

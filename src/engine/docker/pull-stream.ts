/** Reading the progress of a pull: lines of JSON, in which a failure may hide behind a success status. Opens nothing. */
import { ImageError } from '../../errors.js';
import type { PullProgress } from '../types.js';
import { MAX_LINE_BYTES, readLines } from './lines.js';
import { toNumberOrNull, toObject, toText, toTextOrNull, type JsonObject } from './json-fields.js';

const failed = (reference: string, why: string, cause?: unknown): ImageError =>
  new ImageError('image.pull_failed', `Pulling ${reference} failed: ${why}.`, { cause });

/**
 * The error of a failed pull. Engines answer most failures of a registry with status 500, so the status decides only where it
 * says something (404, 401, 403), and the text the rest; what is not known is `image.pull_failed`.
 */
export function toPullError(
  reference: string,
  status: number | null,
  text: string,
  cause?: unknown,
): ImageError {
  const details = status === null ? {} : { statusCode: status };
  const message = `Pulling ${reference} failed: ${text || 'no reason given'}.`;
  if (/toomanyrequests|too many requests|rate limit/i.test(text) || status === 429) {
    const hint =
      'The registry limits how often images are pulled: wait, log in, use a mirror, or pull policy `ifNotPresent`.';
    return new ImageError('image.pull_failed', message, { cause, hint, details });
  }
  if (status === 401 || status === 403 || /unauthorized|no basic auth|authentication required/i.test(text)) {
    return new ImageError('image.unauthorized', message, {
      cause,
      hint: 'The registry wants credentials, or these are not enough for this image.',
      details,
    });
  }
  if (status === 404 || /manifest unknown|name unknown|not found: |repository does not exist/i.test(text)) {
    return new ImageError('image.not_found', message, {
      cause,
      hint: 'Check the name and the tag; a registry may also hide an image from those who are not logged in.',
      details,
    });
  }
  if (/no matching manifest|does not match the specified platform/i.test(text)) {
    const hint = 'The image is not published for this platform.';
    return new ImageError('image.not_found', message, { cause, hint, details });
  }
  return new ImageError('image.pull_failed', message, { cause, details });
}

/** Tells a failure of the source apart from one of whoever reads. */
async function* nameFailure(
  source: AsyncIterable<Uint8Array>,
  name: (cause: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (cause) {
    throw name(cause);
  }
}

const parseLine = (line: Uint8Array, broken: (cause: unknown) => Error): JsonObject | null => {
  const text = new TextDecoder().decode(line).trim();
  if (text === '') return null;
  try {
    return toObject(JSON.parse(text));
  } catch (cause) {
    throw broken(cause);
  }
};

const toProgress = (event: JsonObject): PullProgress => {
  const progress = toObject(event['progressDetail']);
  return {
    layer: toTextOrNull(event['id']),
    status: toText(event['status']),
    currentBytes: toNumberOrNull(progress['current']),
    totalBytes: toNumberOrNull(progress['total']),
  };
};

const errorTextOf = (event: JsonObject): string | null => {
  const detail = toTextOrNull(toObject(event['errorDetail'])['message']);
  if (detail !== null) return detail;
  if (event['error'] === undefined && event['errorDetail'] === undefined) return null;
  return toText(event['error']);
};

/**
 * Reads a pull to its end. That it returns means the stream ended cleanly without an error in it, not that the image is there.
 * @throws `image.not_found`, `image.unauthorized`, `image.pull_failed` for an error in the stream;
 * `image.pull_failed` for a stream that breaks off or holds something else than lines of JSON.
 */
export async function readPullStream(
  source: AsyncIterable<Uint8Array>,
  reference: string,
  onProgress?: (progress: PullProgress) => void,
): Promise<void> {
  const brokeOff = (cause: unknown) => failed(reference, 'the engine’s answer broke off', cause);
  const tooLong = () => failed(reference, `the engine sent a line of more than ${MAX_LINE_BYTES} bytes`);
  for await (const line of readLines(nameFailure(source, brokeOff), tooLong)) {
    const event = parseLine(line, brokeOff);
    if (event === null) continue;
    const text = errorTextOf(event);
    if (text !== null) {
      const code = toNumberOrNull(toObject(event['errorDetail'])['code']);
      throw toPullError(reference, code, text);
    }
    onProgress?.(toProgress(event));
  }
}

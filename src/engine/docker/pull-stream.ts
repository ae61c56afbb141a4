/** Reading the progress of pulls, pushes and the like: lines of JSON, in which a failure may hide behind a success status. Opens nothing. */
import { ImageError } from '../../errors.js';
import type { PulledImage, PullProgress, PushedImage } from '../types.js';
import { MAX_LINE_BYTES, readLines } from './lines.js';
import { toNumberOrNull, toObject, toText, toTextOrNull, type JsonObject } from './json-fields.js';
import { toPullError, toPushError } from './pull-errors.js';

/** In these words Docker says, at the end, what it brought. */
const DIGEST = /^Digest: (sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

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

/** How failures of a stream are said. */
export interface StreamWords {
  /** The source failed, or ended in the middle. */
  brokeOff(why: string, cause?: unknown): Error;
  /** A line tells of a failure; `code` is what the engine calls it, usually a status. */
  refused(code: number | null, text: string): Error;
}

/**
 * Reads what an engine tells of something long, line by line.
 * @throws what `words` make of an error in the stream, of a stream that breaks off or holds something else than lines of JSON.
 */
export async function* readProgressStream(
  source: AsyncIterable<Uint8Array>,
  words: StreamWords,
): AsyncGenerator<JsonObject> {
  const brokeOff = (cause: unknown) => words.brokeOff('the engine’s answer broke off', cause);
  const tooLong = () => words.brokeOff(`the engine sent a line of more than ${MAX_LINE_BYTES} bytes`);
  for await (const line of readLines(nameFailure(source, brokeOff), tooLong)) {
    const event = parseLine(line, brokeOff);
    if (event === null) continue;
    const text = errorTextOf(event);
    if (text !== null) throw words.refused(toNumberOrNull(toObject(event['errorDetail'])['code']), text);
    yield event;
  }
}

const brokenTransfer =
  (code: 'image.pull_failed' | 'image.push_failed', doing: string) =>
  (why: string, cause?: unknown): ImageError =>
    new ImageError(code, `${doing} failed: ${why}.`, { cause, details: { reason: 'no_answer' } });

/**
 * Reads a pull to its end. That it returns means the stream ended cleanly without an error in it, not that the image is there.
 * @throws what {@link toPullError} makes of an error in the stream; `image.pull_failed` for
 * a stream that breaks off or holds something else than lines of JSON.
 */
export async function readPullStream(
  source: AsyncIterable<Uint8Array>,
  reference: string,
  onProgress?: (progress: PullProgress) => void,
): Promise<PulledImage> {
  let digest: string | null = null;
  const events = readProgressStream(source, {
    brokeOff: brokenTransfer('image.pull_failed', `Pulling ${reference}`),
    refused: (code, text) => toPullError(reference, code, text),
  });
  for await (const event of events) {
    const progress = toProgress(event);
    digest = DIGEST.exec(progress.status)?.[1] ?? digest;
    onProgress?.(progress);
  }
  return { digest };
}

/**
 * Reads a push to its end.
 * @throws as {@link readPullStream}, with `image.push_failed`.
 */
export async function readPushStream(
  source: AsyncIterable<Uint8Array>,
  reference: string,
  onProgress?: (progress: PullProgress) => void,
): Promise<PushedImage> {
  let digest: string | null = null;
  const events = readProgressStream(source, {
    brokeOff: brokenTransfer('image.push_failed', `Pushing ${reference}`),
    refused: (code, text) => toPushError(reference, code, text),
  });
  for await (const event of events) {
    digest = toTextOrNull(toObject(event['aux'])['Digest']) ?? digest;
    if (event['status'] !== undefined) onProgress?.(toProgress(event));
  }
  return { digest };
}

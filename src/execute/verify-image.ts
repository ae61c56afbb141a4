/** Asks the operator's own check about an image before a container is made of it. Whatever is not a clear yes is a no. */
import { ImageError } from '../errors.js';
import { withDeadline } from './deadline.js';

/** An image about to be used. */
export interface ImageToVerify {
  /** As the job names it. */
  readonly reference: string;
  /** `sha256:…` under which its registry knows it; null for one that was built or loaded on the engine. */
  readonly digest: string | null;
  /** `sha256:…` of its configuration: of exactly this image the container will be made. */
  readonly imageId: string;
  /** Aborted when the run is over, or the check takes too long. */
  readonly signal: AbortSignal;
}

/** What a check says. */
export type ImageVerdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * Says whether an image may be used, for example because its signature is one of yours. Asked for each attempt after the image is there, pulled or
 * not; what it throws, and whatever is not `{ ok: true }`, keeps the run from having a container.
 */
export type ImageVerifier = (image: ImageToVerify) => Promise<ImageVerdict>;

/** How long a check may take. */
const VERIFY_MS = 60_000;

/**
 * Asks; returns only if the answer is yes.
 *
 * @throws `image.rejected` for a no, `image.verification_failed` for anything but an answer.
 */
export async function verifyImage(
  verifier: ImageVerifier,
  image: Omit<ImageToVerify, 'signal'>,
  signal: AbortSignal,
): Promise<void> {
  const verdict: unknown = await askVerifier(verifier, image, signal);
  const answer = typeof verdict === 'object' && verdict !== null ? verdict : {};
  const ok: unknown = Reflect.get(answer, 'ok');
  const name = `${image.reference} (${image.digest ?? image.imageId})`;
  if (ok === true) return;
  if (ok !== false) {
    throw new ImageError(
      'image.verification_failed',
      `verifyImage gave no verdict on ${name}; { ok: true } or { ok: false, reason } is allowed`,
    );
  }
  const reason: unknown = Reflect.get(answer, 'reason');
  throw new ImageError(
    'image.rejected',
    `the image ${name} was rejected: ${typeof reason === 'string' ? reason : 'no reason given'}`,
    { hint: 'use another image, or ask the operator why this one is not accepted' },
  );
}

async function askVerifier(
  verifier: ImageVerifier,
  image: Omit<ImageToVerify, 'signal'>,
  signal: AbortSignal,
): Promise<unknown> {
  const onTimeout = (): Error =>
    new ImageError(
      'image.verification_failed',
      `verifyImage gave no verdict on ${image.reference} within ${String(VERIFY_MS)} ms`,
    );
  try {
    return await withDeadline({ timeoutMs: VERIFY_MS, signal, onTimeout }, async (inner) =>
      verifier(Object.freeze({ ...image, signal: inner })),
    );
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ImageError && cause.code === 'image.verification_failed') throw cause;
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new ImageError('image.verification_failed', `verifyImage failed on ${image.reference}: ${words}`, {
      cause,
    });
  }
}

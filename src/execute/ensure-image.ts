/** Makes sure that the judged image is there, going by its pull policies in their order. It runs no check of the operator's. */
import { parseImageReference } from '../base/image-reference.js';
import { isForPlatform, platformText } from '../base/platform.js';
import type { ContainerEngine, ImageInfo, PulledImage, PullProgress } from '../engine/types.js';
import { ImageError } from '../errors.js';
import type { RunPlan } from '../plan/run-plan.js';
import { engineCall } from './engine-call.js';
import type { ImagePulls } from './image-pulls.js';
import { areSame, type FoundCredentials } from './registry-auth.js';

/** What getting an image needs. */
export interface EnsureImageOptions {
  readonly engine: ContainerEngine;
  readonly pulls: ImagePulls;
  readonly image: RunPlan['image'];
  /** How long it may take to pull it, logging in included. */
  readonly pullMs: number;
  readonly signal: AbortSignal;
  /** Finds what the registry is logged in to with; `renew`: it refused what was found before. */
  readonly credentials: (renew: boolean) => Promise<FoundCredentials | null>;
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic: () => number;
  readonly onPullStart: () => void;
  readonly onProgress: (progress: PullProgress) => void;
  /** A policy brought nothing, and the next one is gone by. */
  readonly onFallback: (message: string) => void;
}

/** An image that is there. */
export interface EnsuredImage {
  readonly info: ImageInfo;
  /** `sha256:…` under which the registry knows it; null for an image that came from none. */
  readonly digest: string | null;
  readonly pulled: boolean;
}

/**
 * Goes through the policies until one brings the image. A reference with a digest is taken by its digest alone, because old engines ignore a tag beside
 * it, and what was pulled by the digest the pull told of, so that a tag that is moved meanwhile changes nothing.
 *
 * @throws `image.not_found`, `image.unauthorized`, `image.pull_failed`, `image.pull_timed_out`, `image.platform_mismatch`, `image.digest_mismatch`: of the
 * first policy that failed.
 */
export async function ensureImage(options: EnsureImageOptions): Promise<EnsuredImage> {
  const { image, onFallback } = options;
  const { reference, pullPolicies } = image;
  const pull = oncePulled(options);
  let first: ImageError | null = null;
  for (const [index, policy] of pullPolicies.entries()) {
    try {
      const local = policy === 'always' ? null : await lookUp(options, engineReference(reference));
      if (local !== null && (policy === 'never' || isRightPlatform(image, local))) {
        return { ...checked(image, local, null), pulled: false };
      }
      if (policy === 'never') throw notHere(reference);
      const { info, digest } = await pull();
      return { ...checked(image, info, digest), pulled: true };
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      first ??= error;
      const next = pullPolicies[index + 1];
      if (next !== undefined) {
        onFallback(
          `pull policy "${policy}" brought no image, going on with "${next}": ${error.code}: ${error.message}`,
        );
      }
    }
  }
  throw first ?? notHere(reference);
}

function notHere(reference: string): ImageError {
  return new ImageError(
    'image.not_found',
    `the image ${reference} is not here, and pull policy "never" pulls none`,
    { hint: 'pull it beforehand, or use another pull policy' },
  );
}

async function lookUp({ engine, signal }: EnsureImageOptions, reference: string): Promise<ImageInfo | null> {
  return engineCall('image inspect', signal, (callSignal) =>
    engine.images.inspect(reference, { signal: callSignal }),
  );
}

/** Pulls when it is first called; what failed is not tried again under another policy. */
function oncePulled(options: EnsureImageOptions): () => Promise<PulledInfo> {
  let pulling: Promise<PulledInfo> | null = null;
  return async () => (pulling ??= pullImage(options));
}

interface PulledInfo extends PulledImage {
  readonly info: ImageInfo;
}

async function pullImage(options: EnsureImageOptions): Promise<PulledInfo> {
  const reference = engineReference(options.image.reference);
  options.onPullStart();
  const { digest } = await pullLoggedIn(options, reference);
  const name = digest === null ? reference : withDigest(reference, digest);
  const info = await lookUp(options, name);
  if (info !== null) return { info, digest };
  throw new ImageError('image.not_found', `the image ${name} was pulled, but the engine does not have it`);
}

/** Logs in once more where the registry refuses what may have been good before: tokens expire. */
async function pullLoggedIn(options: EnsureImageOptions, reference: string): Promise<PulledImage> {
  const { engine, pulls, image, pullMs, signal, onProgress, monotonic } = options;
  const endsAt = monotonic() + pullMs;
  const pullWith = async (found: FoundCredentials | null): Promise<PulledImage> =>
    pulls.pull({
      engine,
      reference,
      platform: image.platform,
      credentials: found?.credentials ?? null,
      timeoutMs: pullMs,
      leftMs: Math.max(1, Math.ceil(endsAt - monotonic())),
      signal,
      onProgress,
    });
  const first = await options.credentials(false);
  try {
    return await pullWith(first);
  } catch (error) {
    const isRefused = error instanceof ImageError && error.code === 'image.unauthorized';
    if (!isRefused || first?.isRenewable !== true) throw error;
    const second = await options.credentials(true);
    if (second === null || areSame(first.credentials, second.credentials)) throw error;
    return pullWith(second);
  }
}

function isRightPlatform({ platform }: RunPlan['image'], info: ImageInfo): boolean {
  return platform === null || isForPlatform(info, platform);
}

/** The image with its digest, if it is the one that was asked for. */
function checked(
  image: RunPlan['image'],
  info: ImageInfo,
  pulled: string | null,
): Omit<EnsuredImage, 'pulled'> {
  const { reference, platform } = image;
  if (!isRightPlatform(image, info)) {
    throw new ImageError(
      'image.platform_mismatch',
      `the image ${reference} is for ${platformText(info)}, and ${platform ?? 'any'} was asked for`,
      { hint: 'publish it for this platform, or ask for another one' },
    );
  }
  const wanted = parseImageReference(reference);
  const digests = digestsOf(info, reference);
  const asked = wanted.ok ? wanted.reference.digest : null;
  const expected = asked ?? pulled;
  if (expected !== null && (!digests.includes(expected) || (pulled ?? expected) !== expected)) {
    const known = digests.join(', ') || 'no digest';
    throw new ImageError(
      'image.digest_mismatch',
      `the image for ${reference} should have digest ${expected}; the engine knows it by ${known}`,
    );
  }
  return { info, digest: expected ?? digests[0] ?? null };
}

/** By its digest alone, where it has one. */
function engineReference(text: string): string {
  const parsed = parseImageReference(text);
  return parsed.ok && parsed.reference.digest !== null ? withDigest(text, parsed.reference.digest) : text;
}

function withDigest(text: string, digest: string): string {
  const parsed = parseImageReference(text);
  return parsed.ok ? `${parsed.reference.host}/${parsed.reference.path}@${digest}` : text;
}

/** Under which the repository of the reference knows the image. */
function digestsOf(info: ImageInfo, reference: string): readonly string[] {
  const wanted = parseImageReference(reference);
  return info.repoDigests.flatMap((repoDigest) => {
    const known = parseImageReference(repoDigest);
    if (!wanted.ok || !known.ok || known.reference.digest === null) return [];
    const { host, path, digest } = known.reference;
    return host === wanted.reference.host && path === wanted.reference.path ? [digest] : [];
  });
}

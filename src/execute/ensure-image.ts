/** Makes sure that the judged image is there, pulling it where the plan says so. */
import { parseImageReference } from '../base/image-reference.js';
import type { ContainerEngine, ImageInfo, PullProgress } from '../engine/types.js';
import { ImageError } from '../errors.js';
import type { RunPlan } from '../plan/run-plan.js';
import { withDeadline } from './deadline.js';
import { engineCall } from './engine-call.js';

/** What getting an image needs. */
export interface EnsureImageOptions {
  readonly engine: ContainerEngine;
  readonly plan: RunPlan;
  readonly signal: AbortSignal;
  readonly onPullStart: () => void;
  readonly onProgress: (progress: PullProgress) => void;
}

/** An image that is there. */
export interface EnsuredImage {
  readonly info: ImageInfo;
  /** `sha256:…` under which the registry knows it; null for an image that came from none. */
  readonly digest: string | null;
  readonly pulled: boolean;
}

/**
 * Inspects, pulls if the policy of the plan demands it, and inspects again. A reference with a digest is taken by its digest alone, because old
 * engines ignore a tag beside it.
 *
 * @throws `image.not_found`, `image.unauthorized`, `image.pull_failed`, `image.pull_timed_out`.
 */
export async function ensureImage(options: EnsureImageOptions): Promise<EnsuredImage> {
  const { engine, plan, signal } = options;
  const reference = engineReference(plan.image.reference);
  const inspect = async (): Promise<ImageInfo | null> =>
    engineCall('image inspect', signal, (callSignal) =>
      engine.images.inspect(reference, { signal: callSignal }),
    );

  if (plan.image.pullPolicy === 'ifNotPresent') {
    const info = await inspect();
    if (info !== null) return { info, digest: digestOf(info, reference), pulled: false };
  }
  options.onPullStart();
  const onTimeout = (): Error =>
    new ImageError(
      'image.pull_timed_out',
      `pulling ${reference} took longer than ${String(plan.timeouts.pullMs)} ms`,
      {
        hint: 'raise timeouts.default.pullMs, or pull the image beforehand',
      },
    );
  await withDeadline({ timeoutMs: plan.timeouts.pullMs, signal, onTimeout }, async (pullSignal) =>
    engine.images.pull(reference, {
      signal: pullSignal,
      onProgress: options.onProgress,
      platform: plan.image.platform ?? undefined,
    }),
  );
  const info = await inspect();
  if (info === null) {
    throw new ImageError(
      'image.not_found',
      `the image ${reference} was pulled, but the engine does not have it`,
    );
  }
  return { info, digest: digestOf(info, reference), pulled: true };
}

function engineReference(text: string): string {
  const parsed = parseImageReference(text);
  if (!parsed.ok || parsed.reference.digest === null) return text;
  const { host, path, digest } = parsed.reference;
  return `${host}/${path}@${digest}`;
}

function digestOf(info: ImageInfo, reference: string): string | null {
  const wanted = parseImageReference(reference);
  for (const repoDigest of info.repoDigests) {
    const known = parseImageReference(repoDigest);
    if (!wanted.ok || !known.ok) continue;
    const same =
      known.reference.host === wanted.reference.host && known.reference.path === wanted.reference.path;
    if (same) return known.reference.digest;
  }
  return null;
}

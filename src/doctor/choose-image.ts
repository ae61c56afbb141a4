/** Which images an examination may make containers of: what it was told, else small ones that are there and that policy allows. It pulls none. */
import type { ContainerEngine, ImageInfo, ImageSummary } from '../engine/types.js';
import { engineCall } from '../execute/engine-call.js';
import { type ImageVerifier, verifyImage } from '../execute/verify-image.js';
import { repositoryOf } from '../images/image-names.js';
import type { Policy } from '../policy/policy.js';
import { evaluateImagePolicy } from '../policy/rules/image.js';
import type { DoctorImage } from './report.js';

/** What the choice depends on. */
export interface ImageChoice {
  readonly engine: ContainerEngine;
  /** Asked for; null: chosen here. */
  readonly reference: string | null;
  readonly policy: Pick<Policy, 'images'>;
  readonly verifier: ImageVerifier | undefined;
  readonly signal: AbortSignal;
}

/** Images to try in this order, or why there is none. */
export type ImageCandidates =
  | { readonly found: true; readonly images: readonly DoctorImage[] }
  | { readonly found: false; readonly problem: string };

/** Some of the smallest may have no shell. */
const MOST_TRIED = 4;

/**
 * Finds them.
 *
 * @throws what the engine throws when it is asked for its images; the signal's reason.
 */
export async function findImages(choice: ImageChoice): Promise<ImageCandidates> {
  const { reference } = choice;
  return reference === null ? findAllowed(choice) : findNamed(choice, reference);
}

async function findNamed(choice: ImageChoice, reference: string): Promise<ImageCandidates> {
  const info = await inspect(choice, reference);
  if (info === null) {
    return { found: false, problem: `the image ${reference} is not there; it has to be pulled first` };
  }
  const problem = await objection(choice, reference, info);
  if (problem !== null) return { found: false, problem };
  return { found: true, images: [{ reference, id: info.id }] };
}

async function findAllowed(choice: ImageChoice): Promise<ImageCandidates> {
  const { engine, policy, signal } = choice;
  const { images: stored } = engine;
  if (stored.list === undefined) {
    return { found: false, problem: 'the engine does not list its images; name one that is there' };
  }
  const listed = await engineCall('list images', signal, async (callSignal) =>
    stored.list?.({ signal: callSignal }),
  );
  const allowed = (listed ?? [])
    .flatMap((image) => {
      const reference = allowedName(image, policy);
      return reference === null ? [] : [{ reference, image }];
    })
    .sort((one, other) => one.image.sizeBytes - other.image.sizeBytes);
  const images: DoctorImage[] = [];
  const problems: string[] = [];
  for (const { reference } of allowed.slice(0, MOST_TRIED)) {
    const info = await inspect(choice, reference);
    // It went meanwhile.
    if (info === null) continue;
    const problem = await objection(choice, reference, info);
    if (problem === null) images.push({ reference, id: info.id });
    else problems.push(problem);
  }
  if (images.length > 0) return { found: true, images };
  const why = problems[0] ?? 'no image that policy allows is there; pull one, or name another';
  return { found: false, problem: why };
}

/** A name under which policy lets the image run; null if there is none. */
function allowedName(
  { repoTags, repoDigests }: ImageSummary,
  { images }: Pick<Policy, 'images'>,
): string | null {
  const names = images.requireDigest ? repoDigests : [...repoTags, ...repoDigests];
  return names.find((name) => evaluateImagePolicy(name, images).allowed) ?? null;
}

async function inspect({ engine, signal }: ImageChoice, reference: string): Promise<ImageInfo | null> {
  return engineCall('inspect image', signal, async (callSignal) =>
    engine.images.inspect(reference, { signal: callSignal }),
  );
}

/** Why no container is made of it; null: one may be. */
async function objection(
  { verifier, signal }: ImageChoice,
  reference: string,
  info: ImageInfo,
): Promise<string | null> {
  if (info.operatingSystem !== 'linux') return `the image ${reference} is not for Linux`;
  if (verifier === undefined) return null;
  const repository = repositoryOf(reference);
  const known = info.repoDigests.find((each) => repositoryOf(each) === repository);
  const digest = known?.split('@')[1] ?? null;
  try {
    await verifyImage(verifier, { reference, digest, imageId: info.id }, signal);
    return null;
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}

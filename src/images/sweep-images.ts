/** One look at the images a runtime pulled: those that are to go are removed, the others are accounted for. It decides nothing by itself. */
import type { ContainerEngine, EngineImages } from '../engine/types.js';
import { EngineError, JobRuntimeError } from '../errors.js';
import { withDeadline } from '../execute/deadline.js';
import { engineCall } from '../execute/engine-call.js';
import type { ImageGcReport, KeptImage, RemovedImage } from './gc-report.js';
import type { ImageClaims } from './image-claims.js';
import { hasOtherName, repositoryOf } from './image-names.js';
import { type Hindrance, type ImageBounds, judgeImages, type PulledCandidate } from './judge-images.js';
import type { PulledImages } from './pulled-images.js';

/** What a look needs. */
export interface SweepOptions {
  readonly engine: ContainerEngine;
  readonly pulled: PulledImages;
  readonly claims: ImageClaims;
  readonly bounds: ImageBounds;
  readonly nowMs: number;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  /** Each, as soon as it is gone. */
  readonly onRemoved: (image: RemovedImage) => void;
}

/** An image as it is found now. */
interface Candidate extends PulledCandidate {
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly problem: string | null;
}

type Calls = Required<Pick<EngineImages, 'list' | 'remove'>>;

/** Less than others wait for a removal. */
const REMOVE_MS = 90_000;

/**
 * Removes what is to go, one after the other; one that turns out to be used stays, and the next one goes in its place.
 *
 * @throws `engine.unsupported` for an engine that cannot list or remove images; `engine.unreachable`; what keeps the memory of pulls from being read.
 */
export async function sweepImages(options: SweepOptions): Promise<ImageGcReport> {
  const { engine, bounds, nowMs, dryRun, signal, onRemoved } = options;
  const calls = requireCalls(engine);
  const removed: RemovedImage[] = [];
  let candidates = await look(options, calls);
  for (;;) {
    const judged = judgeImages(candidates, bounds, nowMs);
    const next = judged.find((each) => each.goes);
    if (next === undefined) {
      const kept = judged.flatMap((each): readonly KeptImage[] =>
        each.goes ? [] : [{ ...described(each.image), why: each.why, problem: each.image.problem }],
      );
      return { dryRun, removed, kept };
    }
    const { image, why } = next;
    const standing = dryRun ? null : await removeOne(options, calls, image);
    candidates = candidates.flatMap((each) => {
      if (each.id !== image.id) return [each];
      return standing === null ? [] : [{ ...each, ...standing }];
    });
    if (standing !== null) continue;
    const gone = { ...described(image), why };
    removed.push(gone);
    if (!dryRun) onRemoved(gone);
    signal.throwIfAborted();
  }
}

function described({ id, references, sizeBytes, lastUsedAtMs }: Candidate): Omit<RemovedImage, 'why'> {
  return { id, references, sizeBytes, lastUsedAt: new Date(lastUsedAtMs).toISOString() };
}

function requireCalls({ name, images }: ContainerEngine): Calls {
  const list = images.list?.bind(images);
  const remove = images.remove?.bind(images);
  if (list !== undefined && remove !== undefined) return { list, remove };
  throw new EngineError(
    'engine.unsupported',
    `engine "${name}" has no images.${list === undefined ? 'list' : 'remove'}`,
  );
}

/**
 * In this order: what is remembered was there when it was written down, so what is not listed after that is gone; and whoever holds nothing any
 * more has its container already.
 */
async function look(
  { engine, pulled, claims, dryRun, signal }: SweepOptions,
  { list }: Calls,
): Promise<readonly Candidate[]> {
  const isHeld = await claims.held();
  const remembered = await pulled.list();
  if (remembered.length === 0) return [];
  const images = new Map(
    (await engineCall('image list', signal, async (inner) => list({ signal: inner }))).map((image) => [
      image.id,
      image,
    ]),
  );
  const containers = await engineCall('list', signal, async (inner) =>
    engine.containers.list({}, { signal: inner }),
  );
  const used = new Set(containers.map(({ imageId }) => imageId));
  const found: Candidate[] = [];
  for (const image of remembered) {
    const there = images.get(image.id);
    if (there === undefined) {
      if (!dryRun) await pulled.forget(image);
      continue;
    }
    const { sizeBytes, repoTags, repoDigests } = there;
    const repositories = [...image.references, ...repoTags, ...repoDigests].map(repositoryOf);
    const hindrance = ((): Hindrance | null => {
      if (used.has(image.id)) return 'used_by_container';
      if (hasOtherName(there, image.references)) return 'named_by_others';
      return repositories.some(isHeld) ? 'about_to_run' : null;
    })();
    found.push({ ...image, sizeBytes, repoTags, repoDigests, hindrance, problem: null });
  }
  return found;
}

/** Null: it is gone. Otherwise why it is still there. */
async function removeOne(
  options: SweepOptions,
  calls: Calls,
  image: Candidate,
): Promise<Pick<Candidate, 'hindrance' | 'problem'> | null> {
  const { claims, pulled, signal } = options;
  try {
    return await claims.whileRemoving(async () => {
      // Again, now that whoever wants it waits: what was seen before may be over.
      const now = (await look(options, calls)).find(({ id }) => id === image.id);
      if (now === undefined) return null;
      if (now.hindrance !== null) return now;
      if (now.lastUsedAtMs > image.lastUsedAtMs) return { hindrance: 'about_to_run', problem: null };
      const onTimeout = (): Error =>
        new EngineError('engine.unreachable', 'the image was not removed in time');
      const isGone = await withDeadline({ timeoutMs: REMOVE_MS, signal, onTimeout }, async (inner) =>
        removeByNames(options.engine, calls, now, inner),
      );
      if (!isGone) return { hindrance: 'named_by_others', problem: null };
      await pulled.forget(now);
      return null;
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!JobRuntimeError.isInstance(error) || error.code === 'engine.unreachable') throw error;
    return { hindrance: 'removal_failed', problem: error.message };
  }
}

/** Name by name, never by force: a name that somebody gave it meanwhile stays, and the image with it. */
async function removeByNames(
  { images }: ContainerEngine,
  { remove }: Calls,
  { id, repoTags, repoDigests }: Candidate,
  signal: AbortSignal,
): Promise<boolean> {
  for (const name of [...repoTags, ...repoDigests]) await remove(name, { signal });
  const left = await images.inspect(id, { signal });
  if (left === null) return true;
  if (left.repoTags.length + left.repoDigests.length > 0) return false;
  await remove(id, { signal });
  return true;
}

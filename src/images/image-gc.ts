/** Keeps the images a runtime pulled within their bounds: knows what it pulled, what runs hold, and sweeps when it is told to. It has no timer. */
import { join } from 'node:path';
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { ContainerEngine, ImageSummary, PulledImage } from '../engine/types.js';
import { engineCall } from '../execute/engine-call.js';
import type { PullRequest } from '../execute/image-pulls.js';
import type { ImageGcReport, RemovedImage } from './gc-report.js';
import { createImageClaims } from './image-claims.js';
import { normalName, repositoryOf } from './image-names.js';
import { createPulledImages } from './pulled-images.js';
import { sweepImages } from './sweep-images.js';

/** An image that is not removed while it is held. */
export interface HeldImage {
  /** It is the one that was chosen: it counts as used now. Never rejects. */
  used(imageId: string): Promise<void>;
  /** Never rejects. */
  release(): Promise<void>;
}

/** What is held, and for how long at most. */
interface HoldRequest {
  readonly reference: string;
  /** Until a container is made of it. */
  readonly forMs: number;
  readonly signal: AbortSignal;
  /** It is not held, or not noted as used: it may be removed in spite of that. */
  readonly onProblem: (message: string) => void;
}

/** The images of one runtime. */
export interface ImageGc {
  /**
   * Before an image is looked for.
   *
   * @throws the signal's reason, and nothing else.
   */
  hold(request: HoldRequest): Promise<HeldImage>;
  /** Runs a pull, and remembers the image if it was not there before. */
  witness(request: PullRequest, signal: AbortSignal, pull: () => Promise<PulledImage>): Promise<PulledImage>;
  /**
   * Looks once, one look after the other.
   *
   * @throws as `sweepImages`.
   */
  collect(dryRun: boolean, signal: AbortSignal): Promise<ImageGcReport>;
}

/** What that is made of. */
export interface ImageGcParts {
  readonly bounds: RuntimeConfig['images']['gc'];
  readonly stateDir: string;
  readonly instance: string;
  readonly engine: () => Promise<ContainerEngine>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onRemoved: (image: RemovedImage) => void;
  /** An image was pulled that was not there before. */
  readonly onFetched: () => void;
  /** One could not be remembered: it will stay. */
  readonly onProblem: (error: unknown) => void;
}

const NOT_HELD: HeldImage = { used: async () => Promise.resolve(), release: async () => Promise.resolve() };

/** Where nothing is ever removed, nothing is remembered either. */
export const NO_IMAGE_GC: ImageGc = {
  hold: async () => Promise.resolve(NOT_HELD),
  witness: async (_request, _signal, pull) => pull(),
  collect: async (dryRun) => Promise.resolve({ dryRun, removed: [], kept: [] }),
};

/** Reads and writes nothing before it is used. */
export function createImageGc({ bounds, stateDir, instance, engine, now, ...told }: ImageGcParts): ImageGc {
  const pulled = createPulledImages({ folder: join(stateDir, 'images', 'pulled'), instance, now });
  const claims = createImageClaims(join(stateDir, 'images', 'claims'), now);
  let last: Promise<unknown> = Promise.resolve();

  return {
    async hold({ reference, forMs, signal, onProblem }) {
      const problem = (error: unknown): void => {
        onProblem(`images.gc may remove ${reference} before it is run: ${textOf(error)}`);
      };
      let release: () => Promise<void>;
      try {
        release = await claims.hold(repositoryOf(reference), forMs, signal);
      } catch (error) {
        signal.throwIfAborted();
        problem(error);
        return NOT_HELD;
      }
      return {
        used: async (imageId) => pulled.noteUse(imageId).catch(problem),
        // One that stays is over when its time is.
        release: async () => release().catch(() => undefined),
      };
    },
    async witness(request, signal, pull) {
      const before = await listed(request.engine, signal).catch(() => null);
      const answer = await pull();
      // Without knowing what was there before, nothing is known to be ours.
      if (before === null) return answer;
      try {
        const wanted = normalName(request.reference);
        const after = await listed(request.engine, signal);
        const ours = new Set((await pulled.list()).map(({ id }) => id));
        for (const id of broughtAs(wanted, before, after)) {
          const isNew = !before.some((image) => image.id === id);
          // One that was there before stays somebody else's, whatever it is called now.
          if (isNew || ours.has(id)) await pulled.add(id, wanted);
          if (isNew) told.onFetched();
        }
      } catch (error) {
        told.onProblem(error);
      }
      return answer;
    },
    async collect(dryRun, signal) {
      const look = async (): Promise<ImageGcReport> => {
        signal.throwIfAborted();
        const { onRemoved } = told;
        const options = {
          engine: await engine(),
          pulled,
          claims,
          bounds,
          nowMs: now(),
          dryRun,
          signal,
          onRemoved,
        };
        return sweepImages(options);
      };
      const looking = last.then(look, look);
      last = looking.catch(() => undefined);
      return looking;
    },
  };
}

/** The images that have this name, and did not before. */
function broughtAs(
  wanted: string,
  before: readonly ImageSummary[],
  after: readonly ImageSummary[],
): readonly string[] {
  const named = (images: readonly ImageSummary[]): readonly string[] =>
    images.flatMap(({ id, repoTags, repoDigests }) =>
      [...repoTags, ...repoDigests].some((name) => normalName(name) === wanted) ? [id] : [],
    );
  const had = new Set(named(before));
  return named(after).filter((id) => !had.has(id));
}

async function listed({ images }: ContainerEngine, signal: AbortSignal): Promise<readonly ImageSummary[]> {
  const answer = await engineCall('image list', signal, async (inner) => images.list?.({ signal: inner }));
  if (answer === undefined) throw new Error('the engine lists no images');
  return answer;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What a runtime has to do with images: what its runs share to have theirs, `runtime.images`, and when it looks which are to go. Runs nothing. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { EngineSource } from './engine-source.js';
import type { ContainerEngine } from './engine/types.js';
import type { RuntimeError } from './errors.js';
import { createImagePulls } from './execute/image-pulls.js';
import { withinTime } from './host/time-limit.js';
import { checked } from './images/checked-facet.js';
import { endingWith } from './images/closing-facet.js';
import type { RuntimeImages } from './images/image-calls.js';
import { createImageFacet } from './images/image-facet.js';
import { createImageGc, type ImageGc, NO_IMAGE_GC } from './images/image-gc.js';
import { createOpenCalls, type OpenCalls } from './images/open-calls.js';
import { createSweeper } from './recovery/sweeper.js';
import type { RunEnvironment } from './run-context.js';
import { loadDeeds } from './runtime-loading.js';
import type { ResolvedPorts } from './runtime-ports.js';
import { closed } from './runtime-refusals.js';
import type { RuntimeReports } from './runtime-reports.js';

/** What that depends on. */
export interface ImagesParts {
  readonly config: () => RuntimeConfig;
  readonly ports: Pick<ResolvedPorts, 'clock' | 'random' | 'resolveRegistryAuth'>;
  readonly source: EngineSource;
  readonly instance: string;
  readonly reports: Pick<RuntimeReports, 'imageRemoved' | 'imageGcFailed'>;
  /** Why nothing is done any more; null: it is. */
  readonly refusal: () => RuntimeError | null;
}

/** The images of one runtime. */
export interface RuntimeImageParts {
  readonly forRuns: Pick<RunEnvironment, 'pulls' | 'registryAuth' | 'holdImage'>;
  readonly facet: RuntimeImages;
  /** Those of the facet that are under way. */
  readonly calls: Pick<OpenCalls, 'stop' | 'settled'>;
  /** Resolves when no image is removed any more, nor will be. */
  readonly stop: () => Promise<void>;
}

/** From the first image that is used to the first look, and from one to the next. */
const FIRST_LOOK_MS = 60_000;
const LOOK_EVERY_MS = 600_000;
/** What is not done within one look is by the next. */
const LOOK_MS = 600_000;

/** Makes them; no pull is under way. */
export function createImages(parts: ImagesParts): RuntimeImageParts {
  const { config, ports, source, refusal } = parts;
  const { clock, random, resolveRegistryAuth } = ports;
  const { registryAuth } = source;
  const closing = new AbortController();
  let looking: Promise<void> | null = null;
  let isStale = false;
  // A function, because it changes while a look is awaited.
  const isWantedAgain = (): boolean => isStale && !closing.signal.aborted;
  const gc = gcOf(parts, () => {
    isStale = looking !== null;
    void look();
  });
  const look = async (): Promise<void> => (looking ??= lookUntilFresh());
  const lookUntilFresh = async (): Promise<void> => {
    do {
      isStale = false;
      await lookOnce();
      // What was pulled meanwhile may be too much.
    } while (isWantedAgain());
    looking = null;
  };
  const lookOnce = async (): Promise<void> => {
    try {
      await withinTime(LOOK_MS, async (limit) => gc.collect(false, AbortSignal.any([limit, closing.signal])));
    } catch (error) {
      if (!closing.signal.aborted) parts.reports.imageGcFailed(error);
    }
  };
  const sweeper = createSweeper({ firstPassMs: FIRST_LOOK_MS, everyMs: LOOK_EVERY_MS, pass: look });
  const holdImage: ImageGc['hold'] = async (request) => {
    if (gc !== NO_IMAGE_GC) sweeper.begin();
    return gc.hold(request);
  };
  const pulls = createImagePulls({
    idleMs: () => config().images.pullIdleMs,
    pause: async (milliseconds, signal) => clock.pause(milliseconds, signal),
    random,
    witness: async (request, signal, pull) => gc.witness(request, signal, pull),
  });
  const calls = createOpenCalls(closed);
  const facet = createImageFacet({
    config,
    engine: async (): Promise<ContainerEngine> => {
      const refused = refusal();
      if (refused !== null) throw refused;
      return source.get();
    },
    pulls,
    instance: parts.instance,
    gc: { hold: holdImage, collect: async (dryRun, signal) => gc.collect(dryRun, signal) },
    auth: { resolver: resolveRegistryAuth, ambient: registryAuth },
    monotonic: () => clock.monotonic(),
    builder: async () => (await loadDeeds()).createImageBuild,
  });
  return {
    forRuns: { pulls, registryAuth, holdImage },
    facet: checked(endingWith(calls, facet)),
    calls,
    async stop() {
      closing.abort(closed());
      await sweeper.stop();
      await looking;
    },
  };
}

/** Where no bound is set, none is kept: nothing is remembered, and runs pay nothing for it. */
function gcOf({ config, source, instance, reports, ports }: ImagesParts, onFetched: () => void): ImageGc {
  const { stateDir, images } = config();
  const { maxBytes, maxUnusedMs } = images.gc;
  if (stateDir === null || (maxBytes === null && maxUnusedMs === null)) return NO_IMAGE_GC;
  return createImageGc({
    bounds: images.gc,
    stateDir,
    instance,
    engine: async () => source.get(),
    now: () => ports.clock.now(),
    onRemoved: (image) => {
      reports.imageRemoved(image);
    },
    onFetched,
    onProblem: (error) => {
      reports.imageGcFailed(error);
    },
  });
}

/** `runtime.images`: what an application does with images beside running them, under the operator's policy. How they are built stands elsewhere. */
import { notify } from '../base/notify.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { ContainerEngine, EngineImages, PullProgress } from '../engine/types.js';
import { EngineError, ImageError } from '../errors.js';
import { withDeadline } from '../execute/deadline.js';
import { engineCall } from '../execute/engine-call.js';
import { ensureImage } from '../execute/ensure-image.js';
import type { ImagePulls } from '../execute/image-pulls.js';
import type { RegistryAuthSources } from '../execute/registry-auth.js';
import { abortable } from '../host/chunks.js';
import type { createImageBuild } from './build-image.js';
import type { ImageCallOptions } from './call-options.js';
import type { ImageTransferOptions, RuntimeImages } from './image-calls.js';
import type { ImageGc } from './image-gc.js';
import { requireAllowedName, requireAllowedPull } from './image-policy.js';
import { createRegistryLogin } from './registry-login.js';

/** What the facet depends on. */
export interface ImageFacetParts {
  readonly config: () => RuntimeConfig;
  /** @throws `runtime.closed`, `runtime.disabled`; what keeps an engine from being had. */
  readonly engine: () => Promise<ContainerEngine>;
  readonly pulls: ImagePulls;
  readonly gc: Pick<ImageGc, 'hold' | 'collect'>;
  /** Of this runtime. */
  readonly instance: string;
  readonly auth: Omit<RegistryAuthSources, 'given'>;
  readonly monotonic: () => number;
  /** Makes what builds. */
  readonly builder: () => Promise<typeof createImageBuild>;
}

/** Makes the facet; asks nobody yet. */
export function createImageFacet({
  config,
  engine,
  pulls,
  gc,
  instance,
  auth,
  monotonic,
  builder,
}: ImageFacetParts): RuntimeImages {
  const requireAllowed = (reference: string, argument?: string): void => {
    requireAllowedName(reference, config().policy.images, argument);
  };

  async function method<K extends keyof EngineImages>(name: K): Promise<NonNullable<EngineImages[K]>> {
    const { name: engineName, images } = await engine();
    const found = images[name];
    // As a method of its object: an engine may be written as a class.
    if (found !== undefined) return found.bind(images) as NonNullable<EngineImages[K]>;
    throw new EngineError('engine.unsupported', `engine "${engineName}" has no images.${name}`);
  }

  const { discreetly, loggedIn } = createRegistryLogin(config, auth);

  return {
    list: async ({ signal } = {}) => {
      const list = await method('list');
      return engineCall('image list', signal, async (inner) => list({ signal: inner }));
    },
    inspect: async (reference, { signal } = {}) => {
      const inspect = await method('inspect');
      return engineCall('image inspect', signal, async (inner) => inspect(reference, { signal: inner }));
    },
    pull: async (reference, options = {}) => {
      const pullPolicies = requireAllowedPull(reference, config().policy.images);
      const target = await engine();
      const pullMs = options.timeoutMs ?? config().timeouts.default.pullMs;
      const signal = signalOf(options);
      // Nobody takes away under its hands what it brings.
      const held = await gc.hold({ reference, forMs: pullMs, signal, onProblem: () => undefined });
      try {
        const { info, digest } = await discreetly(reference, options, async (login) =>
          ensureImage({
            engine: target,
            pulls,
            image: { reference, pullPolicies, platform: options.platform ?? null },
            pullMs,
            signal,
            monotonic,
            credentials: login,
            onPullStart: () => undefined,
            onProgress: tellerOf(options),
            onFallback: () => undefined,
          }),
        );
        await held.used(info.id);
        return { ...info, digest };
      } finally {
        await held.release();
      }
    },
    tag: async (reference, target, { signal } = {}) => {
      requireAllowed(reference);
      requireAllowed(target, 'target');
      const tag = await method('tag');
      await engineCall('image tag', signal, async (inner) => tag(reference, target, { signal: inner }));
    },
    push: async (reference, options = {}) => {
      requireAllowed(reference);
      const push = await method('push');
      const timeoutMs = options.timeoutMs ?? config().timeouts.default.pullMs;
      const onTimeout = (): Error =>
        new ImageError('image.push_failed', `pushing ${reference} took longer than ${String(timeoutMs)} ms`, {
          details: { reason: 'no_answer' },
        });
      return withDeadline({ timeoutMs, signal: options.signal, onTimeout }, async (signal) =>
        loggedIn(reference, { ...options, signal }, async (credentials) =>
          push(reference, { signal, credentials, onProgress: tellerOf(options) }),
        ),
      );
    },
    history: async (reference, { signal } = {}) => {
      const history = await method('history');
      return engineCall('image history', signal, async (inner) => history(reference, { signal: inner }));
    },
    export: async (reference, options = {}) => {
      const send = await method('export');
      return abortable(send(reference, options), signalOf(options));
    },
    import: async (tar, options = {}) => {
      const take = await method('import');
      return abortable(take(tar, options), signalOf(options));
    },
    resolveDigest: async (reference, options = {}) => {
      requireAllowed(reference);
      const resolveDigest = await method('resolveDigest');
      return loggedIn(reference, options, async (credentials) =>
        engineCall('image distribution', options.signal, async (signal) =>
          resolveDigest(reference, { signal, credentials }),
        ),
      );
    },
    build: async (request, options) => {
      const create = await builder();
      return create({ config, engine, instance, monotonic })(request, options);
    },
    gc: async (options = {}) => {
      const { dryRun = false } = options;
      // Refused as any call, also where there is nothing to do.
      await engine();
      return gc.collect(dryRun, signalOf(options));
    },
    remove: async (reference, { signal } = {}) => {
      const remove = await method('remove');
      await engineCall('image remove', signal, async (inner) => remove(reference, { signal: inner }));
    },
  };
}

const signalOf = ({ signal }: ImageCallOptions): AbortSignal => signal ?? new AbortController().signal;

/** A pull may be shared with others, who are not to be hurt by a listener. */
function tellerOf({ onProgress }: ImageTransferOptions): (progress: PullProgress) => void {
  return (progress) => {
    notify(onProgress, progress);
  };
}

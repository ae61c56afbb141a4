/** `runtime.images`: what an application does with images beside running them, under the operator's policy. It builds none. */
import { notify } from '../base/notify.js';
import { createRedactor } from '../base/redact.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import type {
  ContainerEngine,
  EngineImages,
  ImageInfo,
  ImageStep,
  ImageSummary,
  PullProgress,
  PushedImage,
} from '../engine/types.js';
import { contextualize, EngineError, ImageError, PolicyError } from '../errors.js';
import { withDeadline } from '../execute/deadline.js';
import { engineCall } from '../execute/engine-call.js';
import { ensureImage } from '../execute/ensure-image.js';
import type { ImagePulls } from '../execute/image-pulls.js';
import {
  areSame,
  findRegistryAuth,
  type FoundCredentials,
  type RegistryAuthSources,
  secretOf,
} from '../execute/registry-auth.js';
import { allowedHint } from '../policy/hint.js';
import { evaluateImagePolicy } from '../policy/rules/image.js';
import type { RegistryCredentials } from '../secrets/types.js';

/** What every call takes. */
export interface ImageCallOptions {
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What calls to a registry take. */
export interface RegistryCallOptions extends ImageCallOptions {
  /** Credentials by registry, before any others; see `registryAuth` of a run. */
  readonly registryAuth?: Readonly<Record<string, RegistryCredentials>> | undefined;
}

/** What pulling and pushing take. */
export interface ImageTransferOptions extends RegistryCallOptions {
  /** Default `timeouts.default.pullMs`. */
  readonly timeoutMs?: number | undefined;
  /** Told how each layer gets on; what it throws is its own affair. */
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
}

/** An image that was pulled. */
export interface PulledImageInfo extends ImageInfo {
  /** `sha256:…` under which its registry knows it; null where the engine does not say. */
  readonly digest: string | null;
}

/**
 * Images of the runtime's engine. What is pulled, pushed, or given a name must be allowed by `policy.images` under that name, as jobs judge it:
 * `policy.denied` otherwise. Every call throws `runtime.closed` and `runtime.disabled` as a run would, `engine.unreachable`, and `engine.unsupported`
 * for what the engine cannot do.
 */
export interface RuntimeImages {
  /** All images that are here. */
  list(options?: ImageCallOptions): Promise<readonly ImageSummary[]>;
  /** What is known of an image here, or null. Takes a reference or an id. */
  inspect(reference: string, options?: ImageCallOptions): Promise<ImageInfo | null>;
  /**
   * Pulls, whether it is here or not; shares the pulls of runs.
   * @throws `image.not_found`, `image.unauthorized`, `image.pull_failed`, `image.pull_timed_out`, `image.platform_mismatch`, `image.digest_mismatch`.
   */
  pull(
    reference: string,
    options?: ImageTransferOptions & { readonly platform?: string | undefined },
  ): Promise<PulledImageInfo>;
  /**
   * Gives an image that is here another name; both have to be allowed, or a name would stand for what policy never saw.
   * @throws `engine.image_not_found`.
   */
  tag(reference: string, target: string, options?: ImageCallOptions): Promise<void>;
  /**
   * Sends an image to the registry of its name.
   * @throws `engine.image_not_found`, `image.unauthorized`, `image.push_failed`, also when it takes too long.
   */
  push(reference: string, options?: ImageTransferOptions): Promise<PushedImage>;
  /**
   * What an image was made of, newest first.
   * @throws `engine.image_not_found`.
   */
  history(reference: string, options?: ImageCallOptions): Promise<readonly ImageStep[]>;
  /**
   * The image as an uncompressed tar; read it to its end or break off.
   * @throws `engine.image_not_found`.
   */
  export(reference: string, options?: ImageCallOptions): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Takes in a tar that `export` or `docker save` made; gives the names that were in it. Those names are taken from whatever had them: who may import may put
   * anything behind a name that is allowed.
   * @throws what the source throws; `engine.failed` for what is no such tar.
   */
  import(tar: AsyncIterable<Uint8Array>, options?: ImageCallOptions): Promise<readonly string[]>;
  /**
   * The digest the registry has for a reference now, to pin it; nothing is pulled.
   * @throws `image.not_found`, `image.unauthorized`, `image.pull_failed`.
   */
  resolveDigest(reference: string, options?: RegistryCallOptions): Promise<string>;
  /**
   * Takes a name away; the last one takes the image with it. Not there is success.
   * @throws `engine.conflict` for an image that is used, or an id with several names.
   */
  remove(reference: string, options?: ImageCallOptions): Promise<void>;
}

/** What the facet depends on. */
export interface ImageFacetParts {
  readonly config: () => RuntimeConfig;
  /** @throws `runtime.closed`, `runtime.disabled`; what keeps an engine from being had. */
  readonly engine: () => Promise<ContainerEngine>;
  readonly pulls: ImagePulls;
  readonly auth: Omit<RegistryAuthSources, 'given'>;
  readonly monotonic: () => number;
}

/** Makes the facet; asks nobody yet. */
export function createImageFacet({ config, engine, pulls, auth, monotonic }: ImageFacetParts): RuntimeImages {
  const requireAllowed = (reference: string): void => {
    const { images } = config().policy;
    const { allowed, reason } = evaluateImagePolicy(reference, images);
    if (allowed) return;
    throw new PolicyError('policy.denied', `the image may not be used: ${reason}`, {
      hint: allowedHint(images.allow, reference, 'policy.images'),
    });
  };

  async function method<K extends keyof EngineImages>(name: K): Promise<NonNullable<EngineImages[K]>> {
    const { name: engineName, images } = await engine();
    const found = images[name];
    // As a method of its object: an engine may be written as a class.
    if (found !== undefined) return found.bind(images) as NonNullable<EngineImages[K]>;
    throw new EngineError('engine.unsupported', `engine "${engineName}" has no images.${name}`);
  }

  const credentialsFor = async (
    reference: string,
    renew: boolean,
    { registryAuth, signal }: RegistryCallOptions,
  ): Promise<FoundCredentials | null> =>
    findRegistryAuth(
      { ...auth, given: registryAuth },
      {
        reference,
        renew,
        timeoutMs: config().timeouts.default.secretsMs,
        signal: signal ?? new AbortController().signal,
        // The call goes on without, and says what the registry says of that.
        onProblem: () => undefined,
      },
    );

  /** Runs a call to a registry whose errors show none of the credentials it was made with. */
  async function discreetly<T>(
    signal: AbortSignal | undefined,
    work: (known: (found: FoundCredentials | null) => FoundCredentials | null) => Promise<T>,
  ): Promise<T> {
    const secrets: string[] = [];
    try {
      return await work((found) => {
        if (found !== null) secrets.push(secretOf(found.credentials));
        return found;
      });
    } catch (error) {
      signal?.throwIfAborted();
      const redactor = createRedactor(secrets);
      const nothing = { runId: undefined, attempt: undefined, phase: undefined, result: undefined };
      throw contextualize(error, nothing, (text) => redactor.text(text));
    }
  }

  /** Logs in, and once more with fresh credentials where they are refused. */
  const loggedIn = async <T>(
    reference: string,
    options: RegistryCallOptions,
    work: (credentials: RegistryCredentials | undefined) => Promise<T>,
  ): Promise<T> =>
    discreetly(options.signal, async (known) => {
      const first = known(await credentialsFor(reference, false, options));
      try {
        return await work(first?.credentials);
      } catch (error) {
        const isRefused = error instanceof ImageError && error.code === 'image.unauthorized';
        if (!isRefused || first?.isRenewable !== true) throw error;
        const second = known(await credentialsFor(reference, true, options));
        if (second === null || areSame(first.credentials, second.credentials)) throw error;
        return work(second.credentials);
      }
    });

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
      requireAllowed(reference);
      const target = await engine();
      const { info, digest } = await discreetly(options.signal, async (known) =>
        ensureImage({
          engine: target,
          pulls,
          image: { reference, pullPolicies: ['always'], platform: options.platform ?? null },
          pullMs: options.timeoutMs ?? config().timeouts.default.pullMs,
          signal: options.signal ?? new AbortController().signal,
          monotonic,
          credentials: async (renew) => known(await credentialsFor(reference, renew, options)),
          onPullStart: () => undefined,
          onProgress: tellerOf(options),
          onFallback: () => undefined,
        }),
      );
      return { ...info, digest };
    },
    tag: async (reference, target, { signal } = {}) => {
      requireAllowed(reference);
      requireAllowed(target);
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
      return send(reference, options);
    },
    import: async (tar, options = {}) => {
      const take = await method('import');
      return take(tar, options);
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
    remove: async (reference, { signal } = {}) => {
      const remove = await method('remove');
      await engineCall('image remove', signal, async (inner) => remove(reference, { signal: inner }));
    },
  };
}

/** A pull may be shared with others, who are not to be hurt by a listener. */
function tellerOf({ onProgress }: ImageTransferOptions): (progress: PullProgress) => void {
  return (progress) => {
    notify(onProgress, progress);
  };
}

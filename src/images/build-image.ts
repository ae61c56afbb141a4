/** `runtime.images.build`: an image made of a folder or a tar, under the operator's policy. How a builder is talked to is the engine's. */
import { notify } from '../base/notify.js';
import { createRedactor } from '../base/redact.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { BuildOptions, ContainerEngine, ImageInfo } from '../engine/types.js';
import { EngineError, ImageError } from '../errors.js';
import { withDeadline } from '../execute/deadline.js';
import { secretOf } from '../execute/registry-auth.js';
import { createTextCapture } from '../execute/text-capture.js';
import { whileMoving } from '../execute/while-moving.js';
import type { BuildCallOptions, BuildRequest, BuiltImageReport } from './build-calls.js';
import { checkBuildRequest, requireAllowedSources } from './build-policy.js';
import { folderContext } from './folder-context.js';
import { type ContextOptions, tarContext } from './tar-context.js';

/** What building depends on. */
export interface ImageBuildParts {
  readonly config: () => RuntimeConfig;
  readonly engine: () => Promise<ContainerEngine>;
  /** Of this runtime, for the label. */
  readonly instance: string;
  readonly monotonic: () => number;
}

/** Makes the call; asks nobody yet. */
export function createImageBuild({ config, engine, instance, monotonic }: ImageBuildParts) {
  return async (request: BuildRequest, options: BuildCallOptions = {}): Promise<BuiltImageReport> => {
    const settled = config();
    const { labelPrefix, maxLogChars, policy } = settled;
    const checked = checkBuildRequest(request, settled);
    const { name, images } = await engine();
    const build = images.build?.bind(images);
    if (build === undefined)
      throw new EngineError('engine.unsupported', `engine "${name}" has no images.build`);
    const { timeoutMs: mostMs, idleMs, maxContextBytes, maxContextEntries } = settled.images.build;
    const timeoutMs = Math.min(options.timeoutMs ?? mostMs, mostMs);
    const credentials = options.registryAuth ?? {};
    const redactor = createRedactor(Object.values(credentials).map(secretOf));
    const log = createTextCapture(maxLogChars);
    const beganAt = monotonic();

    const tellFailure = (error: unknown): unknown => {
      if (!(error instanceof ImageError) || error.code !== 'image.build_failed') return error;
      const { message, cause, details } = error;
      const logTail = redactor.text(log.result().text);
      const hint = 'details.logTail is what the build wrote last';
      return new ImageError('image.build_failed', redactor.text(message), {
        cause,
        hint,
        details: { ...details, logTail },
      });
    };
    const onTimeout = (): Error =>
      timedOut(checked.tag, `took longer than ${String(timeoutMs)} ms`, 'raise images.build.timeoutMs');
    const onIdle = (): Error =>
      timedOut(checked.tag, `said nothing for ${String(idleMs)} ms`, 'raise images.build.idleMs');
    const work = async (signal: AbortSignal, moved: () => void): Promise<ImageInfo> => {
      const contextOptions: ContextOptions = {
        maxBytes: maxContextBytes,
        maxEntries: maxContextEntries,
        dockerfile: checked.dockerfile,
        signal,
        onDockerfile: async (text) => requireAllowedSources(text, checked, { policy, images, signal }),
      };
      const { context } = request;
      const source =
        typeof context === 'string'
          ? folderContext(context, contextOptions)
          : tarContext(context, contextOptions);
      const settings: BuildOptions = {
        ...checked,
        labels: { ...checked.labels, [`${labelPrefix}.built-by`]: instance },
        resources: policy.limits.default,
        credentials,
        signal,
        onOutput: (text) => {
          moved();
          log.append(text);
          notify(options.onProgress, { text: redactor.text(text) });
        },
      };
      return build(counted(source, moved), settings);
    };
    try {
      const info = await withDeadline({ timeoutMs, signal: options.signal, onTimeout }, async (signal) =>
        whileMoving({ idleMs, signal, onIdle }, work),
      );
      return {
        id: info.id,
        tag: checked.tag,
        digest: info.repoDigests[0]?.split('@')[1] ?? null,
        sizeBytes: info.sizeBytes,
        durationMs: monotonic() - beganAt,
        logTail: redactor.text(log.result().text),
      };
    } catch (error) {
      options.signal?.throwIfAborted();
      throw tellFailure(error);
    }
  };
}

const timedOut = (tag: string, why: string, hint: string): ImageError =>
  new ImageError('image.build_timed_out', `building ${tag} ${why}`, { hint });

async function* counted(
  source: AsyncIterable<Uint8Array>,
  moved: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    moved();
    yield chunk;
  }
}

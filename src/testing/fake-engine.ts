/** An engine for tests without Docker: scripted jobs, strict about the order of calls, able to fail at any of them. */
import { isDeepStrictEqual } from 'node:util';
import type { CallOptions, ContainerEngine, EngineEvent, NetworkSummary } from '../engine/types.js';
import { EngineError, ImageError } from '../errors.js';
import { createFakeContainerCalls } from './fake-container-calls.js';
import type { FakeContainer } from './fake-container.js';
import { createFakeCopyCalls } from './fake-copy-calls.js';
import { createFakeEvents } from './fake-events.js';
import { createFakeFailures } from './fake-failures.js';
import { createFakeImageCalls } from './fake-image-calls.js';
import { canonical, digestOf, findImage, type FoundImage, imageInfo } from './fake-images.js';
import { requireScript } from './fake-script-checks.js';
import type { EngineCall, FakeEngineScript, FakeFailure } from './fake-script.js';
import { createFakeVolumeCalls } from './fake-volume-calls.js';
import type { FakeVolume } from './fake-volumes.js';
import { hang } from './fake-waiting.js';

/** As Docker has them. */
const NETWORKS: readonly NetworkSummary[] = [
  { name: 'none', subnets: [] },
  { name: 'bridge', subnets: ['172.17.0.0/16'] },
];

/** One call that was made. */
export interface FakeCall {
  readonly call: EngineCall | 'close';
  /** The container, image or name it was about. */
  readonly target: string | null;
}

/** The fake, with what only a test may do to an engine. */
export interface FakeEngine extends ContainerEngine {
  readonly calls: readonly FakeCall[];
  /** What an engine's user did in the wrong order. Each was also thrown. */
  readonly protocolErrors: readonly string[];
  /** Names of containers and volumes that were not removed. */
  leftovers(): readonly string[];
  /** Removes a container as a stranger would, by id or name. */
  disappear(idOrName: string): void;
  /** Sends a signal as a stranger would. */
  killExternally(idOrName: string, signal?: string): void;
  /** From now on every call is `engine.unreachable`, streams end, and waits never settle. Containers go on. */
  goAway(): void;
  /** Answers again. `restarted`: it has forgotten its events. */
  comeBack(options?: { readonly restarted?: boolean | undefined }): void;
}

/**
 * Makes a fake engine.
 *
 * @throws `config.invalid` for a script that says what is not known, for example by a misspelt name.
 * @example
 * ```ts
 * const engine = fakeEngine({
 *   run: async (job) => {
 *     await job.stdout('hello\n');
 *     await job.writeFile('/workspace/out.txt', '3');
 *     return { exitCode: 0 };
 *   },
 * });
 * const runtime = createRuntime({}, { engine });
 * ```
 */
export function fakeEngine(script: FakeEngineScript = {}): FakeEngine {
  requireScript(script);
  const containers = new Map<string, FakeContainer>();
  const volumes = new Map<string, FakeVolume>();
  const images = new Map(
    Object.entries(script.images ?? {}).map(([name, image]) => [canonical(name), image]),
  );
  const history = createFakeEvents();
  const calls: FakeCall[] = [];
  const protocolErrors: string[] = [];
  const takeFailure = createFakeFailures(script.fail ?? []);
  let away: AbortController | null = null;
  let closed = false;

  const unreachable = (): EngineError => new EngineError('engine.unreachable', 'the fake engine is away');
  /** Every call goes through here: recorded, and failed where the script says so. */
  async function perform<T>(
    call: EngineCall,
    target: string | null,
    signal: AbortSignal | undefined,
    work: () => T | Promise<T>,
  ): Promise<T> {
    calls.push({ call, target });
    await Promise.resolve();
    signal?.throwIfAborted();
    if (closed) throw new EngineError('engine.unreachable', 'the fake engine was closed');
    if (away !== null) throw unreachable();
    const refuse = async (failure: FakeFailure): Promise<never> => {
      if (failure.hang === true) return hang(signal);
      throw failure.error ?? new EngineError('engine.failed', `the script fails ${call}`);
    };
    const before = takeFailure(call, 'before');
    if (before !== null) return refuse(before);
    const answer = await work();
    const after = takeFailure(call, 'after');
    return after === null ? answer : refuse(after);
  }

  const violate = (message: string): EngineError => {
    protocolErrors.push(message);
    return new EngineError('engine.failed', `wrong use of the engine: ${message}`);
  };
  const find = (idOrName: string): FakeContainer | undefined => {
    const byId = containers.get(idOrName);
    return byId ?? [...containers.values()].find(({ spec }) => spec.name === idOrName);
  };
  const forget = (container: FakeContainer): void => {
    containers.delete(container.id);
    container.remove();
  };
  const imageOf = (reference: string): FoundImage | null =>
    findImage(images, reference, script.images === undefined);

  async function* events(
    { containerId }: { readonly containerId: string },
    options?: CallOptions,
  ): AsyncGenerator<EngineEvent, void, undefined> {
    yield* await perform('events', containerId, options?.signal, () => history.read(containerId));
  }

  const hasEvents = script.events ?? true;
  const hasVolumes = script.volumes ?? true;
  const tellsVolumeBytes = hasVolumes && (script.volumeBytes ?? true);
  const seesFiles = script.seesFiles ?? true;
  const volumeCalls = createFakeVolumeCalls({
    volumes,
    perform,
    tellsBytes: tellsVolumeBytes,
    isUsed: (name) =>
      [...containers.values()].some(({ spec }) =>
        spec.mounts.some(({ type, source }) => type === 'volume' && source === name),
      ),
  });
  const containerParts = {
    ...{ script, containers, volumes, history, perform, find, forget, violate },
    findImage: imageOf,
    isAway: () => away !== null,
  };
  return {
    name: 'fake',
    capabilities: {
      bindMounts: seesFiles,
      seesFiles,
      stdin: true,
      separateStreams: true,
      gpu: true,
      stats: true,
      writtenBytes: true,
      verifiableSpec: script.applied !== null,
      events: hasEvents,
      copy: hasVolumes,
      volumes: hasVolumes,
      volumeBytes: tellsVolumeBytes,
    },
    calls,
    protocolErrors,
    leftovers: () => [...[...containers.values()].map(({ spec }) => spec.name), ...volumes.keys()],
    disappear(idOrName) {
      const container = find(idOrName);
      if (container !== undefined) forget(container);
    },
    killExternally(idOrName, signal = 'SIGKILL') {
      find(idOrName)?.signal(signal);
    },
    goAway() {
      away ??= new AbortController();
      for (const container of containers.values()) container.output.cut();
    },
    comeBack({ restarted = false } = {}) {
      away = null;
      if (restarted) history.forget();
    },
    info: async (options) =>
      perform('info', null, options?.signal, () => ({
        name: 'fake',
        version: '1.0.0',
        apiVersion: '1.41',
        operatingSystem: 'linux',
        architecture: 'amd64',
        runtimes: script.runtimes ?? ['runc'],
        showsGpu: script.showsGpu ?? true,
        cpus: script.cpus ?? 64,
        memoryBytes: script.memoryBytes ?? 256 * 1024 ** 3,
        limitsSwap: script.limitsSwap ?? true,
        liveRestore: script.liveRestore ?? true,
        volumeSubpaths: script.volumeSubpaths ?? true,
        gaps: script.gaps ?? [],
        system: script.system,
      })),
    ...(hasEvents ? { events } : {}),
    async close() {
      calls.push({ call: 'close', target: null });
      await Promise.resolve();
      closed = true;
    },
    containers: {
      ...createFakeContainerCalls(containerParts),
      ...(hasVolumes ? createFakeCopyCalls(containerParts) : {}),
    },
    ...(hasVolumes ? { volumes: volumeCalls } : {}),
    networks: {
      list: async (options) =>
        perform('networks.list', null, options?.signal, () => script.networks ?? NETWORKS),
    },
    images: {
      pull: async (reference, options) =>
        perform('images.pull', reference, options?.signal, () => {
          const name = canonical(reference);
          const offered = Object.entries(script.pullable ?? {}).find(
            ([each]) => canonical(each) === name,
          )?.[1];
          const image =
            offered ?? (script.pullable === undefined && script.images === undefined ? {} : undefined);
          if (image === undefined) throw new ImageError('image.not_found', `no registry has ${reference}`);
          if (image.credentials !== undefined && !isDeepStrictEqual(image.credentials, options?.credentials))
            throw new ImageError(
              'image.unauthorized',
              `the registry wants other credentials for ${reference}`,
            );
          for (const progress of script.pullProgress ?? []) options?.onProgress?.(progress);
          images.set(name, image);
          return { digest: image.digest ?? digestOf(name) };
        }),
      inspect: async (reference, options) =>
        perform('images.inspect', reference, options?.signal, () => {
          const found = imageOf(reference);
          return found === null ? null : imageInfo(reference, found.id, found.image);
        }),
      ...createFakeImageCalls({
        script,
        images,
        find: imageOf,
        isUsed: (id) => [...containers.values()].some(({ spec }) => spec.image === id),
        perform,
      }),
    },
  };
}

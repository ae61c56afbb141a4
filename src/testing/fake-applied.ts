/** What a faithful engine says it applied to a container it was asked for. Also what the conformance suite expects. */
import { effectiveCapabilities } from '../base/capabilities.js';
import type { AppliedSpec } from '../engine/applied-spec.js';
import type { ImageInfo } from '../engine/types.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { imageInfo } from './fake-images.js';
import type { FakeEngineScript, FakeImage } from './fake-script.js';

/** What a container takes from its image where its specification leaves it open. */
type ImageDefaults = Pick<ImageInfo, 'entryPoint' | 'command' | 'workingDirectory' | 'environment'>;

/** Everything as it was asked for. `runtime` stands for an engine's default. */
export function appliedOf(spec: ContainerSpec, image: ImageDefaults, runtime: string): AppliedSpec {
  const ownEntryPoint = spec.entryPoint !== null && spec.entryPoint.length > 0;
  const inherited = image.environment.map((line) => {
    const [name = ''] = line.split('=');
    return { name, value: line.slice(name.length + 1) };
  });
  const environment = new Map([...inherited, ...spec.environment].map((each) => [each.name, each]));
  const { memoryBytes, pidsLimit, cpus, shmBytes, ulimits } = spec.resources;
  return {
    operatingSystem: 'linux',
    entryPoint: spec.entryPoint ?? image.entryPoint,
    command: spec.command ?? (ownEntryPoint ? [] : image.command),
    workingDirectory: spec.workingDirectory ?? image.workingDirectory ?? '/',
    environment: sorted([...environment.values()], ({ name }) => name),
    user: spec.user,
    networkMode: spec.networkMode,
    otherNetworks: [],
    readOnlyRootFilesystem: spec.readOnlyRootFilesystem,
    capabilities: effectiveCapabilities(spec.capabilitiesDropped, spec.capabilitiesAdded),
    noNewPrivileges: spec.noNewPrivileges,
    init: spec.init,
    resources: {
      cpus,
      memoryBytes,
      swapBytes: 0,
      pidsLimit,
      shmBytes,
      ulimits: sorted(ulimits, ({ name }) => name),
    },
    gpu: spec.gpu,
    runtime: spec.runtime ?? runtime,
    mounts: sorted(
      spec.mounts.map((mount) => ({ subpath: null, ...mount, isPrivate: true })),
      ({ target }) => target,
    ),
    tmpfs: sorted(
      spec.tmpfs.map((tmpfs) => ({ ...tmpfs, isHardened: true })),
      ({ target }) => target,
    ),
    stopSignal: spec.stopSignal,
    stdin: spec.stdin,
    log: spec.log,
    privileged: false,
    sharedNamespaces: [],
    devices: [],
    securityOptions: [],
    systemPathsProtected: true,
    publishedPorts: [],
    restarts: false,
    autoRemove: false,
    terminal: false,
    healthCheck: false,
    others: [],
    untold: [],
  };
}

/** What the fake says it applied: everything as asked, but for what its script says. */
export function fakeApplied(
  { applied }: FakeEngineScript,
  spec: ContainerSpec,
  image: FakeImage = {},
): AppliedSpec | null {
  if (applied === null) return null;
  const faithful = appliedOf(spec, imageInfo(spec.image, spec.image, image), 'runc');
  return { ...faithful, ...applied?.(faithful) };
}

function sorted<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  return [...items].sort((first, second) => (key(first) < key(second) ? -1 : 1));
}

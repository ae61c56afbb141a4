/** What the Docker Engine API answers, in our words. Pure data; `create-body.ts` says ours in its. */
import { EngineError } from '../../errors.js';
import type {
  ContainerInfo,
  ContainerStats,
  ContainerSummary,
  EngineEvent,
  EngineInfo,
  ImageInfo,
} from '../types.js';
import { type Dialect, mountsSubpaths } from './api-version.js';
import { toAppliedSpec } from './convert-applied.js';
import { fromSystem, showsGpu } from './convert-system.js';
import { PODMAN_GAPS } from './podman-spec.js';
import { toList, toNumberOrNull, toObject, toText, toTextMap, toTextOrNull, toTexts } from './json-fields.js';

const STATUSES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'] as const;

/** What Podman calls otherwise: before its start a container may be made ready, and after its end wait for being tidied up. */
const OTHER_STATUSES: Readonly<Record<string, (typeof STATUSES)[number]>> = {
  configured: 'created',
  initialized: 'created',
  stopping: 'running',
  stopped: 'exited',
};

const unexpected = (what: string): EngineError =>
  new EngineError('engine.failed', `The engine's answer about ${what} cannot be understood.`);

/** Go's zero time means "never". */
const toTime = (value: unknown): string | null => {
  const text = toText(value);
  return text === '' || text.startsWith('0001-01-01') ? null : text;
};

/**
 * Reads the answer to a create request.
 * @throws `engine.failed` for an answer without an id.
 */
export function fromCreate(body: unknown): { readonly id: string; readonly warnings: readonly string[] } {
  const answer = toObject(body);
  const id = toText(answer['Id']);
  if (id === '') throw unexpected('a new container');
  return { id, warnings: toTexts(answer['Warnings']) };
}

/**
 * Reads the inspection of a container.
 * @throws `engine.failed` for an answer without an id or with an unknown state.
 */
export function fromInspect(body: unknown, dialect: Dialect = 'docker'): ContainerInfo {
  const answer = toObject(body);
  const state = toObject(answer['State']);
  const id = toText(answer['Id']);
  const word = toText(state['Status']);
  const status = STATUSES.find((known) => known === word) ?? OTHER_STATUSES[word];
  if (id === '' || status === undefined) throw unexpected('a container');
  const startedAt = toTime(state['StartedAt']);
  const ended = startedAt !== null && (status === 'exited' || status === 'dead');
  return {
    id,
    name: toText(answer['Name']).replace(/^\//, ''),
    imageId: toText(answer['Image']),
    status,
    startedAt,
    finishedAt: toTime(state['FinishedAt']),
    exitCode: ended ? toNumberOrNull(state['ExitCode']) : null,
    // Podman says no where it did not look: on version 1 of control groups.
    oomKilled: state['OOMKilled'] === true || (dialect === 'podman' && startedAt !== null ? null : false),
    error: toText(state['Error']),
    labels: toTextMap(toObject(answer['Config'])['Labels']),
    applied: toAppliedSpec(answer, dialect),
  };
}

/**
 * What is said of a mount that the image or the definition is in the way of, by runc, by Podman before it asks a runtime, and by crun: another start would
 * meet the same. A full disk, or a source that is gone, is no such thing.
 */
const MOUNTS_IN_THE_WAY: readonly RegExp[] = [
  /\b(?:error mounting .* to rootfs at|resolving symlinks for mount destination) .*: (?:not a directory|read-only file system|too many levels of symbolic links|file name too long)(?::|$)/s,
  /\b(?:mount|mkdir|open|openat2) `.*`: (?:Not a directory|Too many levels of symbolic links|File name too long)(?::|$)/s,
];

/**
 * The exit code a shell would give for a start that failed, or null: 127 for a program that is not there, 126 for one that
 * cannot be run. From the inspected state; from the message only where an engine leaves the state empty. Of some mounts that cannot be made Docker says 127, too.
 */
export function toStartExitCode(inspection: unknown, message: string): 126 | 127 | null {
  const code = toObject(toObject(inspection)['State'])['ExitCode'];
  if (code === 126 || code === 127) return code;
  if (MOUNTS_IN_THE_WAY.some((words) => words.test(message))) return 127;
  if (/bind source|mount/i.test(message)) return null;
  if (/executable file not found|no such file or directory/i.test(message)) return 127;
  return /permission denied|is a directory|exec format error/i.test(message) ? 126 : null;
}

/** Reads a list of containers. */
export function fromList(body: unknown): readonly ContainerSummary[] {
  return toList(body).map((entry) => {
    const summary = toObject(entry);
    const name = toTexts(summary['Names'])[0] ?? '';
    return {
      id: toText(summary['Id']),
      name: name.replace(/^\//, ''),
      imageId: toText(summary['ImageID']).replace(/^(?=[0-9a-f]{64}$)/, 'sha256:'),
      labels: toTextMap(summary['Labels']),
    };
  });
}

/** Reads one set of statistics; null for one of a container that does not run: Docker answers for it, too, with the zero time and nothing else. */
export function fromStats(body: unknown): ContainerStats | null {
  const answer = toObject(body);
  if (toTime(answer['read']) === null) return null;
  const memory = toObject(answer['memory_stats']);
  const cpuNanoseconds = toNumberOrNull(toObject(toObject(answer['cpu_stats'])['cpu_usage'])['total_usage']);
  return {
    cpuTimeMs: cpuNanoseconds === null ? null : Math.round(cpuNanoseconds / 1e6),
    memoryBytes: toNumberOrNull(memory['usage']),
    peakMemoryBytes: toNumberOrNull(memory['max_usage']),
  };
}

/**
 * Reads how much a container has written; an engine leaves the field out while that is nothing.
 * @throws `engine.failed` for an answer that is about no container.
 */
export function fromSize(body: unknown): number {
  const answer = toObject(body);
  if (toText(answer['Id']) === '') throw unexpected('a container');
  return toNumberOrNull(answer['SizeRw']) ?? 0;
}

/**
 * Reads the inspection of an image.
 * @throws `engine.failed` for an answer without an id.
 */
export function fromImageInspect(body: unknown): ImageInfo {
  const answer = toObject(body);
  const config = toObject(answer['Config']);
  const id = toText(answer['Id']);
  if (id === '') throw unexpected('an image');
  return {
    id,
    repoDigests: toTexts(answer['RepoDigests']),
    repoTags: toTexts(answer['RepoTags']),
    volumes: Object.keys(toObject(config['Volumes'])),
    entryPoint: toTexts(config['Entrypoint']),
    command: toTexts(config['Cmd']),
    workingDirectory: toTextOrNull(config['WorkingDir']),
    user: toTextOrNull(config['User']),
    environment: toTexts(config['Env']),
    operatingSystem: toText(answer['Os']),
    architecture: toText(answer['Architecture']),
    variant: toTextOrNull(answer['Variant']),
    sizeBytes: toNumberOrNull(answer['Size']) ?? 0,
  };
}

/** Docker calls the port's events by the same names. */
const EVENT_TYPES = ['start', 'oom', 'kill', 'die', 'destroy'] as const;

/** What Podman calls two of them. */
const OTHER_EVENT_TYPES: Readonly<Record<string, (typeof EVENT_TYPES)[number]>> = {
  died: 'die',
  remove: 'destroy',
};

/** Every name by which an engine may call what the port tells of. */
export const EVENT_NAMES: readonly string[] = [...EVENT_TYPES, ...Object.keys(OTHER_EVENT_TYPES)];

/** Reads one event; null for what is none of ours. Engines give the signal of a `kill` by number. */
export function fromEvent(line: Uint8Array): EngineEvent | null {
  const event = toObject(parseJson(line));
  const action = toText(event['Action']);
  const type = EVENT_TYPES.find((known) => known === action) ?? OTHER_EVENT_TYPES[action];
  if (type === undefined) return null;
  const signal = toText(toObject(toObject(event['Actor'])['Attributes'])['signal']);
  return { type, signal: type === 'kill' && /^\d{1,3}$/.test(signal) ? Number(signal) : null };
}

const parseJson = (line: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(line)) as unknown;
  } catch {
    return null;
  }
};

/**
 * Reads what an engine says of itself: its version and its system.
 * @throws `engine.failed` for an answer that does not say what processors and memory there are.
 */
export function fromInfo(version: unknown, system: unknown): EngineInfo {
  const engine = toObject(version);
  const host = toObject(system);
  const cpus = toNumberOrNull(host['NCPU']) ?? 0;
  const memoryBytes = toNumberOrNull(host['MemTotal']) ?? 0;
  // Whoever shares out what the engine has would share out nothing.
  if (cpus <= 0 || memoryBytes <= 0) throw unexpected('what it has');
  const parts = toList(engine['Components']).map((part) => toText(toObject(part)['Name']));
  const isPodman = parts.some((part) => /podman/i.test(part));
  return {
    name: isPodman ? 'podman' : 'docker',
    version: toText(engine['Version']),
    apiVersion: toText(engine['ApiVersion']),
    operatingSystem: toText(engine['Os']),
    architecture: toText(engine['Arch']),
    runtimes: Object.keys(toObject(host['Runtimes'])),
    showsGpu: showsGpu(host),
    cpus,
    memoryBytes,
    limitsSwap: host['SwapLimit'] === true,
    liveRestore: typeof host['LiveRestoreEnabled'] === 'boolean' ? host['LiveRestoreEnabled'] : null,
    volumeSubpaths: mountsSubpaths(toText(engine['ApiVersion'])),
    ...(isPodman ? { gaps: PODMAN_GAPS } : {}),
    system: fromSystem(host),
  };
}

/** What the Docker Engine API says of images in lists, of their history and of what it took in. Pure data. */
import type { BuildOptions, ImageStep, ImageSummary } from '../types.js';
import type { Dialect } from './api-version.js';
import { toList, toNumberOrNull, toObject, toText, toTexts, type JsonObject } from './json-fields.js';

/** Seconds since the epoch; engines write 0, or less, for "not known". */
const toTime = (seconds: unknown): string | null => {
  const known = toNumberOrNull(seconds);
  return known === null || known <= 0 ? null : new Date(known * 1000).toISOString();
};

/** Names that say there is none. */
const isName = (text: string): boolean => !text.includes('<none>');

/** Reads a list of images. */
export function fromImageList(body: unknown): readonly ImageSummary[] {
  return toList(body).map((entry) => {
    const image = toObject(entry);
    return {
      id: toText(image['Id']),
      repoTags: toTexts(image['RepoTags']).filter(isName),
      repoDigests: toTexts(image['RepoDigests']).filter(isName),
      sizeBytes: toNumberOrNull(image['Size']) ?? 0,
      createdAt: toTime(image['Created']),
    };
  });
}

/** Reads the history of an image. */
export function fromHistory(body: unknown): readonly ImageStep[] {
  return toList(body).map((entry) => {
    const step = toObject(entry);
    return {
      createdBy: toText(step['CreatedBy']),
      createdAt: toTime(step['Created']),
      sizeBytes: toNumberOrNull(step['Size']) ?? 0,
    };
  });
}

/** What one line about taking in images tells of: names and ids; the engine has only words for it. Podman puts several in one. */
export function loadedNames(event: JsonObject): readonly string[] {
  const [, names = ''] = /^Loaded image(?:\(s\))?(?: ID)?: (.+)/.exec(toText(event['stream']).trim()) ?? [];
  return names.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
}

const CPU_PERIOD_US = 100_000;

type Ulimits = BuildOptions['resources']['ulimits'];

const toUlimits = (ulimits: Ulimits): readonly object[] =>
  ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }));

/** As on its command line; it takes them as objects only for containers. */
const toPodmanUlimits = (ulimits: Ulimits): readonly string[] =>
  ulimits.map(({ name, soft, hard }) => `${name}=${String(soft)}:${String(hard)}`);

/** The query of a build; the API takes all of it there. */
export function toBuildQuery(options: BuildOptions, dialect: Dialect): Readonly<Record<string, string>> {
  const { resources, target, platform } = options;
  const { cpus, memoryBytes, shmBytes, ulimits } = resources;
  return {
    t: options.tag,
    dockerfile: options.dockerfile,
    buildargs: JSON.stringify(options.buildArgs),
    labels: JSON.stringify(options.labels),
    ...(target === null ? {} : { target }),
    ...(platform === null ? {} : { platform }),
    ...(options.noCache ? { nocache: 'true' } : {}),
    ...(options.pull ? { pull: 'true' } : {}),
    networkmode: options.networkMode,
    memory: String(memoryBytes),
    // Equal to memory: no swap beyond the limit.
    memswap: String(memoryBytes),
    cpuperiod: String(CPU_PERIOD_US),
    cpuquota: String(Math.round(cpus * CPU_PERIOD_US)),
    shmsize: String(shmBytes),
    ulimits: JSON.stringify(dialect === 'podman' ? toPodmanUlimits(ulimits) : toUlimits(ulimits)),
    rm: 'true',
    // Also after a step that failed.
    forcerm: 'true',
  };
}

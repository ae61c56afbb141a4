/** Volumes, and what stands at a path in a container, in the Docker Engine API's words and ours. Pure data, as `convert.ts`. */
import type { ContainerPathType, VolumeSpec } from '../types.js';
import { toList, toNumberOrNull, toObject, toText, toTextMap, type JsonObject } from './json-fields.js';

/** The body of a request that makes a volume. */
export function toVolumeBody({ name, labels }: VolumeSpec): JsonObject {
  return { Name: name, Driver: 'local', Labels: labels };
}

/** Reads one volume. */
export function fromVolume(body: unknown): VolumeSpec {
  const volume = toObject(body);
  return { name: toText(volume['Name']), labels: toTextMap(volume['Labels']) };
}

/** Reads a list of volumes. */
export function fromVolumeList(body: unknown): readonly VolumeSpec[] {
  return toList(toObject(body)['Volumes']).map(fromVolume);
}

/** Reads what each volume holds, of which engines say -1 where they could not go through all of it. */
export function fromDiskUsage(body: unknown): ReadonlyMap<string, number | null> {
  return new Map(
    toList(toObject(body)['Volumes']).map((entry) => {
      const volume = toObject(entry);
      const bytes = toNumberOrNull(toObject(volume['UsageData'])['Size']);
      return [toText(volume['Name']), bytes === null || bytes < 0 ? null : bytes];
    }),
  );
}

/** Bits of a mode as Go has them (https://pkg.go.dev/io/fs#FileMode), by place. */
const BITS = { directory: 31, symlink: 27, device: 26, namedPipe: 25, socket: 24, irregular: 19 } as const;

/** Reads what a header tells of a path, JSON in base64; null for what cannot be read. */
export function fromPathStat(header: unknown): ContainerPathType | null {
  const mode = toNumberOrNull(toObject(parseJson(Buffer.from(toText(header), 'base64').toString()))['mode']);
  if (mode === null) return null;
  // Not by `&`: the highest bit would be a sign.
  const has = (bit: number): boolean => Math.floor(mode / 2 ** bit) % 2 === 1;
  if (has(BITS.directory)) return 'directory';
  if (has(BITS.symlink)) return 'symlink';
  return has(BITS.device) || has(BITS.namedPipe) || has(BITS.socket) || has(BITS.irregular)
    ? 'other'
    : 'file';
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
};

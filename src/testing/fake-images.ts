/** Images of the fake engine: their names, ids and what is said of them. */
import { createHash } from 'node:crypto';
import { imageReferenceForms, parseImageReference } from '../base/image-reference.js';
import type { ImageInfo } from '../engine/types.js';
import type { FakeImage } from './fake-script.js';

/** One spelling for all references to an image. */
export function canonical(reference: string): string {
  const parsed = parseImageReference(reference);
  return parsed.ok ? parsed.reference.canonical : reference;
}

/** The id of an image: a hash of its name. */
export function idOf(name: string): string {
  return `sha256:${createHash('sha256').update(name).digest('hex')}`;
}

/** The digest a reference names, or null. */
export function digestOf(reference: string): string | null {
  const parsed = parseImageReference(reference);
  return parsed.ok ? parsed.reference.digest : null;
}

/** An image with its id. */
export interface FoundImage {
  readonly id: string;
  readonly image: FakeImage;
}

/** Finds an image by its id, its name or its name with its digest. `isAnyThere`: what is asked for is. */
export function findImage(
  images: ReadonlyMap<string, FakeImage>,
  reference: string,
  isAnyThere: boolean,
): FoundImage | null {
  const idOfEntry = ([name, image]: readonly [string, FakeImage]): string => image.id ?? idOf(name);
  const byId = [...images].find((entry) => idOfEntry(entry) === reference);
  if (byId !== undefined) return { id: reference, image: byId[1] };
  if (/^sha256:[0-9a-f]{64}$/.test(reference)) return isAnyThere ? { id: reference, image: {} } : null;
  const wanted = canonical(reference);
  const byName = [...images].find(
    ([name, { digest }]) => name === wanted || withDigest(name, digest) === wanted,
  );
  if (byName !== undefined) return { id: idOfEntry(byName), image: byName[1] };
  return isAnyThere ? { id: idOf(wanted), image: {} } : null;
}

function withDigest(name: string, digest: string | undefined): string | null {
  const parsed = parseImageReference(name);
  return parsed.ok && digest !== undefined
    ? `${parsed.reference.host}/${parsed.reference.path}@${digest}`
    : null;
}

/** What the fake says of an image. */
export function imageInfo(reference: string, id: string, image: FakeImage): ImageInfo {
  const parsed = parseImageReference(reference);
  const name = parsed.ok ? `${parsed.reference.host}/${parsed.reference.path}` : reference;
  return {
    id,
    repoDigests: [...new Set([image.digest ?? [], digestOf(reference) ?? []].flat())].map(
      (digest) => `${name}@${digest}`,
    ),
    repoTags: parsed.ok ? imageReferenceForms(parsed.reference).slice(0, 1) : [],
    volumes: image.volumes ?? [],
    entryPoint: image.entryPoint ?? [],
    command: image.command ?? [],
    workingDirectory: image.workingDirectory ?? null,
    user: image.user ?? null,
    environment: image.environment ?? [],
    operatingSystem: image.operatingSystem ?? 'linux',
    architecture: image.architecture ?? 'amd64',
    variant: image.variant ?? null,
    sizeBytes: image.sizeBytes ?? 0,
  };
}

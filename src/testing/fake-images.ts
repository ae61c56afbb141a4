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

/** What the fake says of an image. */
export function imageInfo(reference: string, id: string, image: FakeImage): ImageInfo {
  const parsed = parseImageReference(reference);
  const name = parsed.ok ? `${parsed.reference.host}/${parsed.reference.path}` : reference;
  return {
    id,
    repoDigests: image.digest === undefined ? [] : [`${name}@${image.digest}`],
    repoTags: parsed.ok ? imageReferenceForms(parsed.reference).slice(0, 1) : [],
    volumes: image.volumes ?? [],
    entryPoint: image.entryPoint ?? [],
    command: image.command ?? [],
    workingDirectory: image.workingDirectory ?? null,
    user: image.user ?? null,
    environment: image.environment ?? [],
    operatingSystem: 'linux',
    architecture: 'amd64',
    sizeBytes: 0,
  };
}

/** What the Docker Engine API says of images in lists, of their history and of what it took in. Pure data. */
import type { ImageStep, ImageSummary } from '../types.js';
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

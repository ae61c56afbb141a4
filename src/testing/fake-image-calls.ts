/** What the fake engine does with images beside pulling them: listed, named, told of, taken away, sent out and taken in. */
import type { CallOptions, EngineImages } from '../engine/types.js';
import { EngineError, ImageError } from '../errors.js';
import type { FakePerform } from './fake-failures.js';
import { canonical, digestOf, type FoundImage, idOf, imageInfo } from './fake-images.js';
import type { FakeEngineScript, FakeImage } from './fake-script.js';

/** What that needs of the fake. */
export interface FakeImageParts {
  readonly script: FakeEngineScript;
  readonly images: Map<string, FakeImage>;
  readonly find: (reference: string) => FoundImage | null;
  /** Whether a container was made of it. */
  readonly isUsed: (id: string) => boolean;
  readonly perform: FakePerform;
}

type ImageCalls = Required<
  Pick<
    EngineImages,
    'list' | 'remove' | 'tag' | 'history' | 'push' | 'export' | 'import' | 'resolveDigest' | 'build'
  >
>;

/** Makes those calls. */
export function createFakeImageCalls({ script, images, find, isUsed, perform }: FakeImageParts): ImageCalls {
  const require = (reference: string): FoundImage => {
    const found = find(reference);
    if (found === null) throw new EngineError('engine.image_not_found', `no such image: ${reference}`);
    return found;
  };
  /** Under a name of its own an image would have another id: what is tagged keeps the one it has. */
  const put = (name: string, { id, image }: FoundImage): void => {
    images.set(canonical(name), { ...image, id });
  };
  const registryHas = (reference: string): FakeImage => {
    const name = canonical(reference);
    const offered = Object.entries(script.pullable ?? {}).find(([each]) => canonical(each) === name)?.[1];
    if (offered === undefined) throw new ImageError('image.not_found', `no registry has ${reference}`);
    return offered;
  };
  return {
    list: async (options) =>
      perform('images.list', null, options?.signal, () => {
        const byId = new Map<string, string[]>();
        for (const [name, image] of images) {
          const id = image.id ?? idOf(name);
          byId.set(id, [...(byId.get(id) ?? []), name]);
        }
        return [...byId].map(([id, names]) => {
          const image = images.get(names[0] ?? '') ?? {};
          return {
            id,
            repoTags: names.filter((name) => digestOf(name) === null),
            repoDigests: names.flatMap((name) => imageInfo(name, id, image).repoDigests),
            sizeBytes: image.sizeBytes ?? 0,
            createdAt: null,
          };
        });
      }),
    remove: async (reference, options) =>
      perform('images.remove', reference, options?.signal, () => {
        const found = find(reference);
        if (found === null) return;
        const names = [...images].filter(([name, image]) => (image.id ?? idOf(name)) === found.id);
        const isId = reference === found.id;
        const conflict = (why: string): EngineError =>
          new EngineError('engine.conflict', `image ${reference} cannot be removed: ${why}`);
        if (isId && names.length > 1) throw conflict('it has several names');
        if (names.length <= 1 && isUsed(found.id)) throw conflict('a container was made of it');
        for (const [name] of isId ? names : [[canonical(reference)] as const]) images.delete(name);
      }),
    tag: async (reference, target, options) =>
      perform('images.tag', reference, options?.signal, () => {
        put(target, require(reference));
      }),
    history: async (reference, options) =>
      perform('images.history', reference, options?.signal, () => {
        const { image } = require(reference);
        return [{ createdBy: 'fake', createdAt: null, sizeBytes: image.sizeBytes ?? 0 }];
      }),
    push: async (reference, options) =>
      perform('images.push', reference, options?.signal, () => {
        const { image } = require(reference);
        if (script.pushable?.some((each) => canonical(each) === canonical(reference)) !== true)
          throw new ImageError('image.push_failed', `no registry takes ${reference}`);
        for (const progress of script.pullProgress ?? []) options?.onProgress?.(progress);
        return { digest: image.digest ?? null };
      }),
    export: async (reference, options) =>
      perform('images.export', reference, options?.signal, () => chunksOf(reference, require(reference))),
    import: async (tar, options) => {
      const parts: Uint8Array[] = [];
      for await (const part of tar) parts.push(part);
      return perform('images.import', null, options?.signal, () => {
        const text = Buffer.concat(parts).toString('utf8');
        const [, id, name, image] = TAR.exec(text) ?? [];
        if (id === undefined || name === undefined || image === undefined)
          throw new EngineError('engine.failed', 'that is no image of the fake engine');
        put(name, { id, image: JSON.parse(image) as FakeImage });
        return [name];
      });
    },
    build: async (context, { tag, signal, onOutput }) => {
      let bytes = 0;
      for await (const part of context) bytes += part.byteLength;
      return perform('images.build', tag, signal, () => {
        for (const text of script.buildOutput ?? []) onOutput?.(text);
        put(tag, { id: idOf(`${tag} of ${String(bytes)} bytes`), image: { sizeBytes: bytes } });
        const { id, image } = require(tag);
        return imageInfo(tag, id, image);
      });
    },
    resolveDigest: async (reference, options?: CallOptions) =>
      perform('images.resolveDigest', reference, options?.signal, () => {
        const { digest } = registryHas(reference);
        if (digest === undefined) throw new ImageError('image.pull_failed', `${reference} has no digest`);
        return digest;
      }),
  };
}

/** No tar, but enough to come back as it went out. */
const TAR = /^fake (\S+) (\S+)\n([^]*)$/;

async function* chunksOf(reference: string, { id, image }: FoundImage): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(`fake ${id} ${canonical(reference)}\n${JSON.stringify(image)}`));
}

/** An image as a registry holds it: a gzipped layer, a configuration and a manifest, made here byte by byte. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { busyboxEntries, findBusybox, type ImageEntry } from '../../scripts/image-kit/root-filesystem.js';

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const INDEX_TYPE = 'application/vnd.docker.distribution.manifest.list.v2+json';

/** One blob or manifest. */
export interface RegistryObject {
  readonly digest: string;
  readonly type: string;
  readonly bytes: Buffer;
}

export interface RegistryImage {
  readonly manifest: RegistryObject;
  readonly layer: RegistryObject;
  readonly config: RegistryObject;
}

export interface RegistryImageOptions {
  readonly architecture?: string;
  readonly variant?: string;
  /** More text files by their names without the first slash. */
  readonly files?: Readonly<Record<string, string>>;
  /** Without busybox: small, and never to be run. */
  readonly bare?: boolean;
}

const sha256 = (bytes: string | Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const toObject = (type: string, content: Buffer | object): RegistryObject => {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return { digest: sha256(bytes), type, bytes };
};

const described = ({ type, bytes, digest }: RegistryObject) => ({
  mediaType: type,
  size: bytes.length,
  digest,
});

/** Makes an image; the same options give the same bytes. */
export async function registryImage(options: RegistryImageOptions = {}): Promise<RegistryImage> {
  const layerTar = await tarOf([
    ...(options.bare === true ? [] : systemEntries()),
    ...Object.entries(options.files ?? { mark: 'x' }).map(([name, text]): ImageEntry => ({
      type: 'file',
      name,
      mode: 0o644,
      content: Buffer.from(text),
    })),
  ]);
  const layer = toObject('application/vnd.docker.image.rootfs.diff.tar.gzip', gzipSync(layerTar));
  const config = toObject('application/vnd.docker.container.image.v1+json', {
    architecture: options.architecture ?? 'amd64',
    ...(options.variant === undefined ? {} : { variant: options.variant }),
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: [sha256(layerTar)] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'test' }],
  });
  const manifest = toObject(MANIFEST_TYPE, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: described(config),
    layers: [described(layer)],
  });
  return { manifest, layer, config };
}

/** An index of images for several platforms. */
export function registryIndex(images: readonly (readonly [string, RegistryImage])[]): RegistryObject {
  return toObject(INDEX_TYPE, {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: images.map(([architecture, { manifest }]) => ({
      ...described(manifest),
      platform: { architecture, os: 'linux' },
    })),
  });
}

function systemEntries(): readonly ImageEntry[] {
  const busybox = findBusybox();
  if (busybox === null) throw new Error('an image that runs needs busybox-static');
  return busyboxEntries(busybox);
}

async function tarOf(entries: readonly ImageEntry[]): Promise<Buffer> {
  const tar = pack();
  const common = { mtime: new Date(0), uid: 0, gid: 0 };
  for (const entry of entries) {
    if (entry.type === 'file') tar.entry({ ...common, name: entry.name, mode: entry.mode }, entry.content);
    else tar.entry({ ...common, ...entry });
  }
  tar.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of tar as AsyncIterable<Uint8Array>) parts.push(part);
  return Buffer.concat(parts);
}

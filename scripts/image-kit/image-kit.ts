/** Small images for tests and examples, built through the engine itself, once per engine: no registry is needed. */
import { createHash } from 'node:crypto';
import Docker from 'dockerode';
import { pack } from 'tar-stream';
import {
  busyboxEntries,
  contentHash,
  findBusybox,
  type ImageEntry,
  nodeEntries,
  pythonEntries,
} from './root-filesystem.js';

/** The systems there are. */
export type ImageName = 'busybox' | 'node' | 'python';

/** What stands in where an image cannot be made from this machine. */
const STOCK: Readonly<Record<ImageName, string>> = {
  busybox: 'busybox:1',
  node: 'node:20-slim',
  python: 'python:3-slim',
};

/** Fields of an image's configuration, in the words of a Dockerfile. */
export interface VariantOptions {
  /** For example `VOLUME ["/data"]` or `ENV A=b`. */
  readonly changes?: readonly string[];
  /** Text files by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Folders by absolute path with their modes. */
  readonly folders?: Readonly<Record<string, number>>;
}

function connect(host: string | undefined): Docker {
  // With all that says how: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH.
  if (host === undefined && process.env['DOCKER_HOST'] !== undefined) return new Docker();
  if (host === undefined) throw new Error('DOCKER_HOST is not set: run this through scripts/with-engine');
  // What the environment says of TLS is about another one.
  const plain = { protocol: 'http', ca: undefined, cert: undefined, key: undefined } as const;
  if (host.startsWith('unix://'))
    return new Docker({ ...plain, socketPath: host.slice('unix://'.length), host: undefined });
  const { hostname, port } = new URL(host.replace(/^tcp:/, 'http:'));
  return new Docker({ ...plain, host: hostname, port: Number(port || 2375) });
}

async function exists(docker: Docker, reference: string): Promise<boolean> {
  try {
    await docker.getImage(reference).inspect();
    return true;
  } catch {
    return false;
  }
}

async function drain(stream: NodeJS.ReadableStream): Promise<string> {
  let answer = '';
  for await (const chunk of stream) answer += String(chunk);
  if (answer.includes('"error"')) throw new Error(`the engine could not make the image: ${answer}`);
  return answer;
}

async function importEntries(
  docker: Docker,
  reference: { readonly repo: string; readonly tag: string },
  entries: readonly ImageEntry[],
  changes: readonly string[],
): Promise<void> {
  const tar = pack();
  const common = { mtime: new Date(0), uid: 0, gid: 0 };
  // Where nobody says what the root is, Podman lets no user without capabilities write there, and `./` says nothing.
  tar.entry({ ...common, name: '/', type: 'directory', mode: 0o755 });
  for (const entry of entries) {
    if (entry.type === 'file') tar.entry({ ...common, name: entry.name, mode: entry.mode }, entry.content);
    else tar.entry({ ...common, ...entry });
  }
  tar.finalize();
  const answer = await drain(
    await docker.importImage(tar as unknown as NodeJS.ReadableStream, {
      ...reference,
      changes: [...changes],
    }),
  );
  if (await exists(docker, `${reference.repo}:${reference.tag}`)) return;
  // Podman takes in an image without the tag it is given.
  const [id = ''] = /[0-9a-f]{64}/.exec(answer) ?? [];
  await docker.getImage(id).tag(reference);
}

function entriesOf(name: ImageName): readonly ImageEntry[] | null {
  const busybox = findBusybox();
  if (busybox === null) return null;
  const system = busyboxEntries(busybox);
  if (name === 'busybox') return system;
  const more = name === 'node' ? nodeEntries() : pythonEntries();
  return more === null ? null : [...system, ...more];
}

/**
 * Has an image on the engine at `DOCKER_HOST`, or at another one without TLS, and gives its reference. It is tagged by its content, so it is made once per engine; the stock
 * tag (for example `busybox:1`) is given to it too if nobody has it.
 */
export async function ensureImage(name: ImageName, host?: string): Promise<string> {
  const docker = connect(host);
  const entries = process.platform === 'linux' ? entriesOf(name) : null;
  if (entries === null) {
    if (!(await exists(docker, STOCK[name]))) await drain(await docker.pull(STOCK[name]));
    return STOCK[name];
  }
  const repo = `berthkit-kit/${name}`;
  const tag = contentHash(entries);
  if (!(await exists(docker, `${repo}:${tag}`))) {
    await importEntries(docker, { repo, tag }, entries, [
      'ENV PATH=/usr/local/bin:/usr/bin:/bin',
      'CMD ["sh"]',
    ]);
  }
  const [stockRepo = '', stockTag = ''] = STOCK[name].split(':');
  if (!(await exists(docker, STOCK[name]))) {
    await docker.getImage(`${repo}:${tag}`).tag({ repo: stockRepo, tag: stockTag });
  }
  return `${repo}:${tag}`;
}

/** A busybox image with another configuration or more files; the same options give the same image. */
export async function buildVariant(options: VariantOptions, host?: string): Promise<string> {
  const docker = connect(host);
  const base = entriesOf('busybox');
  if (base === null) throw new Error('variants need busybox-static, which this machine cannot have');
  const files = Object.entries(options.files ?? {}).map(([path, content]): ImageEntry => ({
    type: 'file',
    name: path.slice(1),
    mode: 0o755,
    content: Buffer.from(content),
  }));
  const folders = Object.entries(options.folders ?? {}).map(([path, mode]): ImageEntry => ({
    type: 'directory',
    name: path.slice(1),
    mode,
  }));
  const named = new Map([...base, ...folders, ...files].map((entry) => [entry.name, entry]));
  const entries = [...named.values()];
  const changes = ['ENV PATH=/usr/local/bin:/usr/bin:/bin', 'CMD ["sh"]', ...(options.changes ?? [])];
  const tag = createHash('sha256')
    .update(contentHash(entries))
    .update(JSON.stringify(changes))
    .digest('hex')
    .slice(0, 16);
  const repo = 'berthkit-kit/variant';
  if (!(await exists(docker, `${repo}:${tag}`))) await importEntries(docker, { repo, tag }, entries, changes);
  return `${repo}:${tag}`;
}

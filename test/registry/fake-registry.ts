/** A registry on 127.0.0.1 that serves what it is given and fails where a test tells it to: only as much of the protocol as a pull needs. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { RegistryImage, RegistryObject } from './registry-image.js';

/** What a request is answered with in place of what it asks for. */
export type RegistryFault =
  | { readonly kind: 'status'; readonly status: number; readonly code?: string; readonly message?: string }
  /** As a proxy answers that knows nothing of registries. */
  | { readonly kind: 'page'; readonly status: number }
  /** To the same place again. */
  | { readonly kind: 'redirect' }
  /** No answer, until the client leaves. */
  | { readonly kind: 'hang' }
  /** So many bytes of it, then silence. */
  | { readonly kind: 'stall'; readonly bytes: number }
  /** Something else under the same digest. */
  | { readonly kind: 'other'; readonly object: RegistryObject };

interface RegistryRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
}

export interface FakeRegistry {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly requests: readonly RegistryRequest[];
  /** What every request is asked about from now on. */
  fail(fault: (request: RegistryRequest) => RegistryFault | null): void;
  /** Offers an image under a name and tag. */
  offer(repository: string, tag: string, image: RegistryImage | RegistryObject): void;
  /** Offers the parts of an image that only an index names. */
  add(image: RegistryImage): void;
  /** From now on nothing is answered until the function it gives is called. */
  hold(): () => void;
  close(): Promise<void>;
}

const isImage = (given: RegistryImage | RegistryObject): given is RegistryImage => 'manifest' in given;

export async function startFakeRegistry(): Promise<FakeRegistry> {
  const requests: RegistryRequest[] = [];
  const objects = new Map<string, RegistryObject>();
  const tags = new Map<string, string>();
  const sockets = new Set<Socket>();
  let open: Promise<void> = Promise.resolve();
  let faultOf: (request: RegistryRequest) => RegistryFault | null = () => null;

  const keep = (object: RegistryObject): void => void objects.set(object.digest, object);
  const add = ({ manifest, layer, config }: RegistryImage): void => {
    for (const each of [manifest, layer, config]) keep(each);
  };
  const find = (path: string): RegistryObject | null => {
    const [, repository = '', kind, reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(path) ?? [];
    const digest = kind === 'manifests' ? (tags.get(`${repository}:${reference}`) ?? reference) : reference;
    return objects.get(digest) ?? null;
  };

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url: path = '', headers } = request;
    const asked = { method, path, authorization: headers.authorization ?? null };
    requests.push(asked);
    const fault = faultOf(asked);
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') {
      refuse(response, fault.status, fault.code ?? 'UNKNOWN', fault.message ?? 'the test says so');
    } else if (fault?.kind === 'page') {
      response.writeHead(fault.status, { 'Content-Type': 'text/html' }).end('<html>the test says so</html>');
    } else if (fault?.kind === 'redirect') response.writeHead(307, { Location: path }).end();
    else if (path === '/v2/') response.end('{}');
    else send(request, response, find(path), fault);
  };

  const server = createServer((request, response) => {
    void open.then(() => {
      answer(request, response);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests,
    fail(fault) {
      faultOf = fault;
    },
    offer(repository, tag, given) {
      const manifest = isImage(given) ? given.manifest : given;
      if (isImage(given)) add(given);
      keep(manifest);
      tags.set(`${repository}:${tag}`, manifest.digest);
    },
    add,
    hold() {
      let release: () => void = () => undefined;
      open = new Promise((resolve) => {
        release = resolve;
      });
      return () => {
        release();
      };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    ...(status === 401 ? { 'WWW-Authenticate': 'Basic realm="test"' } : {}),
  });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  object: RegistryObject | null,
  fault: Exclude<RegistryFault, { kind: 'status' | 'page' | 'redirect' | 'hang' }> | null,
): void {
  if (object === null) {
    const isManifest = request.url?.includes('/manifests/') === true;
    refuse(
      response,
      404,
      isManifest ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN',
      isManifest ? 'manifest unknown' : 'unknown blob',
    );
    return;
  }
  const { type, bytes } = fault?.kind === 'other' ? fault.object : object;
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Length': bytes.length,
    'Docker-Content-Digest': object.digest,
  });
  if (request.method === 'HEAD') {
    response.end();
  } else if (fault === null || fault.kind === 'other') {
    response.end(bytes);
  } else {
    response.write(bytes.subarray(0, fault.bytes));
  }
}

/** Finds where each input's bytes are. It copies none of them. */
import { JobRuntimeError, StorageError } from '../errors.js';
import { abortable } from '../host/chunks.js';
import { checkRelativePath } from '../base/paths.js';
import type { InputRequest } from '../plan/container-spec.js';
import { describeInput, requireMount, type StorageMounts } from './mounts.js';
import type { StoragePlace } from './storage-calls.js';

/** Finds the file or folder behind a `filestoreNode`; null if there is none. */
export type NodeResolver = (
  nodeId: string,
  options: { readonly signal: AbortSignal },
) => Promise<{ readonly mountId: string; readonly path: string } | null>;

/** Bytes at hand, or a place in a storage. */
export type LocatedSource =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'storage'; readonly place: StoragePlace; readonly path: string };

/**
 * Finds the source of an input; null when a node does not exist.
 *
 * @throws `storage.unknown_mount`, `storage.failed`.
 */
export async function locateSource(
  input: InputRequest,
  storage: StorageMounts,
  resolveNode: NodeResolver | undefined,
  signal: AbortSignal,
): Promise<LocatedSource | null> {
  const { source } = input;
  if (source.type === 'inline') {
    return { kind: 'bytes', bytes: Buffer.from(source.content, source.encoding) };
  }
  if (source.type === 'filestorePath') return inStorage(input, storage, source.backendMountId, source.path);
  const node = await askNode(input, source.nodeId, resolveNode, signal);
  return node === null ? null : inStorage(input, storage, node.mountId, node.path);
}

/**
 * What a resolver answered, which may be anything: a host may well give its numeric ids as they are, and `undefined` for what it does not have.
 * Undefined: it is not understood.
 */
export function readNodePlace(answer: unknown): NodePlace | null | undefined {
  if (answer === null || answer === undefined) return null;
  const { mountId, path } = Object(answer) as { readonly mountId?: unknown; readonly path?: unknown };
  const isId = typeof mountId === 'string' || typeof mountId === 'number';
  return isId && typeof path === 'string' ? { mountId: String(mountId), path } : undefined;
}

interface NodePlace {
  readonly mountId: string;
  readonly path: string;
}

async function askNode(
  input: InputRequest,
  nodeId: string,
  resolveNode: NodeResolver | undefined,
  signal: AbortSignal,
): Promise<NodePlace | null> {
  const purpose = `${describeInput(input)}: node "${nodeId}"`;
  try {
    const node = await abortable(
      Promise.resolve().then(() => resolveNode?.(nodeId, { signal })),
      signal,
    );
    const place = readNodePlace(node);
    if (place !== undefined) return place;
  } catch (error) {
    signal.throwIfAborted();
    // A refusal by policy is no failure of the resolver.
    if (JobRuntimeError.isInstance(error) && error.kind === 'policy') throw error;
    const problem = error instanceof Error ? error.message : String(error);
    throw new StorageError('storage.failed', `${purpose} could not be resolved: ${problem}`, {
      cause: error,
    });
  }
  throw new StorageError('storage.failed', `${purpose} was not resolved to { mountId, path }`);
}

function inStorage(
  input: InputRequest,
  storage: StorageMounts,
  mountId: string,
  path: string,
): LocatedSource {
  const purpose = describeInput(input);
  const adapter = requireMount(storage, mountId, purpose);
  const relative = path
    .split('/')
    .filter((name) => name !== '')
    .join('/');
  const problem = relative === '' ? null : checkRelativePath(relative);
  if (problem !== null) {
    throw new StorageError('storage.failed', `${purpose}: the path ${JSON.stringify(path)} ${problem}`);
  }
  return { kind: 'storage', place: { adapter, mountId, purpose }, path: relative };
}

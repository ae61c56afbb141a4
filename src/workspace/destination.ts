/** Where a file of an output goes, and what its storage is told of it. It stores nothing. */
import { expandPathTemplate } from '../base/path-template.js';
import { checkRelativePath } from '../base/paths.js';
import { StorageError } from '../errors.js';
import type { JobIdentity, OutputRequest } from '../plan/container-spec.js';
import type { StorageAdapter } from '../storage/types.js';
import type { FoundFile } from './found-file.js';
import { describeOutput, requireMount, type StorageMounts } from './mounts.js';
import type { StoragePlace } from './storage-calls.js';

/** Where outputs go and what storages are told about them. */
export interface DestinationOptions {
  readonly storage: StorageMounts;
  /** Gets the outputs marked `upload: 'caller'`. */
  readonly outputTo?: StorageAdapter | undefined;
  /** Of the run: for path templates, and told to storages with each object. */
  readonly variables: { readonly runId: string; readonly attempt: number; readonly startedAt: string };
  /** Of the run, told to storages too. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Where one file goes. */
export interface Destination {
  readonly place: StoragePlace;
  readonly path: string;
  readonly contentType: string | null;
  readonly overwrite: boolean;
  /** The same for every try of this attempt to store this file there. */
  readonly idempotencyKey: string;
}

/**
 * Where a file goes; null for an output that is only looked at.
 *
 * @throws `storage.unknown_mount`, `storage.failed` when its path cannot be made.
 */
export function destinationOf(
  file: FoundFile,
  output: OutputRequest,
  job: JobIdentity,
  options: DestinationOptions,
): Destination | null {
  const { upload } = output;
  const purpose = describeOutput(output);
  const keyOf = (path: string): string =>
    [options.variables.runId, String(options.variables.attempt), file.path, path].join('/');
  if (upload === null) return null;
  if (upload === 'caller') {
    const adapter = options.outputTo;
    if (adapter === undefined)
      throw new StorageError('storage.unknown_mount', `${purpose}: outputTo is missing`);
    const { path } = file;
    const place = { adapter, mountId: null, purpose };
    return { place, path, contentType: null, overwrite: true, idempotencyKey: keyOf(path) };
  }
  const mountId = upload.backendMountId;
  const place = { adapter: requireMount(options.storage, mountId, purpose), mountId, purpose };
  const expanded = expandPathTemplate(upload.pathTemplate, {
    ...options.variables,
    jobSlug: job.slug,
    jobDefinitionId: job.id,
    jobVersion: job.version,
    startedDate: options.variables.startedAt.slice(0, 'YYYY-MM-DD'.length),
  });
  if (!expanded.ok) {
    throw new StorageError('storage.failed', `${purpose}: its path template ${expanded.problem}`);
  }
  const { contentType, overwrite } = upload;
  const path = file.relativePath === '' ? expanded.path : `${expanded.path}/${file.relativePath}`;
  const problem = checkRelativePath(path);
  if (problem === null) return { place, path, contentType, overwrite, idempotencyKey: keyOf(path) };
  throw new StorageError('storage.failed', `${purpose}: ${JSON.stringify(path)} ${problem}`);
}

/** What every object is told about where it comes from; a caller's metadata cannot claim something else. */
export function metadataOf(
  job: JobIdentity,
  { variables, metadata }: DestinationOptions,
): Readonly<Record<string, string>> {
  return {
    ...metadata,
    uploadedBy: 'berthkit',
    jobRunId: variables.runId,
    attempt: String(variables.attempt),
    ...(job.slug === null ? {} : { jobSlug: job.slug }),
    ...(job.id === null ? {} : { jobDefinitionId: job.id }),
  };
}

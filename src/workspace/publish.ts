/** Uploads verified outputs to where they go. It finds and judges none. */
import type { FileHandle } from 'node:fs/promises';
import { expandPathTemplate } from '../base/path-template.js';
import { StorageError } from '../errors.js';
import { type Digest, digestContent, readContent } from '../host/file-content.js';
import type { JobIdentity, OutputRequest } from '../plan/container-spec.js';
import type { OutputFile } from '../result.js';
import type { StorageAdapter } from '../storage/types.js';
import { describeOutput, requireMount, type StorageMounts } from './mounts.js';
import { type StoragePlace, writeStorage } from './storage-calls.js';

/** A verified output, held open. */
export interface VerifiedOutput {
  readonly output: OutputRequest;
  readonly content: FileHandle;
  readonly digest: Digest;
}

/** Where outputs go and what storages are told about them. */
export interface PublishOptions {
  readonly storage: StorageMounts;
  /** Gets the outputs marked `upload: 'caller'`. */
  readonly outputTo?: StorageAdapter | undefined;
  /** Of the run: for path templates, and told to storages with each object. */
  readonly variables: { readonly runId: string; readonly attempt: number; readonly startedAt: string };
  /** Of the run, told to storages too. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
}

interface Destination {
  readonly place: StoragePlace;
  readonly path: string;
  readonly contentType: string | null;
  readonly overwrite: boolean;
}

/**
 * Uploads one output from the file that was verified, and makes sure that what was sent is what was verified.
 *
 * @throws `storage.*`; the signal's reason.
 */
export async function publishOutput(
  verified: VerifiedOutput,
  job: JobIdentity,
  options: PublishOptions,
): Promise<OutputFile> {
  const { output, content, digest } = verified;
  const destination = destinationOf(output, job, options);
  const file = { path: output.workspacePath, ...digest };
  if (destination === null) return { ...file, uploaded: null };
  const { signal } = options;
  const { runId, attempt } = options.variables;
  let sent = 0;
  const onBytes = (bytes: number): void => {
    sent += bytes;
    if (sent > digest.sizeBytes) throw changed(output);
  };
  await writeStorage(destination.place, destination.path, readContent(content, { signal, onBytes }), {
    ...digest,
    contentType: destination.contentType,
    overwrite: destination.overwrite,
    metadata: metadataOf(job, options),
    // The same for every try of this attempt to store this output there.
    idempotencyKey: [runId, String(attempt), output.workspacePath, destination.path].join('/'),
    signal,
  });
  // An adapter need not verify what it stores, and something on this host may still write to the file.
  const after = await digestContent(content, { signal });
  if (after.sha256 !== digest.sha256) throw changed(output);
  return { ...file, uploaded: { backendMountId: destination.place.mountId, path: destination.path } };
}

/** What every object is told about where it comes from; a caller's metadata cannot claim something else. */
function metadataOf(
  job: JobIdentity,
  { variables, metadata }: PublishOptions,
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

function destinationOf(output: OutputRequest, job: JobIdentity, options: PublishOptions): Destination | null {
  const { upload } = output;
  const purpose = describeOutput(output);
  if (upload === null) return null;
  if (upload === 'caller') {
    const adapter = options.outputTo;
    if (adapter === undefined)
      throw new StorageError('storage.unknown_mount', `${purpose}: outputTo is missing`);
    const place = { adapter, mountId: null, purpose };
    return { place, path: output.workspacePath, contentType: null, overwrite: true };
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
  const { path } = expanded;
  return { place, path, contentType: upload.contentType, overwrite: upload.overwrite };
}

const changed = (output: OutputRequest): StorageError =>
  new StorageError('storage.failed', `${describeOutput(output)} changed while it was uploaded`);

/** Uploads verified files of outputs to where they go. It finds and judges none. */
import { expandPathTemplate } from '../base/path-template.js';
import { checkRelativePath } from '../base/paths.js';
import { StorageError } from '../errors.js';
import { digestContent, readContent } from '../host/file-content.js';
import type { JobIdentity, OutputRequest } from '../plan/container-spec.js';
import type { OutputFile } from '../result.js';
import type { StorageAdapter } from '../storage/types.js';
import { ChangedError, type FoundFile } from './found-file.js';
import { describeOutput, requireMount, type StorageMounts } from './mounts.js';
import { type StoragePlace, writeStorage } from './storage-calls.js';

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
 * Uploads one file of an output, and makes sure that what was sent is what was verified.
 *
 * @throws `storage.*`; the signal's reason.
 */
export async function publishFile(
  file: FoundFile,
  output: OutputRequest,
  job: JobIdentity,
  options: PublishOptions,
): Promise<OutputFile> {
  const destination = destinationOf(file, output, job, options);
  const report = { path: file.path, ...file.digest };
  if (destination === null) return { ...report, uploaded: null };
  try {
    await send(file, destination, job, options);
  } catch (error) {
    if (!(error instanceof ChangedError)) throw error;
    const name = file.relativePath === '' ? '' : `: ${JSON.stringify(file.relativePath)}`;
    throw new StorageError(
      'storage.failed',
      `${describeOutput(output)}${name} changed while it was uploaded`,
    );
  }
  return { ...report, uploaded: { backendMountId: destination.place.mountId, path: destination.path } };
}

async function send(
  file: FoundFile,
  { place, path, contentType, overwrite }: Destination,
  job: JobIdentity,
  options: PublishOptions,
): Promise<void> {
  const { signal, variables } = options;
  const { digest } = file;
  const content = await file.open();
  try {
    let sent = 0;
    const changed: { error: ChangedError | null } = { error: null };
    const onBytes = (bytes: number): void => {
      sent += bytes;
      if (sent > digest.sizeBytes) throw (changed.error = new ChangedError());
    };
    try {
      await writeStorage(place, path, readContent(content, { signal, onBytes }), {
        ...digest,
        contentType,
        overwrite,
        metadata: metadataOf(job, options),
        // The same for every try of this attempt to store this file there.
        idempotencyKey: [variables.runId, String(variables.attempt), file.path, path].join('/'),
        signal,
      });
    } catch (error) {
      throw changed.error ?? error;
    }
    // An adapter need not verify what it stores, and something on this host may still write to the file.
    if (await file.isUnchanged(content)) return;
    const after = await digestContent(content, { signal });
    if (after.sha256 !== digest.sha256) throw new ChangedError();
  } finally {
    await content.close();
  }
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

function destinationOf(
  file: FoundFile,
  output: OutputRequest,
  job: JobIdentity,
  options: PublishOptions,
): Destination | null {
  const { upload } = output;
  const purpose = describeOutput(output);
  if (upload === null) return null;
  if (upload === 'caller') {
    const adapter = options.outputTo;
    if (adapter === undefined)
      throw new StorageError('storage.unknown_mount', `${purpose}: outputTo is missing`);
    const place = { adapter, mountId: null, purpose };
    return { place, path: file.path, contentType: null, overwrite: true };
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
  if (problem === null) return { place, path, contentType, overwrite };
  throw new StorageError('storage.failed', `${purpose}: ${JSON.stringify(path)} ${problem}`);
}

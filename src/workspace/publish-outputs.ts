/** Publishes the outputs of a run, each storage for itself: what one storage refuses does not keep another from its objects. */
import { StorageError } from '../errors.js';
import type { JobIdentity, OutputRequest } from '../plan/container-spec.js';
import type { OutputFile } from '../result.js';
import { type Destination, type DestinationOptions, destinationOf, metadataOf } from './destination.js';
import type { FoundFile } from './found-file.js';
import type { PublicationJournal } from './publication.js';
import { publishUploads } from './publish.js';
import { type Published, type PublishOptions, toError, type Upload } from './publish-group.js';
import { storageName } from './storage-calls.js';
import type { RetryOptions } from './storage-retry.js';

/** How the outputs of a run are published. */
export interface PublishOutputsOptions extends DestinationOptions, RetryOptions {
  /** Uploads at a time. */
  readonly concurrency: number;
  /** Hears what is published where, for whoever has to finish it after this process died. Default: nobody. */
  readonly journal?: PublicationJournal | undefined;
  readonly onWarning: (message: string) => void;
}

/** An output that was found. */
export interface FoundFiles {
  readonly output: OutputRequest;
  readonly files: readonly FoundFile[];
}

/** One file of an output when its storage is done with. */
export interface SentFile {
  readonly file: OutputFile;
  /** Its own failure; null also where it was held back with others of its storage. */
  readonly failure: Error | null;
  /** It did not fail and is not there either: all of them or none. */
  readonly isHeldBack: boolean;
}

interface Planned {
  readonly index: number;
  readonly file: FoundFile;
  readonly destination: Destination | Error | null;
}

/**
 * Publishes the outputs and tells of each when all of its files are through, in the order of the storages' ends.
 *
 * @throws the signal's reason, and what the journal throws.
 */
export async function publishOutputs(
  outputs: readonly FoundFiles[],
  job: JobIdentity,
  options: PublishOutputsOptions,
  onSent: (index: number, files: readonly SentFile[]) => void,
): Promise<void> {
  // Loaded when something is to be published: an import of berthkit does not pay for it.
  const { default: pLimit } = await import('p-limit');
  const publishing: PublishOptions = {
    signal: options.signal,
    pause: options.pause,
    variables: options.variables,
    metadata: metadataOf(job, options),
    limit: pLimit(Math.max(1, options.concurrency)),
    journal: options.journal ?? (async () => Promise.resolve()),
    onWarning: options.onWarning,
  };
  const groups = new Map<string, number[]>();
  for (const [index, { output }] of outputs.entries()) {
    const key = storageKey(output);
    groups.set(key, [...(groups.get(key) ?? []), index]);
  }
  const work = [...groups.values()].map(async (indices) => {
    const planned = refuseClashes(indices.flatMap((index) => planOne(outputs, index, job, options)));
    const published = await publishGroup(planned, publishing);
    for (const index of indices) {
      const files = planned.flatMap((each, at) =>
        each.index === index ? [toSent(each, published[at])] : [],
      );
      onSent(index, files);
    }
  });
  // All of them also when one rejects, so that nothing works on behind the caller's back.
  await Promise.allSettled(work);
  await Promise.all(work);
}

/** Outputs of one key go to one storage, or nowhere. */
function storageKey({ upload }: OutputRequest): string {
  if (upload === null) return 'nowhere';
  return upload === 'caller' ? 'caller' : `mount:${upload.backendMountId}`;
}

function planOne(
  outputs: readonly FoundFiles[],
  index: number,
  job: JobIdentity,
  options: DestinationOptions,
): readonly Planned[] {
  const found = outputs[index];
  return (found?.files ?? []).map((file) => {
    try {
      return {
        index,
        file,
        destination: found === undefined ? null : destinationOf(file, found.output, job, options),
      };
    } catch (error) {
      return { index, file, destination: toError(error) };
    }
  });
}

/** Of two files for one place only one would be there in the end, whatever the storage was told: the later one has none. */
function refuseClashes(planned: readonly Planned[]): readonly Planned[] {
  const taken = new Map<string, FoundFile>();
  return planned.map((each) => {
    const { file, destination } = each;
    if (destination === null || destination instanceof Error) return each;
    const { path, place } = destination;
    const first = taken.get(path) ?? file;
    taken.set(path, first);
    if (first.path === file.path) return each;
    const where = `${place.purpose}: ${storageName(place.mountId)}, ${JSON.stringify(path)}`;
    const refusal = new StorageError(
      'storage.exists',
      `${where}: ${JSON.stringify(first.path)} goes there, too`,
      { hint: 'give each output a path template of its own' },
    );
    return { ...each, destination: refusal };
  });
}

/**
 * A file that has no place keeps the others of its storage from theirs, as one that cannot be stored does. One that is part of several outputs
 * is stored once.
 */
async function publishGroup(
  planned: readonly Planned[],
  options: PublishOptions,
): Promise<readonly (Published | undefined)[]> {
  if (planned.some(({ destination }) => destination instanceof Error)) {
    return planned.map(({ destination }) => ({
      isThere: false,
      failure: destination instanceof Error ? destination : null,
    }));
  }
  const uploads = new Map<string, Upload>();
  const paths = planned.map(({ file, destination }) => {
    if (destination === null || destination instanceof Error) return null;
    if (!uploads.has(destination.path)) uploads.set(destination.path, { file, destination });
    return destination.path;
  });
  const published = await publishUploads([...uploads.values()], options);
  const ends = new Map([...uploads.keys()].map((path, at) => [path, published[at]]));
  return paths.map((path) => (path === null ? undefined : ends.get(path)));
}

function toSent({ file, destination }: Planned, published: Published | undefined): SentFile {
  const isThere = published?.isThere === true;
  const failure = published?.failure ?? null;
  const uploaded =
    isThere && destination !== null && !(destination instanceof Error)
      ? { backendMountId: destination.place.mountId, path: destination.path }
      : null;
  return {
    file: { path: file.path, ...file.digest, uploaded },
    failure,
    isHeldBack: destination !== null && !isThere && failure === null,
  };
}

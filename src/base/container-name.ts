/** Names of the containers and volumes we create. A name identifies; ownership is proven by labels, never by a name. */
import { nodeCrypto } from './node-crypto.js';

const MAX_SEGMENT = 32;
const HASH_LENGTH = 16;
const MAX_ATTEMPT = 1_000_000_000;
// 16 hex digits end a hashed id and 12 end a UUID: kept as they are, such ids could pass for the tail of another.
const PLAIN_RUN_ID = /^(?![0-9a-f]{12}$|[0-9a-f]{16}$)[a-z0-9]{1,48}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Makes the name `<prefix>-<slug>-<runId>-<attempt>`: lower-case, at most 128 characters, as engines allow
 * (`[a-zA-Z0-9][a-zA-Z0-9_.-]*`). Prefix and slug keep 32 characters. A run id that is not a UUID or up to 48
 * letters a-z and digits gets a hash of the whole id at its end, so that no two ids ever share a name.
 *
 * @throws RangeError when the attempt is not a whole number from 1 to 1,000,000,000.
 */
export function containerName(prefix: string, jobSlug: string, runId: string, attempt: number): string {
  if (!Number.isInteger(attempt) || attempt < 1 || attempt > MAX_ATTEMPT) {
    throw new RangeError(`attempt must be a whole number from 1 to ${String(MAX_ATTEMPT)}`);
  }
  return [
    toSegment(prefix, MAX_SEGMENT) || 'berthkit',
    toSegment(jobSlug, MAX_SEGMENT) || 'job',
    toRunSegment(runId),
    String(attempt),
  ].join('-');
}

/** What follows the name of a job's container, or of an examination, in the names of what is made for it. */
const HELPER_PART = /^(work|inputs|secrets|files|probe|(input|volume)-(\d{1,5}|config))$/;

/** The name of a volume or container that is made for a job's container and goes with it. */
export function helperName(ofContainer: string, part: string): string {
  return `${ofContainer}-${part}`;
}

/** Whether a name is one of those that {@link helperName} makes for a container. */
export function isHelperName(name: string, ofContainer: string): boolean {
  return name.startsWith(`${ofContainer}-`) && HELPER_PART.test(name.slice(ofContainer.length + 1));
}

function toRunSegment(runId: string): string {
  if (PLAIN_RUN_ID.test(runId) || UUID.test(runId)) return runId;
  const hash = nodeCrypto().createHash('sha256').update(runId, 'utf8').digest('hex').slice(0, HASH_LENGTH);
  return `${toSegment(runId, MAX_SEGMENT - 1) || 'run'}-${hash}`;
}

/** Lower-cases, replaces what is not allowed by `-`, cuts, and strips separators from both ends. */
function toSegment(text: string, maxLength: number): string {
  // Cut before replacing: a slug of megabytes costs nothing.
  const characters = text
    .slice(0, 4 * maxLength)
    .toLowerCase()
    .replace(/[^a-z0-9_.-]/g, '-')
    .split('');
  const start = characters.findIndex(isAlphanumeric);
  if (start < 0) return '';
  const kept = characters.slice(start, start + maxLength);
  return kept.slice(0, kept.findLastIndex(isAlphanumeric) + 1).join('');
}

const isAlphanumeric = (character: string): boolean => /[a-z0-9]/.test(character);

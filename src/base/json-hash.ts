/** One hash per JSON value, however its keys are ordered. */
import { nodeCrypto } from './node-crypto.js';
import { canonicalJson } from './canonical-json.js';

/**
 * Lower-case hex SHA-256 of the canonical JSON (RFC 8785).
 *
 * @throws TypeError for what is not JSON, as {@link canonicalJson} does.
 */
export function jsonHash(value: unknown): string {
  return nodeCrypto().hash('sha256', canonicalJson(value));
}

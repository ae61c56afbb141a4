/** One hash per JSON value, however its keys are ordered. */
import { withCanonicalJson } from './canonical-json.js';
import { nodeCrypto } from './node-crypto.js';

/**
 * Lower-case hex SHA-256 of the canonical JSON (RFC 8785).
 *
 * @throws TypeError for what is not JSON, as `canonicalJson` does.
 */
export function jsonHash(value: unknown): string {
  return withCanonicalJson(value, (bytes) => nodeCrypto().hash('sha256', bytes));
}

/** Several secret resolvers as one. It knows no secrets itself. */
import type { SecretResolver } from './types.js';

/**
 * Asks resolvers in order and takes the first answer that is not `undefined`. One that throws ends the search: it may be the one that
 * knows, and a value from another place would be the wrong one.
 */
export function combineSecrets(...resolvers: readonly SecretResolver[]): SecretResolver {
  return async (reference, context) => {
    for (const resolver of resolvers) {
      context.signal.throwIfAborted();
      const answer = await resolver(reference, context);
      if (answer !== undefined) return answer;
    }
    return undefined;
  };
}

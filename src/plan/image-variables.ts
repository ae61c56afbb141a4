/** Which of an image's own variables a job is given empty, as policy says. An engine has no other word for it that all of them understand. Pure. */
import { matchesWildcard } from '../base/wildcard.js';
import type { ContainerSpec } from './container-spec.js';

type Variables = ContainerSpec['environment'];

/** The variables of a container and, empty, those of its image that match a pattern and that the container does not set. */
export function withEmptied(
  environment: Variables,
  imageEnvironment: readonly string[],
  patterns: readonly string[],
): Variables {
  if (patterns.length === 0) return environment;
  const set = new Set(environment.map(({ name }) => name));
  const inherited = new Set(imageEnvironment.map((line) => line.split('=')[0] ?? ''));
  const emptied = [...inherited].filter(
    (name) => !set.has(name) && patterns.some((pattern) => matchesWildcard(pattern, name)),
  );
  return [...environment, ...emptied.map((name) => ({ name, value: '' }))];
}

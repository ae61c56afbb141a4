/** The many spellings under which a registry is logged in to, brought to the one a reference has. It looks nothing up. */
import { normalizeHost } from './image-host.js';

/**
 * The host of a key such as `https://index.docker.io/v1/`, `ghcr.io` or `http://127.0.0.1:5000/v2/`, as `parseImageReference` gives it: without
 * scheme, path and the default port; `docker.io` for every name of Docker Hub.
 */
export function registryOf(key: string): string {
  const withoutScheme = key
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, '');
  const slash = withoutScheme.indexOf('/');
  const host = slash < 0 ? withoutScheme : withoutScheme.slice(0, slash);
  return normalizeHost(host.replace(/:443$/, ''));
}

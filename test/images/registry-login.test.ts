/** How calls to a registry log in: what is said when this machine has credentials that cannot be had. */
import { ImageError, SecretError } from 'berthkit';
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { createRegistryLogin } from '../../src/images/registry-login.js';

it('a registry that refuses nobody is told together with what kept credentials away', async () => {
  const login = createRegistryLogin(() => parseConfig({}), {
    resolver: undefined,
    ambient: async () =>
      Promise.reject(new SecretError('secret.failed', 'docker-credential-x is not installed.')),
  });
  const asked: unknown[] = [];
  const call = login.loggedIn('ghcr.io/acme/x:1', {}, async (credentials) => {
    asked.push(credentials);
    return Promise.reject(new ImageError('image.unauthorized', 'refused', { hint: 'Log in.' }));
  });
  await expect(call).rejects.toMatchObject({
    code: 'image.unauthorized',
    hint: 'no credentials for ghcr.io from this machine: docker-credential-x is not installed. Log in.',
  });
  expect(asked).toEqual([undefined]);
});

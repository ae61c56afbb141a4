import { expect, it } from 'vitest';
import { registryOf } from '../../src/base/registry-key.js';

it.each([
  ['https://index.docker.io/v1/', 'docker.io'],
  ['index.docker.io', 'docker.io'],
  ['docker.io', 'docker.io'],
  ['registry-1.docker.io', 'docker.io'],
  ['https://registry.hub.docker.com', 'docker.io'],
  ['ghcr.io', 'ghcr.io'],
  ['https://GHCR.io/', 'ghcr.io'],
  ['ghcr.io:443', 'ghcr.io'],
  ['http://127.0.0.1:5000/v2/', '127.0.0.1:5000'],
  ['123.dkr.ecr.eu-west-1.amazonaws.com', '123.dkr.ecr.eu-west-1.amazonaws.com'],
  ['[::1]:5000', '[::1]:5000'],
  ['ghcr.io.attacker.example', 'ghcr.io.attacker.example'],
  ['', ''],
])('%s is %s', (key, registry) => {
  expect(registryOf(key)).toBe(registry);
});

import { describe, expect, it } from 'vitest';
import { isLocal, parseHost, resolveEndpoint } from '../../../src/engine/docker/endpoint.js';

describe('resolveEndpoint', () => {
  it.each([
    [{}, { host: 'unix:///var/run/docker.sock', from: 'default' }],
    [{ DOCKER_HOST: '  ' }, { host: 'unix:///var/run/docker.sock', from: 'default' }],
    [{ DOCKER_HOST: 'unix:///tmp/e.sock' }, { host: 'unix:///tmp/e.sock', from: 'DOCKER_HOST' }],
    [{ DOCKER_HOST: 'tcp://127.0.0.1:2375' }, { host: 'tcp://127.0.0.1:2375', from: 'DOCKER_HOST' }],
    [
      { DOCKER_HOST: 'unix:///e.sock', DOCKER_TLS_VERIFY: '1' },
      { host: 'unix:///e.sock', from: 'DOCKER_HOST' },
    ],
  ])('%j', (env, expected) => {
    expect(resolveEndpoint(env)).toEqual(expected);
  });

  it.each([
    [{ DOCKER_HOST: 'ssh://user@host' }, /DOCKER_HOST=ssh/],
    [{ DOCKER_HOST: 'fd://' }, /DOCKER_HOST=fd/],
    [{ DOCKER_HOST: 'npipe:////./pipe/docker_engine' }, /DOCKER_HOST=npipe/],
    [{ DOCKER_HOST: 'localhost:2375' }, /DOCKER_HOST=localhost:2375/],
    [{ DOCKER_HOST: 'unix://relative.sock' }, /not absolute/],
    [{ DOCKER_HOST: 'tcp://127.0.0.1:2376', DOCKER_TLS_VERIFY: '1' }, /TLS/],
    [{ DOCKER_HOST: 'tcp://h:1/prefix' }, /path/],
    [{ DOCKER_HOST: 'tcp://h:notaport' }, /not a URL/],
  ])('%j is refused', (env, message) => {
    expect(() => resolveEndpoint(env)).toThrow(
      expect.objectContaining({
        code: 'engine.unsupported',
        message: expect.stringMatching(message) as string,
      }),
    );
  });

  it('does not repeat a password', () => {
    expect(() => resolveEndpoint({ DOCKER_HOST: 'tcp://me:hunter2@h:1' })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') as string }),
    );
    expect(() => resolveEndpoint({ DOCKER_HOST: 'ssh://me:hunter2@h' })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') as string }),
    );
  });
});

describe('parseHost', () => {
  it.each([
    ['unix:///a b/c.sock', { socketPath: '/a b/c.sock' }],
    ['npipe:////./pipe/docker_engine', { socketPath: '//./pipe/docker_engine' }],
    ['tcp://example.org', { hostname: 'example.org', port: 2375 }],
    ['tcp://example.org:80', { hostname: 'example.org', port: 80 }],
    ['tcp://[::1]:99/', { hostname: '::1', port: 99 }],
  ])('%s', (host, address) => {
    expect(parseHost(host)).toEqual(address);
  });

  it.each([
    ['unix:///x', true],
    ['tcp://127.0.0.1:1', true],
    ['tcp://localhost:1', true],
    ['tcp://[::1]:1', true],
    ['tcp://127.example.org:1', false],
    ['tcp://10.0.0.1:1', false],
  ])('%s is local: %s', (host, local) => {
    expect(isLocal(parseHost(host))).toBe(local);
  });
});

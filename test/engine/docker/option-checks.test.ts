/** What callers without types may give: each is told by its name, with what is allowed, before anything is looked for. */
import { describe, expect, it } from 'vitest';
import { dockerEngine } from '../../../src/engine/docker/docker-engine.js';
import { resolveEndpoint } from '../../../src/engine/docker/endpoint.js';
import { dockerRegistryAuth } from '../../../src/engine/docker/registry-auth.js';

/** A function as JavaScript sees it. */
const untyped =
  (call: (...given: never[]) => unknown) =>
  (...given: unknown[]): Promise<unknown> =>
    // eslint-disable-next-line @typescript-eslint/require-await -- what is thrown at once is to reject like the rest
    (async () => (call as (...given: unknown[]) => unknown)(...given))();

const refusing = (path: string, message: string) => ({
  name: 'ConfigError',
  code: 'config.invalid',
  message: expect.stringContaining(`${path} ${message}`) as string,
  details: { issues: [{ code: 'config.invalid_value', path, message }] },
});

describe('dockerEngine', () => {
  it.each<[unknown, string, string]>([
    [5, 'options', 'must be an object'],
    [null, 'options', 'must be an object'],
    ['unix:///e.sock', 'options', 'must be an object'],
    [{ host: 5 }, 'options.host', 'must be text'],
    [{ host: new URL('tcp://h') }, 'options.host', 'must be text'],
    [{ tls: true }, 'options.tls', 'must be an object'],
    [{ host: 'tcp://h', tls: { ca: 5 } }, 'options.tls.ca', 'must be text, in PEM'],
    [{ host: 'tcp://h', tls: { key: Buffer.from('k') } }, 'options.tls.key', 'must be text, in PEM'],
    [{ host: 'tcp://h', tls: { serverName: 5 } }, 'options.tls.serverName', 'must be text'],
    [
      { host: 'tcp://h', tls: { caFile: '/ca.pem' } },
      'options.tls.caFile',
      'is unknown; known are ca, cert, key, serverName',
    ],
    [{ host: 'ssh://h', ssh: 'ssh' }, 'options.ssh', 'must be an object'],
    [{ host: 'ssh://h', ssh: { program: 5 } }, 'options.ssh.program', 'must be text'],
    [{ host: 'ssh://h', ssh: { arguments: '-F x' } }, 'options.ssh.arguments', 'must be a list of texts'],
    [{ host: 'ssh://h', ssh: { arguments: [5] } }, 'options.ssh.arguments', 'must be a list of texts'],
    [{ from: 5 }, 'options.from', 'must be text'],
    [{ name: 5 }, 'options.name', 'must be text'],
  ])('%j: %s %s', async (options, path, message) => {
    await expect(untyped(dockerEngine)(options)).rejects.toMatchObject(refusing(path, message));
  });

  it('is told all that is wrong at once', async () => {
    await expect(untyped(dockerEngine)({ host: 5, name: 5 })).rejects.toMatchObject({
      message: expect.stringMatching(/^Invalid arguments of dockerEngine:\n- .*host.*\n- .*name/) as string,
    });
  });

  it('takes null for what is not given', async () => {
    await untyped(dockerEngine)({ host: null, tls: null, ssh: null, from: undefined });
  });
});

describe('resolveEndpoint', () => {
  it.each<[unknown, unknown, string, string]>([
    [undefined, undefined, 'env', 'must be an object'],
    [{ DOCKER_HOST: 5 }, undefined, 'env.DOCKER_HOST', 'must be text'],
    [{ DOCKER_CONTEXT: {} }, undefined, 'env.DOCKER_CONTEXT', 'must be text'],
    [{ HOME: null }, undefined, 'env.HOME', 'must be text'],
    [{ host: 5 }, undefined, 'env.host', 'must be text'],
    [{}, null, 'options', 'must be an object'],
    [{}, { host: 5 }, 'options.host', 'must be text'],
    [{}, { tls: 'ca.pem' }, 'options.tls', 'must be an object'],
    [{}, { tls: { caFile: 5 } }, 'options.tls.caFile', 'must be text'],
    [
      {},
      { tls: { ca: '' } },
      'options.tls.ca',
      'is unknown; known are caFile, certFile, keyFile, serverName',
    ],
  ])('%j, %j: %s %s', async (env, options, path, message) => {
    await expect(untyped(resolveEndpoint)(env, options)).rejects.toMatchObject(refusing(path, message));
  });
});

describe('dockerRegistryAuth', () => {
  it.each<[unknown, string, string]>([
    [undefined, 'env', 'must be an object'],
    [{ DOCKER_AUTH_CONFIG: {} }, 'env.DOCKER_AUTH_CONFIG', 'must be text'],
  ])('%j: %s %s', async (env, path, message) => {
    await expect(untyped(dockerRegistryAuth)(env)).rejects.toMatchObject(refusing(path, message));
  });
});

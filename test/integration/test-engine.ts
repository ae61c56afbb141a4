/** The engine tests run on, found and reached as users do; the scripts see to it that there is one. */
import { connect, type Socket } from 'node:net';
import { connect as connectByTls } from 'node:tls';
import { type ContainerEngine, dockerEngine, type EngineEndpoint, resolveEndpoint } from 'berthkit';
import { beforeEach, TestRunner } from 'vitest';
import './watch-calls.js';

if (process.env['DOCKER_HOST'] === undefined) {
  throw new Error('DOCKER_HOST is not set: run tests through "npm test"');
}

const endpoint: EngineEndpoint = await resolveEndpoint(process.env);

/** Where it is: a socket, or `tcp://host:port` with TLS. */
export const engineHost = endpoint.host;

/** The engine is as on another machine: reached by TLS, and it does not see the folders of tests. */
export const isRemote = endpoint.tls !== null;

/** What a process needs in its environment to find it. */
export const engineVariables: Readonly<Record<string, string>> = Object.fromEntries(
  ['DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);

/** A client of its own; whoever takes it closes it. */
export function testEngine(): ContainerEngine {
  const engine = dockerEngine(endpoint);
  // Its address alone, of this host, does not tell.
  return { ...engine, capabilities: { ...engine.capabilities, bindMounts: !isRemote } };
}

/** A new connection to the engine that stays open in one direction when the other ends. */
export function connectToEngine(): Socket {
  const { host, tls } = endpoint;
  if (host.startsWith('unix://')) {
    return connect({ path: host.slice('unix://'.length), allowHalfOpen: true });
  }
  const { hostname, port } = new URL(host.replace(/^tcp:/, 'http:'));
  const where = { host: hostname, port: Number(port), allowHalfOpen: true };
  return tls === null ? connect(where) : connectByTls({ ...where, ca: tls.ca, cert: tls.cert, key: tls.key });
}

/**
 * Skips the test that calls it, or all of the file or `describe` it is called in, where the engine does not see the files of this host. The reason is
 * printed with the totals.
 */
export function needsSharedFiles(reason: string): void {
  if (!isRemote) return;
  const current = TestRunner.getCurrentTest();
  if (current !== undefined) return current.context.skip(reason);
  beforeEach(({ skip }) => {
    skip(reason);
  });
}

/** Where an engine may already be: DOCKER_HOST, the current Docker context, the usual sockets. Reads files, connects to nothing. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return {};
  }
}

/** The host of the current context, or undefined for the default one. */
function contextHost(env) {
  const folder = env.DOCKER_CONFIG ?? join(homedir(), '.docker');
  const name = env.DOCKER_CONTEXT ?? readJson(join(folder, 'config.json')).currentContext;
  if (!name || name === 'default') return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  return readJson(join(folder, 'contexts', 'meta', id, 'meta.json')).Endpoints?.docker?.Host;
}

/** @returns {string[]} hosts to try, best first */
export function engineCandidates(env) {
  const sockets = [
    '/var/run/docker.sock',
    env.XDG_RUNTIME_DIR && join(env.XDG_RUNTIME_DIR, 'docker.sock'),
    join(homedir(), '.docker', 'run', 'docker.sock'),
    join(homedir(), '.docker', 'desktop', 'docker.sock'),
  ];
  const usual = sockets.filter((path) => path && existsSync(path)).map((path) => `unix://${path}`);
  const hosts = [env.DOCKER_HOST, contextHost(env), ...usual];
  return [...new Set(hosts.filter((host) => host && /^(unix|tcp):\/\//.test(host)))];
}

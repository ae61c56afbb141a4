/** What makes a private engine one of another machine's: certificates for TLS over TCP, and mounts in which it sees nobody's files but its own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Docker's own for TLS; it is free in a network namespace of one's own. */
const PORT = 2376;
const AUTHORITY = ['-days', '2', '-subj', '/CN=berthkit test authority'];
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Where this machine has temporary folders, and with them those of tests. */
const HIDDEN = [tmpdir(), '/dev/shm'];

/**
 * Hides those folders from the command, but not its own, which is beneath the first: $0 is its own, $1 and $2 are hidden. What is hidden cannot be named
 * any more, only held open.
 */
const HIDE = [
  'set -e',
  'own=$0 first=$1 second=$2',
  'shift 2',
  'exec 3<"$own"',
  'for folder in "$first" "$second"; do [ ! -d "$folder" ] || mount -t tmpfs -o mode=1777 tmpfs "$folder"; done',
  'mkdir -p "$own"',
  'mount --no-canonicalize --rbind /proc/self/fd/3 "$own"',
  'exec 3<&-',
  'exec "$@"',
].join('\n');

/**
 * Prepares an engine that is reached only by TLS and lives in a mount namespace of its own.
 *
 * @param {string} folder the engine's, in the folder for temporary ones
 */
export function prepareRemote(folder) {
  const certificates = join(folder, 'certificates');
  makeCertificates(certificates);
  const at = (name) => join(certificates, name);
  return {
    /** Stand before the engine's own command. */
    wrapper: [
      ...['unshare', '--mount', '--propagation', 'private', '--'],
      ...['sh', '-c', HIDE, folder, ...HIDDEN],
    ],
    flags: [
      ...['--host', `tcp://127.0.0.1:${PORT}`, '--tlsverify'],
      ...['--tlscacert', at('ca.pem'), '--tlscert', at('server.pem'), '--tlskey', at('server-key.pem')],
    ],
    /** How Docker's users find it. */
    environment: {
      DOCKER_HOST: `tcp://127.0.0.1:${PORT}`,
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: certificates,
    },
  };
}

/** An authority, and what it vouches for: the engine at 127.0.0.1, and a client, named as Docker's own client looks for them. */
function makeCertificates(folder) {
  mkdirSync(folder, { mode: 0o700 });
  const openssl = (...words) => {
    const { status, stderr, error } = spawnSync('openssl', words, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl could not make certificates: ${error?.message ?? stderr}`);
  };
  openssl('req', '-x509', ...NEW_KEY, ...AUTHORITY, '-keyout', 'ca-key.pem', '-out', 'ca.pem');
  writeFileSync(join(folder, 'server.ext'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
  writeFileSync(join(folder, 'client.ext'), 'extendedKeyUsage=clientAuth\n');
  const sign = (name, key, certificate) => {
    const request = `${name}.csr`;
    openssl('req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', request, ...by, '-extfile', `${name}.ext`, '-out', certificate);
  };
  sign('server', 'server-key.pem', 'server.pem');
  sign('client', 'key.pem', 'cert.pem');
}

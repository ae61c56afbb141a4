/** The words in which engines and registries refuse a pull, as they were recorded, and what becomes of them. */
import { expect, it } from 'vitest';
import { toPullError } from '../../../src/engine/docker/pull-errors.js';

const HOST = '127.0.0.1:5055';

it.each([
  // Docker 20.10
  [
    500,
    `Head "http://${HOST}/v2/demo/bb/manifests/1": no basic auth credentials`,
    'image.unauthorized',
    null,
  ],
  [500, 'unauthorized: authentication required', 'image.unauthorized', null],
  [
    404,
    `manifest for ${HOST}/demo/bb:404 not found: manifest unknown: manifest unknown`,
    'image.not_found',
    null,
  ],
  [
    500,
    'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    'image.pull_failed',
    'connection_refused',
  ],
  [
    500,
    `error parsing HTTP 400 response body: invalid character 'C' looking for beginning of value: "Client sent an HTTP request to an HTTPS server.\\n"`,
    'image.pull_failed',
    null,
  ],
  [null, 'unknown blob', 'image.pull_failed', 'missing_blob'],
  [400, 'invalid reference format: repository name must be lowercase', 'image.pull_failed', null],
  // Docker, in all versions, of Docker Hub
  [
    404,
    "pull access denied for acme/x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    'image.not_found',
    null,
  ],
  [500, 'toomanyrequests: You have reached your pull rate limit.', 'image.pull_failed', 'too_many_requests'],
  [
    500,
    'no matching manifest for linux/arm64/v8 in the manifest list entries',
    'image.platform_mismatch',
    null,
  ],
  [
    500,
    'Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host',
    'image.pull_failed',
    'unknown_host',
  ],
  [
    500,
    'Get "https://registry.example/v2/": dial tcp: lookup registry.example on 10.0.0.2:53: read udp 10.0.0.3:4->10.0.0.2:53: i/o timeout',
    'image.pull_failed',
    'unknown_host',
  ],
  [
    500,
    'Get "https://registry.example/v2/": net/http: TLS handshake timeout',
    'image.pull_failed',
    'no_answer',
  ],
  [
    500,
    'Get "https://r/v2/": x509: certificate signed by unknown authority',
    'image.pull_failed',
    'certificate',
  ],
  [
    500,
    'Get "https://r/v2/": http: server gave HTTP response to HTTPS client',
    'image.pull_failed',
    'plain_http',
  ],
  [500, 'received unexpected HTTP status: 502 Bad Gateway', 'image.pull_failed', 'registry_error'],
  [null, 'filesystem layer verification failed for digest sha256:0', 'image.digest_mismatch', null],
  [null, 'write /var/lib/docker/tmp/GetImageBlob1: no space left on device', 'image.pull_failed', 'no_space'],
  // Podman 4.3, in the stream and after the steps that came to it
  [
    null,
    `initializing source docker://${HOST}/demo/bb:1: reading manifest 1 in ${HOST}/demo/bb: unauthorized: authentication required`,
    'image.unauthorized',
    null,
  ],
  [
    null,
    `initializing source docker://${HOST}/demo/bb:404: reading manifest 404 in ${HOST}/demo/bb: manifest unknown: manifest unknown`,
    'image.not_found',
    null,
  ],
  [
    null,
    'initializing source docker://127.0.0.1:1/x:1: pinging container registry 127.0.0.1:1: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    'image.pull_failed',
    'connection_refused',
  ],
  // A registry, or a proxy before it, that answers in words of its own: Docker 20.10
  [
    500,
    `error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: "<html>403</html>"`,
    'image.unauthorized',
    null,
  ],
  [
    500,
    `error parsing HTTP 404 response body: invalid character 'p' after top-level value: "404 page not found\\n"`,
    'image.not_found',
    null,
  ],
  [
    500,
    `error parsing HTTP 429 response body: invalid character '<' looking for beginning of value: "<html>429</html>"`,
    'image.pull_failed',
    'too_many_requests',
  ],
  [
    500,
    `error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: "StatusCode: 404, unauthorized"`,
    'image.unauthorized',
    null,
  ],
  [500, `invalid character '<' looking for beginning of value`, 'image.pull_failed', 'registry_error'],
  // The same, Podman 4.3
  [null, 'reading manifest 1 in h/x: StatusCode: 403, 403 page not here\n', 'image.unauthorized', null],
  [null, 'reading manifest 1 in h/x: StatusCode: 404, 404 page not found\n', 'image.not_found', null],
  [
    null,
    'pinging container registry h: invalid status code from registry 403 (Forbidden)',
    'image.unauthorized',
    null,
  ],
  [
    null,
    'parsing image configuration: Error fetching blob: invalid status code from registry 502 (Bad Gateway)',
    'image.pull_failed',
    'registry_error',
  ],
  [
    null,
    'parsing image configuration: Error fetching blob: invalid status code from registry 403 (Forbidden)',
    'image.unauthorized',
    null,
  ],
  [
    null,
    'parsing image configuration: Error fetching blob: invalid status code from registry 404 (Not Found)',
    'image.pull_failed',
    'missing_blob',
  ],
  // A registry’s 403, of which Docker makes 404
  [
    404,
    "pull access denied for acme/x, repository does not exist or may require 'docker login': denied: Your authorization token has expired. Reauthenticate and try again.",
    'image.unauthorized',
    null,
  ],
  // Lies, and what breaks off: Docker, then Podman
  [null, 'image config verification failed for digest sha256:0', 'image.digest_mismatch', null],
  [
    null,
    'Download config.json digest sha256:44 does not match expected sha256:12',
    'image.digest_mismatch',
    null,
  ],
  [500, 'Get "http://127.0.0.1:1/v2/": EOF', 'image.pull_failed', 'no_answer'],
  [null, 'expected HTTP 206 from byte range request', 'image.pull_failed', 'no_answer'],
  [
    500,
    'Head "http://127.0.0.1:1/v2/x/manifests/1": stopped after 10 redirects',
    'image.pull_failed',
    'registry_error',
  ],
  // Only a status
  [401, 'x', 'image.unauthorized', null],
  [403, 'x', 'image.unauthorized', null],
  [404, 'x', 'image.not_found', null],
  [429, 'x', 'image.pull_failed', 'too_many_requests'],
  [500, 'something new', 'image.pull_failed', null],
  [500, '', 'image.pull_failed', null],
])('%s %s: %s, %s', (status, text, code, reason) => {
  const error = toPullError('x:1', status, text);
  expect(error).toMatchObject({ code });
  expect(error.details['reason'] ?? null).toBe(reason);
  expect(error.details['statusCode'] ?? null).toBe(status);
  expect(error.message).toBe(`Pulling x:1 failed: ${text.trim() || 'no reason given'}.`);
});

const REFUSED = 'connect: connection refused';

/** What a name, and nothing else, would have decided. */
it.each([
  ['127.0.0.1:1/acme/unauthorized:1', 500, `Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: ${REFUSED}`],
  [
    '127.0.0.1:1/acme/unauthorized:1',
    null,
    `initializing source docker://127.0.0.1:1/acme/unauthorized:1: pinging container registry 127.0.0.1:1: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: ${REFUSED}`,
  ],
  ['denied.invalid:5/x:1', 500, `Get "https://denied.invalid:5/v2/": dial tcp 10.0.0.1:5: ${REFUSED}`],
  [
    'r.example/x509:denied',
    null,
    `reading manifest denied in r.example/x509: dial tcp 10.0.0.1:5: ${REFUSED}`,
  ],
])('%s, %s: is not there, whatever it is called', (reference, status, text) => {
  expect(toPullError(reference, status, text)).toMatchObject({
    code: 'image.pull_failed',
    details: { reason: 'connection_refused' },
    message: `Pulling ${reference} failed: ${text}.`,
  });
});

it.each([
  [
    `${HOST}/enix/x509-certificate-exporter:3`,
    500,
    `received unexpected HTTP status: 503 Service Unavailable for http://${HOST}/v2/enix/x509-certificate-exporter/manifests/3`,
    'image.pull_failed',
    'registry_error',
  ],
  [
    'denied.invalid/x:1',
    500,
    'Get "https://denied.invalid/v2/": dial tcp: lookup denied.invalid on 10.0.0.2:53: no such host',
    'image.pull_failed',
    'unknown_host',
  ],
  [
    'acme/toomanyrequests:1',
    404,
    "pull access denied for acme/toomanyrequests, repository does not exist or may require 'docker login'",
    'image.not_found',
    null,
  ],
  [
    'denied',
    500,
    'manifest for denied:latest not found: manifest unknown: manifest unknown',
    'image.not_found',
    null,
  ],
  // Words of a name that are words of the failure, too
  [`${HOST}/unknown:unknown`, 404, 'manifest unknown: manifest unknown', 'image.not_found', null],
  ['unauthorized:1', 500, 'unauthorized: authentication required', 'image.unauthorized', null],
])('%s, %s, %s: %s, %s', (reference, status, text, code, reason) => {
  const error = toPullError(reference, status, text);
  expect([error.code, error.details['reason'] ?? null]).toEqual([code, reason]);
});

it.each([
  [404, 'access to it is denied', 'image.not_found'],
  [403, 'manifest unknown', 'image.unauthorized'],
  [
    404,
    'no matching manifest for linux/s390x in the manifest list entries: no match for platform in manifest: not found',
    'image.platform_mismatch',
  ],
])('goes by the status before the words, but for a platform: %s, %s: %s', (status, text, code) => {
  expect(toPullError('x:1', status, text).code).toBe(code);
});

it('says what to do about a limit', () => {
  expect(toPullError('x:1', 500, 'toomanyrequests: …').hint).toMatch(/wait, log in/);
});

it('keeps the words of a registry to one line that steers no terminal', () => {
  const error = toPullError('x:1', 500, 'denied: go\u001b[2J\r\naway\u202e');
  expect(error).toMatchObject({
    code: 'image.unauthorized',
    message: 'Pulling x:1 failed: denied: go\\u001b[2J\\r\\naway\\u202e.',
  });
});

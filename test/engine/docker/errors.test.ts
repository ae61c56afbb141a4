import { describe, expect, it } from 'vitest';
import { oneLine } from '../../../src/base/one-line.js';
import { EngineError } from '../../../src/errors.js';
import { messageOf, StatusFailure, statusOf, toEngineError } from '../../../src/engine/docker/errors.js';
import { SshFailure } from '../../../src/engine/docker/ssh-connection.js';

const attempted = { doing: 'do it', host: 'unix:///e.sock' };
const withCode = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe('toEngineError', () => {
  it.each([
    ['ENOENT', /start the engine/],
    ['EACCES', /group/],
    ['ECONNREFUSED', /start the engine/],
    ['ECONNRESET', /may or may not/],
    ['EPIPE', /may or may not/],
    ['ENOTFOUND', /host name/],
    ['ETIMEDOUT', /network/],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', /client certificate/],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', /client certificate/],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', /TLS failed/],
  ])('%s: unreachable, with what was tried and what to do', (code, hint) => {
    const cause = withCode(code);
    const error = toEngineError(cause, attempted);
    expect(error).toMatchObject({ code: 'engine.unreachable', cause, details: { host: 'unix:///e.sock' } });
    expect(error.message).toContain('unix:///e.sock');
    expect(error.hint).toMatch(hint);
  });

  it.each(['ERR_OSSL_PEM_NO_START_LINE', 'ERR_OSSL_X509_KEY_VALUES_MISMATCH'])(
    '%s: a certificate of ours that cannot be used, now and later',
    (code) => {
      expect(toEngineError(withCode(code), attempted)).toMatchObject({
        code: 'engine.unsupported',
        retryable: false,
        message: expect.stringContaining('client certificate or its key') as string,
        hint: expect.stringContaining('PEM') as string,
      });
    },
  );

  it('looks into several failed addresses', () => {
    expect(toEngineError(new AggregateError([withCode('ECONNREFUSED')], ''), attempted).code).toBe(
      'engine.unreachable',
    );
  });

  it.each([
    [404, 'engine.not_found'],
    [409, 'engine.conflict'],
    [501, 'engine.unsupported'],
    [400, 'engine.failed'],
    [500, 'engine.failed'],
    [301, 'engine.failed'],
  ])('status %i: %s', (status, code) => {
    expect(toEngineError(new StatusFailure(status, 'why'), attempted)).toMatchObject({
      code,
      message: 'Could not do it: why.',
      details: { statusCode: status },
    });
  });

  it.each([
    [400, 'invalid mount config for type "bind": bind source path does not exist: /srv/x'],
    [500, 'container create: statfs /srv/x: no such file or directory'],
  ])('status %i, %s: says how the engine gets to see a folder', (status, message) => {
    const error = toEngineError(new StatusFailure(status, message), attempted);
    expect(error).toMatchObject({
      code: 'engine.failed',
      hint: expect.stringMatching(/hostWorkspaceRoot/) as string,
    });
  });

  it.each([
    [new StatusFailure(500, 'no\u001b[2J\nway'), 'Could not do it: no\\u001b[2J\\nway.'],
    [new StatusFailure(400, 'client version 1.9\u009b is too old\n'), 'Could not do it: client version'],
    [new Error('read\u2028failed'), 'Could not do it: read\\u2028failed.'],
    [new SshFailure('no\u001b[2J way'), /\(ssh: no\\u001b\[2J way\)/],
  ])('keeps words of others to one line that steers no terminal: %j', (cause, message) => {
    const { message: said } = toEngineError(cause, attempted);
    if (typeof message === 'string') expect(said).toContain(message);
    else expect(said).toMatch(message);
    expect(said).toBe(oneLine(said));
  });

  it('lets a call say what a status means, and leaves typed errors alone', () => {
    expect(toEngineError(new StatusFailure(404, ''), attempted, { 404: 'engine.image_not_found' }).code).toBe(
      'engine.image_not_found',
    );
    const typed = new EngineError('engine.failed', 'x');
    expect(toEngineError(typed, attempted)).toBe(typed);
  });

  it('says so when what listens there does not speak HTTP', () => {
    expect(toEngineError(withCode('HPE_INVALID_CONSTANT'), attempted)).toMatchObject({
      code: 'engine.failed',
      hint: expect.stringContaining('does not speak HTTP') as string,
    });
  });

  it.each([undefined, null, 'text', 7, new Error('')])('survives %j', (cause) => {
    expect(toEngineError(cause, attempted).code).toBe('engine.failed');
  });
});

describe('statusOf', () => {
  it('is what the engine answered, and null where it did not', () => {
    expect(statusOf(new StatusFailure(500, 'full'))).toBe(500);
    expect([undefined, null, 'text', new Error('x')].map(statusOf)).toEqual([null, null, null, null]);
  });

  it('is 404 for a container that Podman lost sight of while it looked at it', () => {
    const words = 'container 3f2a does not exist in database: no such container';
    expect(statusOf(new StatusFailure(500, words))).toBe(404);
    expect(statusOf({ statusCode: 500, message: `(HTTP code 500) server error - ${words} ` })).toBe(404);
    expect(toEngineError(new StatusFailure(500, words), attempted).code).toBe('engine.not_found');
    expect(statusOf(new StatusFailure(500, `${words}, but one of that name`))).toBe(500);
    expect(statusOf(new StatusFailure(409, words))).toBe(409);
  });
});

describe('messageOf', () => {
  it('prefers the engine’s words and drops docker-modem’s preamble', () => {
    const preamble = '(HTTP code 404) no such container - No such container: x-y - z ';
    expect(messageOf({ message: preamble, json: { message: 'own' } })).toBe('own');
    expect(messageOf({ message: preamble })).toBe('No such container: x-y - z');
    expect(messageOf({ message: 'a'.repeat(5000) })).toHaveLength(2000);
  });
});

/** Host strings, and what they mean. */
import { describe, expect, it } from 'vitest';
import { isLocal, parseHost } from '../../../src/engine/docker/address.js';

describe('parseHost', () => {
  it.each([
    ['unix:///a b/c.sock', { kind: 'socket', socketPath: '/a b/c.sock' }],
    ['npipe:////./pipe/docker_engine', { kind: 'socket', socketPath: '//./pipe/docker_engine' }],
    ['tcp://example.org', { kind: 'tcp', hostname: 'example.org', port: 2375, secure: false }],
    ['tcp://example.org:80', { kind: 'tcp', hostname: 'example.org', port: 80, secure: false }],
    ['tcp://[::1]:99/', { kind: 'tcp', hostname: '::1', port: 99, secure: false }],
    ['tcp://example.org:2376', { kind: 'tcp', hostname: 'example.org', port: 2376, secure: true }],
    ['http://example.org:2376', { kind: 'tcp', hostname: 'example.org', port: 2376, secure: false }],
    ['http://example.org', { kind: 'tcp', hostname: 'example.org', port: 80, secure: false }],
    ['https://example.org', { kind: 'tcp', hostname: 'example.org', port: 443, secure: true }],
    ['https://example.org:80', { kind: 'tcp', hostname: 'example.org', port: 80, secure: true }],
    ['ssh://example.org', { kind: 'ssh', hostname: 'example.org', user: null, port: null, socketPath: null }],
    [
      'ssh://me@example.org:2222/run/user/1000/docker.sock',
      {
        kind: 'ssh',
        hostname: 'example.org',
        user: 'me',
        port: 2222,
        socketPath: '/run/user/1000/docker.sock',
      },
    ],
    [
      'ssh://h/run/a b.sock',
      { kind: 'ssh', hostname: 'h', user: null, port: null, socketPath: '/run/a b.sock' },
    ],
    ['ssh://me@[::1]:22', { kind: 'ssh', hostname: '::1', user: 'me', port: 22, socketPath: null }],
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

  it('takes the port of TLS where TLS is asked for', () => {
    expect(parseHost('tcp://example.org', true)).toEqual({
      kind: 'tcp',
      hostname: 'example.org',
      port: 2376,
      secure: true,
    });
  });

  it.each([
    ['fd://', false, /scheme "fd" is not known/],
    ['localhost:2375', false, /has no scheme/],
    ['unix://relative.sock', false, /not absolute/],
    ['npipe://', false, /no name/],
    ['tcp://h:1/prefix', false, /path/],
    ['tcp://h:notaport', false, /not a URL/],
    ['tcp://ho\nst:1', false, /host "tcp:\/\/ho\\nst:1" .*whitespace or control characters/],
    ['tcp://h:1\n', false, /whitespace or control/],
    ['https://h\t:1', true, /whitespace or control/],
    ['tcp://h :1', false, /whitespace or control/],
    ['tcp://h\u0000:1', false, /whitespace or control/],
    ['tcp://me:hunter2@h\n:1', false, /whitespace or control/],
    ['ssh://me@h\r\n', false, /whitespace or control/],
    ['ssh://me@h/run/a\tb.sock', false, /whitespace or control/],
    ['ssh://m e@h', false, /whitespace or control/],
    ['tcp://me:hunter2@h:1', false, /credentials/],
    ['http://h:1', true, /without TLS/],
    ['unix:///e.sock', true, /over TCP only/],
    ['npipe:////./pipe/e', true, /over TCP only/],
    ['ssh://me@h', true, /over TCP only/],
    ['ssh://me:hunter2@h', false, /password/],
    ['ssh://-oProxyCommand=evil', false, /other characters/],
    ['ssh://-oProxyCommand=evil@h', false, /other characters/],
    ['ssh://h?x=1', false, /query/],
    ['ssh://%zz:hunter2@h', false, /"%zz" cannot be decoded/],
    ['ssh://h/%E0%A4%A', false, /cannot be decoded/],
    ['ssh://h/a%00b', false, /cannot be decoded/],
  ])('%s (TLS: %s) is refused, without repeating a password', (host, withTls, message) => {
    expect(() => parseHost(host, withTls)).toThrow(
      expect.objectContaining({
        code: 'engine.unsupported',
        message: expect.stringMatching(message) as string,
      }),
    );
    expect(() => parseHost(host, withTls)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') as string }),
    );
  });
});

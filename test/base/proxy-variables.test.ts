import { describe, expect, it } from 'vitest';
import { proxySecrets, proxyVariables } from '../../src/base/proxy-variables.js';

describe('variables of proxies', () => {
  it('are there in both cases', () => {
    expect(proxyVariables([]).map(({ name }) => name)).toEqual([
      ...['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'FTP_PROXY', 'ftp_proxy'],
      ...['NO_PROXY', 'no_proxy', 'ALL_PROXY', 'all_proxy'],
    ]);
  });

  it.each(['HTTP_PROXY', 'http_proxy', 'Http_Proxy'])('leave a job its own, in either case: %s', (name) => {
    expect(proxyVariables([name, 'OTHER']).map(({ proxy }) => proxy)).not.toContain('httpProxy');
    expect(proxyVariables([name])).toHaveLength(8);
  });
});

describe('secrets of a proxy', () => {
  it.each<[string, readonly string[]]>([
    ['http://proxy:3128', []],
    ['http://proxy:3128/a@b', []],
    ['localhost,.example.com', []],
    ['http://@proxy', []],
    ['http://me:pass@proxy:1', ['http://me:pass@proxy:1', 'me:pass', 'pass']],
    ['me:pass@proxy', ['me:pass@proxy', 'me:pass', 'pass']],
    ['http://token@proxy', ['http://token@proxy', 'token']],
    ['http://me:p@ss@proxy', ['http://me:p@ss@proxy', 'me:p@ss', 'p@ss']],
    ['http://me:p%40s@p', ['http://me:p%40s@p', 'http://me:p@s@p', 'me:p%40s', 'me:p@s', 'p%40s', 'p@s']],
    ['http://me:%zz@p', ['http://me:%zz@p', 'me:%zz', '%zz']],
  ])('%s', (value, expected) => {
    expect(proxySecrets(value)).toEqual(expected);
  });
});

import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Issue } from '../../src/errors.js';
import { parseJobShape } from '../../src/job/validate.js';

const IMAGE = 'busybox:1';
const source = { type: 'inline', content: 'x' };

function issuesFor(docker: unknown): readonly Issue[] {
  const validation = parseJobShape({ docker });
  return validation.ok ? [] : validation.issues;
}

const issuesBeside = (docker: Readonly<Record<string, unknown>>): readonly Issue[] =>
  issuesFor({ image: IMAGE, ...docker });

const PLACES: readonly (readonly [string, (path: string) => Readonly<Record<string, unknown>>])[] = [
  ['docker.inputs.0.workspacePath', (path) => ({ inputs: [{ source, workspacePath: path }] })],
  ['docker.outputs.0.workspacePath', (path) => ({ outputs: [{ workspacePath: path }] })],
  ['docker.configFile.filename', (path) => ({ configFile: { filename: path } })],
];
const TARGETS: typeof PLACES = [
  ['docker.inputs.0.mountPath', (path) => ({ inputs: [{ source, workspacePath: 'a', mountPath: path }] })],
  ['docker.configFile.mountPath', (path) => ({ configFile: { filename: 'a', mountPath: path } })],
  ['docker.workspaceMountPath', (path) => ({ workspaceMountPath: path })],
  ['docker.tmpfs.0.path', (path) => ({ tmpfs: [{ path }] })],
];

const ODD_SEGMENTS: readonly [string, string, RegExp][] = [
  ['a step up', 'a/../b', /segments/],
  ['a step nowhere', 'a/./b', /segments/],
  ['a backslash', 'a\\b', /backslash/],
  ['NUL', 'a\0b', /control or invisible/],
  ['a newline', 'a\nb', /control or invisible/],
  ['DEL', 'a\u007fb', /control or invisible/],
  ['a right-to-left override', 'a\u202eb', /control or invisible/],
  ['a zero width space', 'a\u200bb', /control or invisible/],
  ['a lone surrogate', 'a\ud800b', /control or invisible/],
  ['fullwidth dots', '\uff0e\uff0e/b', /look like/],
  ['a fullwidth slash', 'a\uff0fb', /look like/],
  ['a decomposed letter', 'e\u0301', /NFC/],
  ['a trailing dot', 'a./b', /ends with a dot/],
  ['a trailing blank', 'a /b', /ends with a dot or a blank/],
  ['a segment of 256 bytes', 'x'.repeat(256), /255 bytes/],
  ['a segment of 128 letters of two bytes', '\u00e9'.repeat(128), /255 bytes/],
  ['33 segments', Array.from({ length: 33 }, () => 'a').join('/'), /32 segments/],
];

describe.each(PLACES)('%s refuses', (at, docker) => {
  it.each<[string, string, RegExp]>([
    ...ODD_SEGMENTS,
    ['nothing', '', /empty/],
    ['a leading slash', '/a', /relative/],
    ['an empty segment', 'a//b', /empty/],
    ['a trailing slash', 'a/', /empty/],
    ['a drive letter', 'C:/a', /drive letter/],
  ])('%s', (_, path, message) => {
    expect(issuesBeside(docker(path))).toMatchObject([{ path: at, code: 'validation.invalid_value' }]);
    expect(issuesBeside(docker(path))[0]?.message).toMatch(message);
  });
});

describe.each(TARGETS)('%s refuses', (at, docker) => {
  it.each<[string, string, RegExp]>([
    ...ODD_SEGMENTS.map(([name, path, message]) => [name, `/${path}`, message] as [string, string, RegExp]),
    ['a relative path', 'a', /absolute/],
    ['nothing', '', /absolute/],
    ...[
      '/',
      '//',
      '/proc',
      '/proc/self/root',
      '/sys',
      '/sys/fs',
      '/dev',
      '/dev/shm',
      '/etc',
      '/etc/passwd',
    ].map((path): [string, string, RegExp] => [path, path, /equal to, beneath or above \//]),
    ...[
      '/bin',
      '/sbin',
      '/lib',
      '/lib64',
      '/libx/y',
      '/usr',
      '/usr/local',
      '/boot',
      '/run',
      '/run/x',
      '/var/run',
    ].map((path): [string, string, RegExp] => [path, path, /equal to, beneath or above \//]),
    ...['/var', '/.dockerenv', '//etc//'].map((path): [string, string, RegExp] => [
      path,
      path,
      /equal to, beneath or above \//,
    ]),
    ['a socket of an engine', '/data/docker.sock', /socket/],
    ['what lies beneath one', '/data/podman.sock/x', /socket/],
  ])('%s', (_, path, message) => {
    const issues = issuesBeside(docker(path));
    expect(issues.map((issue) => issue.path)).toEqual([at]);
    expect(issues[0]?.message).toMatch(message);
  });

  it.each(['/data', '/data//x/', '/srv/in', '/home/job', '/variable', '/etcetera', '/opt/runner'])(
    'not %s',
    (path) => {
      expect(issuesBeside(docker(path))).toEqual([]);
    },
  );
});

describe('names of environment variables', () => {
  const NAMES = [
    '',
    '=x',
    'A=B',
    'A B',
    ' A',
    'A ',
    'A\nB',
    'A\0',
    'A-B',
    'A.B',
    '1A',
    '\u00c4',
    '${A}',
    'A;B',
  ];

  it.each(NAMES)('may not be %j', (name) => {
    const inList = issuesBeside({ environment: [{ name, value: '' }] });
    expect(inList).toMatchObject([{ path: 'docker.environment.0.name' }]);
    expect(inList[0]?.message).toMatch(/letter or "_"/);
    const inMap = issuesBeside({ environment: { [name]: '' } });
    expect(inMap).toMatchObject([{ path: `docker.environment.${name}` }]);
    expect(inMap[0]?.message).toMatch(/letter or "_"/);
  });

  it.each(['', '\n', 'a\r\nb', '$(reboot)', '\u202e', ' '])('may have the value %j', (value) => {
    expect(issuesBeside({ environment: [{ name: 'A', value }] })).toEqual([]);
    expect(issuesBeside({ environment: { A: value } })).toEqual([]);
  });

  it.each(['PATH', 'HOME', 'LD_PRELOAD', 'DOCKER_HOST', 'NODE_OPTIONS', '_'])(
    'may be %s, which hurts only the job',
    (name) => {
      expect(issuesBeside({ environment: [{ name, value: 'x' }] })).toEqual([]);
    },
  );
});

describe('objects with code of their own', () => {
  it('are refused: a class instance could give another value the next time', () => {
    class Docker {
      get image(): string {
        throw new Error('read');
      }
    }
    expect(issuesFor(new Docker())).toMatchObject([{ path: 'docker', message: 'must be an object' }]);
    expect(issuesBeside({ configFile: new Map() })).toMatchObject([{ path: 'docker.configFile' }]);
    expect(issuesBeside({ stdin: Buffer.from('x') })).toMatchObject([{ path: 'docker.stdin' }]);
  });

  it('are not asked: a list may have methods of its own', () => {
    const command: string[] = Object.assign(['a'], { map: () => ['evil'], constructor: () => ['evil'] });
    expect(parseJobShape({ docker: { image: IMAGE, command } })).toMatchObject({
      ok: true,
      job: { docker: { command: ['a'] } },
    });
  });

  it('cannot tell one length first and another one later', () => {
    let readings = 0;
    const command = new Proxy(['a'], {
      get: (list, key): unknown => {
        if (key !== 'length') return Reflect.get(list, key);
        readings += 1;
        return readings === 1 ? 1 : 2 ** 32 - 1;
      },
    });
    expect(parseJobShape({ docker: { image: IMAGE, command } })).toMatchObject({
      ok: true,
      job: { docker: { command: ['a'] } },
    });
    expect(readings).toBe(1);
  });

  it('are told from plain ones of another realm, which are fine', () => {
    const definition: unknown = runInNewContext(`({ docker: { image: '${IMAGE}', command: ['a'] } })`);
    expect(parseJobShape(definition)).toMatchObject({ ok: true, job: { docker: { command: ['a'] } } });
  });

  it('are fine without a prototype', () => {
    const docker: unknown = Object.assign(Object.create(null), { image: IMAGE });
    expect(issuesFor(docker)).toEqual([]);
  });
});

describe('too much of it', () => {
  it('is one issue for keys without end', () => {
    const docker = Object.fromEntries(
      Array.from({ length: 100_001 }, (_, index) => [`k${String(index)}`, 1]),
    );
    expect(issuesFor(docker)).toEqual([
      { code: 'validation.unreadable', path: 'docker', message: 'must not have more than 100000 values' },
    ]);
  });

  it('is one issue for levels without end', () => {
    const deep = Array.from({ length: 10_000 }).reduce<unknown>((inner) => ({ a: inner }), 1);
    expect(parseJobShape({ docker: { image: IMAGE }, defaultParameters: deep })).toMatchObject({
      ok: false,
      issues: [{ path: 'defaultParameters', message: 'must not be nested deeper than 32 levels' }],
    });
  });

  it('says what a parameter may be', () => {
    const parameters = fc.constantFrom<unknown>(
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      5n,
      Symbol('x'),
    );
    fc.assert(
      fc.property(parameters, (bad) => {
        const validation = parseJobShape({
          docker: { image: IMAGE },
          defaultParameters: { a: { b: [bad] } },
        });
        expect(validation).toMatchObject({ ok: false, issues: [{ path: 'defaultParameters.a.b.0' }] });
        if (!validation.ok) expect(validation.issues[0]?.message).toMatch(/must be a JSON value$/);
      }),
    );
  });
});

/** Hostile paths and mount targets, at the public front: refused by the name of their field, with nothing made. */
import { describe, expect, it } from 'vitest';
import { refusalOf, trial } from './fixture.js';

type Docker = Readonly<Record<string, unknown>>;
const IMAGE = 'busybox:1';
const source = { type: 'inline', content: 'x' } as const;
const refusalBeside = async (docker: Docker, config = {}): ReturnType<typeof refusalOf> =>
  refusalOf({ docker: { image: IMAGE, ...docker } }, config);

async function expectRefused(docker: Docker, path: string, message: RegExp): Promise<void> {
  expect(await refusalBeside(docker)).toMatchObject({
    code: 'validation.invalid_job',
    paths: [path],
    messages: [expect.stringMatching(message)],
  });
}

const RELATIVE: readonly (readonly [string, (path: string) => Docker])[] = [
  ['docker.inputs.0.workspacePath', (path) => ({ inputs: [{ source, workspacePath: path }] })],
  ['docker.outputs.0.workspacePath', (path) => ({ outputs: [{ workspacePath: path }] })],
  ['docker.configFile.filename', (path) => ({ configFile: { filename: path } })],
];
const ABSOLUTE: typeof RELATIVE = [
  ['docker.inputs.0.mountPath', (path) => ({ inputs: [{ source, workspacePath: 'a', mountPath: path }] })],
  ['docker.configFile.mountPath', (path) => ({ configFile: { filename: 'a', mountPath: path } })],
  ['docker.workspaceMountPath', (path) => ({ workspaceMountPath: path })],
  ['docker.tmpfs.0.path', (path) => ({ tmpfs: [{ path }] })],
  ['docker.workingDirectory', (path) => ({ workingDirectory: path })],
  [
    'docker.inputs.0.source.path',
    (path) => ({
      inputs: [{ source: { type: 'filestorePath', backendMountId: 's', path }, workspacePath: 'a' }],
    }),
  ],
];
const ANYWHERE: readonly (readonly [string, string, RegExp])[] = [
  ['a step nowhere', 'a/./b', /\. or \.\. segments/],
  ['a step up', 'a/../b', /\. or \.\. segments/],
  ['steps out of the workspace', 'a/../../etc', /\. or \.\. segments/],
  ['a backslash', 'a\\..\\b', /backslash/],
  ['NUL', 'a\0b', /control or invisible/],
  ['a newline', 'a\nb', /control or invisible/],
  ['an escape sequence', 'a\u001b[2Jb', /control or invisible/],
  ['a segment of 256 bytes', 'x'.repeat(256), /255 bytes/],
  ['more than 1,024 bytes', Array.from({ length: 5 }, () => 'x'.repeat(250)).join('/'), /longer than/],
  ['33 segments', Array.from({ length: 33 }, () => 'a').join('/'), /32 segments/],
];
const UNICODE: typeof ANYWHERE = [
  ['a letter that is not in NFC', 'e\u0301', /NFC/],
  ['fullwidth dots', '\uff0e\uff0e', /look like a dot or a slash/],
  ['a fullwidth slash', 'a\uff0fb', /look like a dot or a slash/],
  ['a right-to-left override', 'a\u202etxt.exe', /control or invisible/],
  ['a zero width joiner', 'a\u200db', /control or invisible/],
  ['a trailing dot', 'a.', /ends with a dot or a blank/],
  ['a trailing blank', 'a ', /ends with a dot or a blank/],
  ['a trailing no-break space', 'a\u00a0', /ends with a dot or a blank/],
];

describe.each(RELATIVE)('a path beneath the workspace, in %s,', (at, docker) => {
  it.each([
    ...ANYWHERE,
    ...UNICODE,
    ['nothing at all', '', /empty/] as const,
    ['nothing but a step up', '..', /\. or \.\. segments/] as const,
    ['a leading slash', '/etc/passwd', /relative/] as const,
    ['an empty segment', 'a//b', /empty segments/] as const,
    ['a drive letter', 'C:/a', /drive letter/] as const,
  ])('may not hold %s', async (_, path, message) => {
    await expectRefused(docker(path), at, message);
  });
});

describe.each(ABSOLUTE)('an absolute path, in %s,', (at, docker) => {
  it.each([...ANYWHERE, ...UNICODE])('may not hold %s', async (_, path, message) => {
    await expectRefused(docker(`/${path}`), at, message);
  });

  it('may not be relative', async () => {
    await expectRefused(docker('a'), at, /absolute/);
  });
});

describe.each(ABSOLUTE.slice(0, 4))('a mount target, in %s,', (at, docker) => {
  it.each([
    ...[
      '/',
      '//',
      '/proc',
      '/proc/self/root',
      '/sys',
      '/sys/fs/cgroup',
      '/dev',
      '/dev/shm',
      '/etc',
      '/etc/passwd',
    ],
    ...['//etc//passwd', '/bin', '/sbin', '/lib', '/lib64', '/libexec/x', '/usr', '/usr/local/bin', '/boot'],
    ...['/run', '/run/docker.sock', '/var', '/var/run', '/var/run/docker.sock', '/.dockerenv'],
  ])('may not be %s', async (target) => {
    await expectRefused(docker(target), at, /must not be equal to, beneath or above \//);
  });

  it.each(['/data/docker.sock', '/data/containerd.sock/x', '/srv/podman.sock'])(
    'may not be the socket of an engine: %s',
    async (target) => {
      await expectRefused(docker(target), at, /socket of a container engine/);
    },
  );
});

describe('mount roots of the operator', () => {
  const policy = { security: { mountRoots: ['/data'] } };

  it.each(['/srv/a', '/data2/a', '/dat'])('keep %s out', async (mountPath) => {
    const refusal = await refusalBeside({ inputs: [{ source, workspacePath: 'a', mountPath }] }, { policy });
    expect(refusal).toMatchObject({ code: 'policy.denied', paths: ['docker.inputs.0.mountPath'] });
  });

  it('let in what lies beneath them', async () => {
    const inputs = [{ source, workspacePath: 'a', mountPath: '/data/a' }];
    const { outcome } = await trial({ docker: { image: IMAGE, inputs } }, { config: { policy } });
    expect(outcome).toMatchObject({ status: 'succeeded' });
  });
});

describe('two things at one place', () => {
  const input = (workspacePath: string, mountPath?: string): object => ({
    source,
    workspacePath,
    ...(mountPath === undefined ? {} : { mountPath }),
  });

  it.each<[string, Docker, string]>([
    ['the same path twice', { inputs: [input('a'), input('a')] }, 'docker.inputs.1.workspacePath'],
    ['the same but for case', { inputs: [input('a/B'), input('A/b')] }, 'docker.inputs.1.workspacePath'],
    [
      'the same to a folding file system',
      { inputs: [input('stra\u00dfe'), input('STRASSE')] },
      'docker.inputs.1.workspacePath',
    ],
    ['one beneath the other', { inputs: [input('a'), input('a/b')] }, 'docker.inputs.1.workspacePath'],
    ['one above the other', { inputs: [input('a/b'), input('a')] }, 'docker.inputs.1.workspacePath'],
    [
      'the same mount path',
      { inputs: [input('a', '/data/x'), input('b', '/data//x/')] },
      'docker.inputs.1.mountPath',
    ],
    [
      'a mount path beneath another',
      { inputs: [input('a', '/data'), input('b', '/data/x')] },
      'docker.inputs.1.mountPath',
    ],
    [
      'a mount path over another input',
      { inputs: [input('a'), input('b', '/workspace/a')] },
      'docker.inputs.1.mountPath',
    ],
    ['a mount path over the workspace', { inputs: [input('a', '/workspace')] }, 'docker.inputs.0.mountPath'],
    [
      'an output at an input',
      { inputs: [input('a')], outputs: [{ workspacePath: 'a' }] },
      'docker.outputs.0.workspacePath',
    ],
    [
      'an output above an input',
      { inputs: [input('a/b')], outputs: [{ workspacePath: 'a' }] },
      'docker.outputs.0.workspacePath',
    ],
    [
      'an output beneath an input',
      { inputs: [input('a')], outputs: [{ workspacePath: 'a/b' }] },
      'docker.outputs.0.workspacePath',
    ],
    [
      'an output where an input is mounted',
      { inputs: [input('a', '/workspace/out')], outputs: [{ workspacePath: 'out' }] },
      'docker.outputs.0.workspacePath',
    ],
    [
      'the configuration file at an input',
      { inputs: [input('a')], configFile: { filename: 'a' } },
      'docker.configFile.filename',
    ],
    [
      'an output at the configuration file',
      { configFile: { filename: 'a' }, outputs: [{ workspacePath: 'A' }] },
      'docker.outputs.0.workspacePath',
    ],
    [
      'a tmpfs over an input',
      { inputs: [input('a', '/data/a')], tmpfs: [{ path: '/data' }] },
      'docker.tmpfs.0.path',
    ],
    ['a tmpfs over the workspace', { tmpfs: [{ path: '/workspace' }] }, 'docker.tmpfs.0.path'],
  ])('%s is refused', async (_, docker, path) => {
    const refusal = await refusalBeside(docker);
    expect(refusal.code).toBe('validation.invalid_job');
    expect(refusal.paths).toContain(path);
  });

  it("the caller's own file where an input is, is refused before anything is made", async () => {
    const { outcome, engine } = await trial(
      { docker: { image: IMAGE, inputs: [input('a')] } },
      { options: { files: { 'A/b': 'x' } } },
    );
    expect(outcome).toMatchObject({ code: 'validation.invalid_job' });
    expect(JSON.stringify(outcome)).toContain('files.A/b');
    expect(engine.calls.map(({ call }) => call)).not.toContain('containers.create');
  });
});

describe('a place of the host', () => {
  it.each<[string, Docker, string]>([
    [
      'as the source of an input',
      { inputs: [{ source: { type: 'localPath', path: '/etc' }, workspacePath: 'a' }] },
      'docker.inputs.0.source.type',
    ],
    ['as a bind', { binds: ['/var/run:/host'] }, 'docker.binds'],
    ['as a volume', { volumes: { '/host': {} } }, 'docker.volumes'],
    ['as a mount', { mounts: [{ type: 'bind', source: '/', target: '/host' }] }, 'docker.mounts'],
    ['as a device', { devices: ['/dev/kmsg'] }, 'docker.devices'],
  ])('cannot be named by a job, neither %s', async (_, docker, path) => {
    expect(await refusalBeside(docker)).toMatchObject({ code: 'validation.invalid_job', paths: [path] });
  });
});

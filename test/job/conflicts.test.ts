import { describe, expect, it } from 'vitest';
import { parseJobShape } from '../../src/job/validate.js';

const source = { type: 'inline', content: 'x' };
const input = (workspacePath: string, mountPath?: string): unknown => ({ source, workspacePath, mountPath });

const pathsFor = (docker: Readonly<Record<string, unknown>>): readonly string[] => {
  const validation = parseJobShape({ docker: { image: 'busybox:1', ...docker } });
  return validation.ok ? [] : validation.issues.map(({ path }) => path);
};

describe('places that do not go together', () => {
  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['two inputs at one path', { inputs: [input('a'), input('a')] }, 'inputs.1.workspacePath'],
    ['two that differ in case only', { inputs: [input('a/B'), input('A/b')] }, 'inputs.1.workspacePath'],
    ['an input beneath another', { inputs: [input('a'), input('a/b')] }, 'inputs.1.workspacePath'],
    ['an input above another', { inputs: [input('a/b'), input('a')] }, 'inputs.1.workspacePath'],
    [
      'an output at an input',
      { inputs: [input('a')], outputs: [{ workspacePath: 'a' }] },
      'outputs.0.workspacePath',
    ],
    [
      'an output beneath an input',
      { inputs: [input('a')], outputs: [{ workspacePath: 'a/b' }] },
      'outputs.0.workspacePath',
    ],
    [
      'an output above an input',
      { inputs: [input('a/b')], outputs: [{ workspacePath: 'a' }] },
      'outputs.0.workspacePath',
    ],
    [
      'an output where an input is mounted',
      { inputs: [input('a', '/workspace/out')], outputs: [{ workspacePath: 'out' }] },
      'outputs.0.workspacePath',
    ],
    [
      'an output above where an input is mounted',
      { inputs: [input('a', '/workspace/out/in')], outputs: [{ workspacePath: 'out' }] },
      'outputs.0.workspacePath',
    ],
    [
      'the configuration file at an input',
      { inputs: [input('a')], configFile: { filename: 'a' } },
      'configFile.filename',
    ],
    [
      'the configuration file beneath an input',
      { inputs: [input('a')], configFile: { filename: 'a/run.json' } },
      'configFile.filename',
    ],
    [
      'an output at the configuration file',
      { configFile: { filename: 'a' }, outputs: [{ workspacePath: 'a' }] },
      'outputs.0.workspacePath',
    ],
    [
      'equal mount targets, spelt in two ways',
      { inputs: [input('a', '/data/x'), input('b', '/data//x/')] },
      'inputs.1.mountPath',
    ],
    [
      'a mount target beneath another',
      { inputs: [input('a', '/data'), input('b', '/data/x')] },
      'inputs.1.mountPath',
    ],
    [
      'a mount target at another input',
      { inputs: [input('a', '/workspace/b'), input('b')] },
      'inputs.0.mountPath',
    ],
    [
      'a mount target of the configuration file at that of an input',
      { inputs: [input('a', '/data/x')], configFile: { filename: 'b', mountPath: '/data/x' } },
      'configFile.mountPath',
    ],
    ['a mount target at the workspace', { inputs: [input('a', '/workspace/')] }, 'inputs.0.mountPath'],
    [
      'a mount target above the workspace',
      { workspaceMountPath: '/jobs/space', inputs: [input('a', '/jobs')] },
      'inputs.0.mountPath',
    ],
    [
      'a mount target beneath its own input',
      { inputs: [input('a', '/workspace/a/b')] },
      'inputs.0.mountPath',
    ],
    ['a tmpfs over the workspace', { tmpfs: [{ path: '/workspace' }] }, 'tmpfs.0.path'],
    ['a tmpfs over an input', { inputs: [input('a/b')], tmpfs: [{ path: '/workspace/a' }] }, 'tmpfs.0.path'],
    ['a tmpfs in an input', { inputs: [input('a')], tmpfs: [{ path: '/workspace/a/t' }] }, 'tmpfs.0.path'],
    [
      'a tmpfs over an output',
      { outputs: [{ workspacePath: 'out/r.pdf' }], tmpfs: [{ path: '/workspace/out' }] },
      'tmpfs.0.path',
    ],
    ['one tmpfs twice', { tmpfs: [{ path: '/scratch' }, { path: '/scratch/' }] }, 'tmpfs.1.path'],
  ])('%s', (_, docker, path) => {
    expect(pathsFor(docker)).toEqual([`docker.${path}`]);
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      'the workspace path of an input',
      { inputs: [input('a', '/workspace/b'), input('b')] },
      'docker.inputs.1.workspacePath',
    ],
    [
      'the mount path of an input',
      { inputs: [input('b', '/data'), input('a', '/data/x')] },
      'docker.inputs.0.mountPath',
    ],
    [
      'the name of the configuration file',
      { inputs: [input('a', '/workspace/c')], configFile: { filename: 'c' } },
      'docker.configFile.filename',
    ],
  ])('say with what: with %s', (_, docker, other) => {
    const validation = parseJobShape({ docker: { image: 'busybox:1', ...docker } });
    expect(validation).toMatchObject({
      ok: false,
      issues: [{ message: `is the same as, beneath or above ${other}` }],
    });
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    [
      'siblings',
      { inputs: [input('a/b'), input('a/c'), input('ab')], outputs: [{ workspacePath: 'a-out' }] },
    ],
    ['a mount target that is the own place', { inputs: [input('a', '/workspace/a')] }],
    ['a mount target elsewhere in the workspace', { inputs: [input('a', '/workspace/b')] }],
    [
      'a tmpfs in an output directory',
      { outputs: [{ workspacePath: 'out' }], tmpfs: [{ path: '/workspace/out/cache' }] },
    ],
    [
      'a mount target at the default workspace when it is another',
      { workspaceMountPath: '/jobs', inputs: [input('a', '/workspace')] },
    ],
  ])('but %s are allowed', (_, docker) => {
    expect(pathsFor(docker)).toEqual([]);
  });
});

describe('ids', () => {
  it.each(['inputs', 'outputs'] as const)('of %s are unique regardless of case', (list) => {
    const entry = (id: string, workspacePath: string): unknown =>
      list === 'inputs' ? { id, source, workspacePath } : { id, workspacePath };
    expect(pathsFor({ [list]: [entry('one', 'a'), entry('two', 'b'), entry('ONE', 'c')] })).toEqual([
      `docker.${list}.2.id`,
    ]);
  });

  it('may be the same in inputs and outputs, and absent', () => {
    const inputs = [{ id: 'x', source, workspacePath: 'a' }, input('b'), input('c')];
    expect(pathsFor({ inputs, outputs: [{ id: 'x', workspacePath: 'd' }] })).toEqual([]);
  });
});

/** Which volumes a run gets, what is mounted where, and what is refused: a pure table. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import type { RunRequest } from '../../src/plan/container-spec.js';
import { planRun } from '../../src/plan/plan-run.js';
import type { RunPlan } from '../../src/plan/run-plan.js';
import { judgeRequest } from '../../src/policy/judge.js';
import { helperFolder } from '../../src/workspace/helper-container.js';
import {
  layOutVolumes,
  type VolumeLayout,
  type VolumeLayoutOptions,
} from '../../src/workspace/volume-layout.js';
import { inlineInput as input, requestWith } from '../policy/requests.js';

const config = parseConfig();
const planOf = (
  rest: Partial<Omit<RunRequest, 'container'>>,
  container: Partial<RunRequest['container']> = {},
): RunPlan => planRun(judgeRequest(requestWith(container, rest), config.policy), config, { caller: null });
const layOut = (plan: RunPlan, options: Partial<VolumeLayoutOptions> = {}): VolumeLayout =>
  layOutVolumes(plan, {
    containerName: 'c',
    imageVolumes: [],
    inputTypes: plan.inputs.map(() => 'file'),
    hasSubpaths: false,
    ...options,
  });
/** Of the helper, whose folder is left out. */
const helperLines = ({ helperMounts, helperFolder: folder }: VolumeLayout): readonly string[] =>
  helperMounts.map(({ source, target }) => `${source} ${target.replace(`/${folder}/`, '')}`);
const lines = ({ mounts }: VolumeLayout): readonly string[] =>
  mounts.map((mount) => {
    const part = mount.type === 'volume' && mount.subpath !== null ? `/${mount.subpath}` : '';
    return `${mount.source}${part} ${mount.target}${mount.readOnly ? ' ro' : ''}`;
  });

describe('layOutVolumes', () => {
  it('needs one volume without inputs', () => {
    const layout = layOut(planOf({}));
    expect(lines(layout)).toEqual(['c-work /workspace']);
    expect(layout).toMatchObject({ volumes: ['c-work'], links: [], hasInputs: false, workspaceFolders: [] });
  });

  it('links each place of an input in the workspace to its one copy, and leaves out what is not there', () => {
    const layout = layOut(planOf({ inputs: [input('a', '/workspace/b'), input('gone'), input('sub/c')] }), {
      inputTypes: ['directory', null, 'file'],
    });
    expect(lines(layout)).toEqual(['c-work /workspace', 'c-inputs /workspace/.inputs ro']);
    expect(layout.links).toEqual([
      { path: 'a', target: '/workspace/.inputs/0' },
      { path: 'b', target: '/workspace/.inputs/0' },
      { path: 'sub/c', target: '/workspace/.inputs/2' },
    ]);
    expect(helperLines(layout)).toEqual(['c-work workspace', 'c-inputs inputs']);
  });

  it('gives a folder outside of the workspace a volume of its own, in which alone its bytes are', () => {
    const layout = layOut(planOf({ inputs: [input('a', '/data')] }), { inputTypes: ['directory'] });
    expect(lines(layout)).toEqual([
      'c-work /workspace',
      'c-inputs /workspace/.inputs ro',
      'c-input-0 /data ro',
    ]);
    expect(layout.links).toEqual([{ path: 'a', target: '/data' }]);
    expect(helperLines(layout).at(-1)).toBe('c-input-0 inputs/0');
  });

  it('mounts a part of the inputs for a file outside of the workspace, or refuses it by name', () => {
    const plan = planOf({ inputs: [input('a', '/data')] });
    expect(lines(layOut(plan, { hasSubpaths: true })).at(-1)).toBe('c-inputs/0 /data ro');
    expect(() => layOut(plan)).toThrow(
      expect.objectContaining({
        code: 'engine.unsupported',
        message: expect.stringMatching(/input "a".*"\/data"/) as string,
      }) as Error,
    );
  });

  it('hides no input behind what the job has in memory', () => {
    const plan = planOf({ inputs: [input('memory/a')] }, { tmpfs: [{ path: '/workspace/memory' }] });
    const layout = layOut(plan, { inputTypes: ['directory'] });
    expect(lines(layout).at(-1)).toBe('c-input-0 /workspace/memory/a ro');
    expect(layout.links).toEqual([]);
  });

  it('mounts nothing through a link, whatever the image calls a volume', () => {
    const plan = planOf({ inputs: [input('a')] });
    const layout = layOut(plan, {
      imageVolumes: ['/workspace/a', '/workspace/own', '/elsewhere'],
      inputTypes: ['directory'],
    });
    expect(lines(layout)).toEqual([
      'c-work /workspace',
      'c-inputs /workspace/.inputs ro',
      'c-input-0 /workspace/a ro',
      'c-volume-0 /workspace/own',
    ]);
    expect(layout.links).toEqual([]);
    expect(layout.mountPoints).toEqual(['.inputs', 'a']);
    expect(layout.imageTmpfs.map(({ target }) => target)).toEqual(['/elsewhere']);
    expect(layout.workspaceFolders).toEqual(['.inputs', 'own']);
    expect(layout.helperTmpfs.map(({ target }) => target)).toEqual([
      '/workspace/a',
      '/workspace/own',
      '/elsewhere',
    ]);
  });

  it.each([
    ['on its place, which is refused without parts of volumes', '/workspace/a', null],
    ['beneath it, where no engine can mount anything', '/workspace/a/deep', '/workspace/a/deep'],
  ])('has a file where the image has a volume %s', (_, volume, covered) => {
    const plan = planOf({ inputs: [input('a')] });
    if (covered === null) {
      expect(() => layOut(plan, { imageVolumes: [volume] })).toThrow(/input "a".*"\/workspace\/a"/);
      expect(lines(layOut(plan, { imageVolumes: [volume], hasSubpaths: true })).at(-1)).toBe(
        'c-inputs/0 /workspace/a ro',
      );
      return;
    }
    const layout = layOut(plan, { imageVolumes: [volume] });
    expect(layout.links).toEqual([{ path: 'a', target: '/workspace/.inputs/0' }]);
    expect(layout.imageTmpfs.map(({ target }) => target)).toEqual([covered]);
    expect(layout.workspaceFolders).toEqual(['.inputs']);
  });

  it('says what to do about a file that needs a mount of its own', () => {
    expect(() => layOut(planOf({ inputs: [input('a', '/data')] }))).toThrow(
      expect.objectContaining({
        message:
          'input "a" is a file that is to be at "/data", which needs a mount of its own: this engine mounts whole volumes only',
        hint: 'give it a place in the workspace that no docker.tmpfs and no VOLUME of the image covers, give a folder, or use an engine with version 1.45 of the Docker API or newer',
      }) as Error,
    );
  });

  it('has the configuration file among the inputs', () => {
    const configFile = { filename: 'etc/job.json', mountPath: '/etc/job.json', format: 'json' } as const;
    const plan = planOf({ configFile });
    const layout = layOut(plan, { hasSubpaths: true });
    expect(lines(layout)).toEqual([
      'c-work /workspace',
      'c-inputs /workspace/.inputs ro',
      'c-inputs/config /etc/job.json ro',
    ]);
    expect(layout.links).toEqual([{ path: 'etc/job.json', target: '/workspace/.inputs/config' }]);
    expect(layout).toMatchObject({
      hasInputs: true,
      mountPoints: ['.inputs'],
      workspaceFolders: ['.inputs'],
    });
    expect(() => layOut(plan)).toThrow('the configuration file is a file that is to be at "/etc/job.json"');
  });

  it('has secrets in a volume of their own, read-only in the job alone', () => {
    const secret = { name: 'TOKEN', secret: { source: 'store', key: 'token' }, as: 'file' } as const;
    const layout = layOut(planOf({}, { environment: [secret] }));
    expect(lines(layout)).toEqual(['c-work /workspace', 'c-secrets /run/secrets ro']);
    expect(layout.secrets).toBe('c-secrets');
    expect(layout.volumes).toEqual(['c-work', 'c-secrets']);
    expect(layout.helperMounts).toEqual(
      [
        ['c-work', 'workspace'],
        ['c-secrets', 'secrets'],
      ].map(([source, path]) => {
        const target = `/${helperFolder('c')}/${path ?? ''}`;
        return { type: 'volume', source, subpath: null, target, readOnly: false };
      }),
    );
    expect(layOut(planOf({})).secrets).toBeNull();
  });

  it('gives the helper all volumes writable, parents first, and none of the image', () => {
    const plan = planOf({ inputs: [input('a', '/data'), input('b')] });
    const layout = layOut(plan, {
      imageVolumes: ['/cache/', '/cache', '/srv/', '/workspace/own'],
      inputTypes: ['directory', 'file'],
    });
    expect(layout.volumes).toEqual(['c-work', 'c-inputs', 'c-input-0', 'c-volume-0']);
    expect(helperLines(layout)).toEqual([
      'c-work workspace',
      'c-inputs inputs',
      'c-input-0 inputs/0',
      'c-volume-0 workspace/own',
    ]);
    expect(layout.helperMounts.every(({ readOnly, subpath }) => !readOnly && subpath === null)).toBe(true);
    const mask = { ...plan.volumeMask, uid: 0, gid: 0, mode: '0700', exec: false };
    expect(layout.helperTmpfs).toEqual([
      { ...mask, target: '/cache' },
      { ...mask, target: '/srv' },
      { ...mask, target: '/workspace/own' },
    ]);
  });

  it('mounts an input once for each of its places, and links what is beneath to the first', () => {
    const plan = planOf({ inputs: [input('memory/a', '/data')] }, { tmpfs: [{ path: '/workspace/memory' }] });
    const layout = layOut(plan, { inputTypes: ['directory'] });
    expect(lines(layout).slice(2)).toEqual(['c-input-0 /workspace/memory/a ro', 'c-input-0 /data ro']);
    expect(layout.volumes.filter((name) => name === 'c-input-0')).toHaveLength(1);
    expect(layout.mountPoints).toEqual(['.inputs', 'memory/a']);
  });
});

describe('layOutVolumes with the workspace at the root', () => {
  it('has the inputs right beneath it', () => {
    const layout = layOut(planOf({ inputs: [input('a')] }, { workspaceMountPath: '/' }));
    expect(lines(layout)).toEqual(['c-work /', 'c-inputs /.inputs ro']);
    expect(layout.links).toEqual([{ path: 'a', target: '/.inputs/0' }]);
  });
});

/** The container that files are copied into and out of: the job's, without what only the job may have, and out of reach of its image. */
import { describe, expect, it } from 'vitest';
import { helperFolder, helperSpec, helperTmpfs } from '../../src/workspace/helper-container.js';
import { specOf } from '../execute/spec-fixture.js';

describe('helperFolder', () => {
  it('is a short name that is another for each container, and the same each time', () => {
    expect(helperFolder('job-1')).toMatch(/^berthkit-[0-9a-f]{12}$/);
    expect(helperFolder('job-1')).toBe(helperFolder('job-1'));
    expect(helperFolder('job-1')).not.toBe(helperFolder('job-2'));
  });
});

describe('helperTmpfs', () => {
  it('covers each volume of the image once, however it is written', () => {
    const covers = helperTmpfs(['/data', '/data/', '/a/../b'], { sizeBytes: 1024, inodes: 8 });
    const cover = { uid: 0, gid: 0, mode: '0700', exec: false, sizeBytes: 1024, inodes: 8 };
    expect(covers).toEqual([
      { ...cover, target: '/data' },
      { ...cover, target: '/b' },
    ]);
  });
});

describe('helperSpec', () => {
  it('is the job without anything that only the job may have, and does nothing', () => {
    const job = {
      ...specOf(),
      ...{ command: ['work'], entryPoint: ['/bin/job'], workingDirectory: '/srv' },
      environment: [{ name: 'TOKEN', value: 'value' }],
      networkMode: 'bridge' as const,
      stdin: true,
      labels: { run: 'r1' },
    };
    const own = { name: 'c-helper', mounts: [], tmpfs: [] };
    expect(helperSpec(job, { ...own, kindLabel: 'kind' })).toEqual({
      ...job,
      ...own,
      entryPoint: null,
      command: ['true'],
      workingDirectory: null,
      environment: [],
      networkMode: 'none',
      readOnlyRootFilesystem: false,
      gpu: null,
      stdin: false,
      labels: { run: 'r1', kind: 'helper' },
    });
  });
});

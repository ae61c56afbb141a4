/** What Podman is told otherwise, and what is refused before it is told: a path it would read as options. */
import { describe, expect, it } from 'vitest';
import { dialectOf } from '../../../src/engine/docker/api-version.js';
import { toCreateBody } from '../../../src/engine/docker/create-body.js';
import { toObject } from '../../../src/engine/docker/json-fields.js';
import type { ContainerSpec } from '../../../src/plan/container-spec.js';
import { hardenedSpec } from './specs.js';
import { scriptedEngine } from './scripted-engine.js';

const tmpfs = { sizeBytes: 64, inodes: 16, uid: 1000, gid: 1000, mode: '0700', exec: false };
const bind = (source: string, target: string): Pick<ContainerSpec, 'mounts'> => ({
  mounts: [{ type: 'bind', source, target, readOnly: true }],
});

describe('a path that Podman would read as options', () => {
  const cases: readonly (readonly [string, string, Partial<ContainerSpec>])[] = [
    ['a comma in a target', 'mounts[0].target', bind('/srv', '/in,ro=false')],
    ['a comma in a source', 'mounts[0].source', bind('/srv/a,target=/etc', '/in')],
    ['a double quote', 'mounts[0].target', bind('/srv', '/in"')],
    ['a line break, after which nothing would be read', 'mounts[0].target', bind('/srv', '/in\n')],
    ['a carriage return', 'mounts[0].target', bind('/srv', '/in\rx')],
    [
      'a comma in the target of a volume',
      'mounts[0].target',
      { mounts: [{ type: 'volume', source: 'v', subpath: null, target: '/in,x', readOnly: true }] },
    ],
    ['a colon in a tmpfs', 'tmpfs[0].target', { tmpfs: [{ ...tmpfs, target: '/t:exec' }] }],
    ['a comma in a tmpfs', 'tmpfs[0].target', { tmpfs: [{ ...tmpfs, target: '/t,exec' }] }],
  ];

  it.each(cases)('is refused for %s, and Docker takes it', (_, field, overrides) => {
    const spec = hardenedSpec(overrides);
    expect(() => toCreateBody(spec, 'podman')).toThrow(
      expect.objectContaining({
        code: 'engine.unsupported',
        message: expect.stringMatching(/without (colons, )?commas, double quotes and line breaks/) as string,
        details: { field },
      }) as Error,
    );
    expect(() => toCreateBody(spec, 'docker')).not.toThrow();
  });

  it('is not one with spaces, colons, equals signs or single quotes', () => {
    expect(() => toCreateBody(hardenedSpec(bind("/srv/a: b='c'", '/in: =')), 'podman')).not.toThrow();
  });

  it('never reaches an engine whose ping says that it is Podman', async () => {
    const { engine, lines } = await scriptedEngine({
      onPing: (response) => void response.setHeader('Libpod-API-Version', '4.3.1'),
      onRequest: ({ json }) => {
        json(201, { Id: 'a'.repeat(64), Warnings: [] });
      },
    });
    await expect(engine.containers.create(hardenedSpec(bind('/srv', '/in,x')))).rejects.toMatchObject({
      code: 'engine.unsupported',
    });
    expect(lines).toEqual([]);
    await engine.containers.create(hardenedSpec(bind('/srv', '/in')));
    expect(lines).toHaveLength(1);
  });
});

describe('what Podman is told', () => {
  const hostOf = (overrides: Partial<ContainerSpec>) =>
    toObject(toCreateBody(hardenedSpec(overrides), 'podman')['HostConfig']);

  it('has no temporary file systems of its own in a read-only root, unless something else is there', () => {
    const cover = 'ro,nosuid,nodev,noexec,tmpcopyup';
    expect(hostOf({})['Tmpfs']).toEqual({ '/run': cover, '/tmp': cover, '/var/tmp': cover });
    const asked = { tmpfs: [{ ...tmpfs, target: '/tmp' }], ...bind('/srv', '/run') };
    expect(hostOf(asked)['Tmpfs']).toEqual({
      '/var/tmp': cover,
      '/tmp': 'rw,nosuid,nodev,noexec,notmpcopyup,mode=1777,size=64',
    });
    expect(hostOf({ readOnlyRootFilesystem: false })['Tmpfs']).toEqual({});
  });

  it('is told the source of a mount in the line of its target only: one in a field of its own would be made where it is missing', () => {
    expect(hostOf(bind('/srv/a', '/in'))['Mounts']).toEqual([
      {
        Type: 'bind',
        Target: '/in,source=/srv/a',
        ReadOnly: true,
        BindOptions: { Propagation: 'rprivate' },
      },
    ]);
  });

  it('keeps the mode of a tmpfs that is root’s', () => {
    const { Tmpfs } = hostOf({ tmpfs: [{ ...tmpfs, target: '/t', uid: 0, gid: 0 }] });
    expect(toObject(Tmpfs)['/t']).toBe('rw,nosuid,nodev,noexec,notmpcopyup,mode=0700,size=64');
  });

  it('bounds its only file of output by what all of them may hold', () => {
    expect(hostOf({ log: { maxBytesPerFile: 1000, maxFiles: 3 } })['LogConfig']).toEqual({
      Type: 'k8s-file',
      Config: { 'max-size': '3000' },
    });
  });
});

describe('dialectOf', () => {
  it.each([
    [{ 'libpod-api-version': '4.3.1' }, 'podman'],
    [{ 'api-version': '1.41' }, 'docker'],
  ])('%j: %s', (headers, dialect) => {
    expect(dialectOf(headers)).toBe(dialect);
  });
});

describe('waiting for a container that Podman has not started', () => {
  it('ends when it is gone, though nobody answers', async () => {
    let looks = 0;
    const { engine } = await scriptedEngine({
      onPing: (response) => void response.setHeader('Libpod-API-Version', '4.3.1'),
      onRequest: ({ line, json }) => {
        // No answer to the wait, ever.
        if (line.startsWith('POST')) return;
        looks += 1;
        const there = { Id: 'a'.repeat(64), State: { Status: looks < 3 ? 'configured' : 'initialized' } };
        if (looks > 3) json(404, { message: 'no such container' });
        else json(200, there);
      },
    });
    await engine.containers.wait('a'.repeat(64));
    expect(looks).toBe(4);
  });
});

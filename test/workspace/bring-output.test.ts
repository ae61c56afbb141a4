/** What an engine says of the way to an output decides whether it is brought at all, and in which words it is not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ContainerPathType } from '../../src/engine/types.js';
import { EngineError } from '../../src/errors.js';
import { openDirectory } from '../../src/host/node.js';
import { createOutputBringer, type RemoteWorkspace } from '../../src/workspace/bring-output.js';
import { noSignal, openBelow, scratch } from '../host/scratch.js';
import { type Entry, tarOf } from './unpack-fixture.js';

interface Remote extends RemoteWorkspace {
  readonly looked: string[];
  readonly copied: string[];
}

/** Shows what it is told to, and gives one tar whatever is asked for. */
function remoteWith(
  types: Readonly<Record<string, ContainerPathType>>,
  tar: readonly Entry[] | Error = [],
): Remote {
  const looked: string[] = [];
  const copied: string[] = [];
  return {
    looked,
    copied,
    rootName: 'root',
    isOurs: () => false,
    lookAt: async (names) => {
      looked.push(names.join('/'));
      return Promise.resolve(types[names.join('/')] ?? null);
    },
    copyOut: async (names) => {
      copied.push(names.join('/'));
      if (tar instanceof Error) throw tar;
      const bytes = await tarOf(...tar);
      return (async function* () {
        yield await Promise.resolve(bytes);
      })();
    },
  };
}

async function bring(remote: RemoteWorkspace, workspacePath: string) {
  const path = await scratch();
  const { handle: into } = await openDirectory(path);
  const bringer = createOutputBringer(remote, into);
  onTestFinished(async () => {
    await bringer.close();
    await into.close();
  });
  const options = {
    room: { bytes: 1000, entries: 10 },
    limits: { fileBytes: 1000, depth: 8 },
    signal: noSignal(),
  };
  const outcome: unknown = await bringer.bring(workspacePath, options).catch((error: unknown) => error);
  return { path, bringer, outcome };
}

describe('bringing an output', () => {
  it('asks for each step of the way, and brings what stands at its end to a place of its own', async () => {
    const remote = remoteWith({ a: 'directory', 'a/b': 'file' }, [[{ name: 'b' }, 'text']]);
    const { path, bringer } = await bring(remote, 'a/b');
    expect([remote.looked, remote.copied]).toEqual([['a', 'a/b'], ['a/b']]);
    expect(readFileSync(join(path, '0/a/b'), 'utf8')).toBe('text');
    expect((await openBelow(path)).sort()).toEqual([path, join(path, '0')]);
    await bringer.close();
    expect(await openBelow(path)).toEqual([path]);
  });

  it('brings the whole workspace for a glob without a beginning, and of it what matches', async () => {
    const tar: readonly Entry[] = [
      [{ name: 'root/', type: 'directory' }],
      [{ name: 'root/a.txt' }, '1'],
      [{ name: 'root/b' }, '2'],
    ];
    const remote = remoteWith({}, tar);
    const { path } = await bring(remote, '*.txt');
    expect([remote.looked, remote.copied]).toEqual([[], ['']]);
    expect(readdirSync(join(path, '0'))).toEqual(['a.txt']);
  });

  it.each<[string, Readonly<Record<string, ContainerPathType>>, string]>([
    ['nothing is', {}, 'a/b'],
    ['a file is on the way', { a: 'file' }, 'a/b'],
    ['a file is where a glob begins', { a: 'file' }, 'a/*'],
  ])('brings nothing where %s', async (_, types, workspacePath) => {
    const remote = remoteWith(types);
    const { path, outcome } = await bring(remote, workspacePath);
    expect(outcome).toMatchObject({ standIns: new Map() });
    expect(remote.copied).toEqual([]);
    expect(readdirSync(join(path, '0'))).toEqual([]);
  });

  it.each<[string, Readonly<Record<string, ContainerPathType>>, string, string]>([
    ['a link', { a: 'symlink' }, 'a/b', 'has a symbolic link in its path, which is never followed'],
    ['a special file', { a: 'other' }, 'a/b', 'has a special file in its path, which is never followed'],
    [
      'a link where a glob begins',
      { a: 'symlink' },
      'a/*',
      'has a symbolic link in its path, which is never followed',
    ],
  ])('refuses %s on the way, and asks for nothing of it', async (_, types, workspacePath, message) => {
    const remote = remoteWith(types);
    const { outcome } = await bring(remote, workspacePath);
    expect(outcome).toMatchObject({ rejectCause: 'kind', message });
    expect([remote.looked, remote.copied]).toEqual([['a'], []]);
  });

  it('takes what is there and is in no tar for a socket', async () => {
    const { outcome } = await bring(remoteWith({ s: 'other' }), 's');
    expect(outcome).toMatchObject({
      rejectCause: 'kind',
      message: 'is a socket, not a regular file or a folder',
    });
  });

  const failed = new EngineError('engine.failed', 'too many levels of symbolic links');
  it('takes a link that an engine cannot give for what it is', async () => {
    const { outcome } = await bring(remoteWith({ l: 'symlink' }, failed), 'l');
    expect(outcome).toMatchObject({
      rejectCause: 'kind',
      message: 'is a symbolic link, not a regular file or a folder',
    });
  });

  it.each<[string, ContainerPathType, Error]>([
    ['of a file', 'file', failed],
    ['of a link that has nothing to do with it', 'symlink', new EngineError('engine.unreachable', 'gone')],
    ['of a link that is none of an engine', 'symlink', new Error('engine.failed')],
  ])('fails as the engine does for a copy %s', async (_, type, error) => {
    expect((await bring(remoteWith({ x: type }, error), 'x')).outcome).toBe(error);
  });
});

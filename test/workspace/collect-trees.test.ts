/** The same hostile trees, collected from a folder of this host and from a workspace that only an engine shows. */
import { execFileSync, spawn } from 'node:child_process';
import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDirectory } from '../../src/host/node.js';
import { memoryStorage } from '../../src/storage/memory.js';
import { createOutputBringer, type RemoteWorkspace } from '../../src/workspace/bring-output.js';
import { scratch } from '../host/scratch.js';
import { checkTree, collectTree } from './check-tree.js';
import { collect } from './collect-fixture.js';
import { HOSTILE_TREES } from './hostile-trees.js';
import { makeWorkspace } from './plan-fixture.js';

/** What an engine does, done by `tar`: it holds what it packs to be a folder named `root`. */
function remoteAt(path: string, isOurs: RemoteWorkspace['isOurs'] = () => false): RemoteWorkspace {
  const at = (names: readonly string[]): string => join(path, ...names);
  return {
    rootName: 'root',
    isOurs,
    lookAt: async (names) => {
      const stats = lstatSync(at(names), { throwIfNoEntry: false });
      if (stats === undefined) return Promise.resolve(null);
      if (stats.isSymbolicLink()) return 'symlink';
      if (stats.isDirectory()) return 'directory';
      return stats.isFile() ? 'file' : 'other';
    },
    copyOut: async (names) => {
      const folder = names.length === 0 ? join(path, '..') : at(names.slice(0, -1));
      const options = ['--format=posix', '-C', folder, '-cf', '-', '--', names.at(-1) ?? 'root'];
      const tar = spawn('tar', options, { stdio: ['ignore', 'pipe', 'ignore'] });
      onTestFinished(() => void tar.kill());
      // Read at once: what nobody reads is thrown away when the program ends.
      return Promise.resolve(tar.stdout.pipe(new PassThrough()));
    },
  };
}

/** A folder named `root` for a workspace elsewhere. */
async function elsewhere(script: string): Promise<string> {
  const parent = await scratch();
  execFileSync('sh', ['-c', `umask 022; mkdir root; cd root; ${script}`], { cwd: parent });
  return join(parent, 'root');
}

async function bringer(remote: RemoteWorkspace) {
  const { handle: into } = await openDirectory(await scratch());
  const made = createOutputBringer(remote, into);
  onTestFinished(async () => {
    await made.close();
    await into.close();
  });
  return made;
}

describe('from a folder of this host', () => {
  it.each(HOSTILE_TREES)('$name', async (tree) => {
    const workspace = await makeWorkspace();
    execFileSync('sh', ['-c', tree.script], { cwd: workspace.workspacePath });
    checkTree(tree, await collectTree(workspace, tree));
  });
});

describe('from a workspace elsewhere', () => {
  it.each(HOSTILE_TREES)('$name', async (tree) => {
    const remote = remoteAt(await elsewhere(tree.script));
    const bring = await bringer(remote);
    checkTree(tree, await collectTree(await makeWorkspace(), tree, { bring }));
  });

  it('leaves out what is ours, unless the job put something else in its place', async () => {
    const path = await elsewhere(
      'mkdir out .inputs; echo x > .inputs/0; ln -s /w/.inputs/0 out/a; echo mine > out/b; ln -s /etc out/c',
    );
    const links = new Map(['a', 'b', 'c'].map((name) => [`out/${name}`, `/w/.inputs/${name}`]));
    links.set('out/a', '/w/.inputs/0');
    const isOurs: RemoteWorkspace['isOurs'] = (name, target) =>
      name === '.inputs' || (target !== null && links.get(name) === target);
    const outputTo = memoryStorage();
    const bring = await bringer(remoteAt(path, isOurs));
    const outputs = [{ workspacePath: 'out' }, { workspacePath: '**/*' }, { workspacePath: 'out/a' }];
    const { reports } = await collect(await makeWorkspace(), outputs, { outputTo, bring });
    expect(Object.keys(outputTo.files())).toEqual(['out/b']);
    expect(reports.map(({ state, skipped }) => [state, skipped])).toEqual([
      ['uploaded', [{ path: 'out/c', type: 'symlink' }]],
      ['uploaded', [{ path: 'out/c', type: 'symlink' }]],
      ['missing', []],
    ]);
  });

  it('refuses a name that is not UTF-8: two such names may look like one', async () => {
    const path = await elsewhere('mkdir out');
    writeFileSync(Buffer.concat([Buffer.from(`${path}/out/`), Buffer.from([0xff])]), '1');
    const bring = await bringer(remoteAt(path));
    const { rejected } = await collect(await makeWorkspace(), [{ workspacePath: 'out' }], { bring });
    expect(rejected).toMatchObject([
      { cause: 'kind', reason: expect.stringMatching(/a name that is not UTF-8$/) as string },
    ]);
  });

  it('fails on an engine that breaks off in the middle', async () => {
    const remote = remoteAt(await elsewhere('mkdir out; head -c 100000 /dev/zero > out/a'));
    const cut: RemoteWorkspace = {
      ...remote,
      copyOut: async (names, signal) => upTo(50_000, await remote.copyOut(names, signal)),
    };
    const bring = await bringer(cut);
    const collecting = collect(await makeWorkspace(), [{ workspacePath: 'out' }], { bring });
    await expect(collecting).rejects.toMatchObject({ code: 'engine.failed' });
  });
});

async function* upTo(bytes: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of source) {
    yield chunk.subarray(0, left);
    left -= chunk.byteLength;
    if (left <= 0) return;
  }
}

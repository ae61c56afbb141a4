/** What is mounted into a container, seen while it runs on the fake engine, and the workspace roots a run refuses. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobRuntimeError, type MountSpec } from 'berthkit';
import type { FakeJob } from 'berthkit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { trial } from './fixture.js';

const source = { type: 'inline', content: 'x' } as const;

describe('the mounts of a run', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berthkit-mounts-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const DOCKER = {
    image: 'busybox:1',
    inputs: [
      { source, workspacePath: 'in/deep/a' },
      { source, workspacePath: 'b', mountPath: '/data/x' },
    ],
  };

  /** Looks at the mounts while they are there. */
  async function whileRunning<T>(
    look: (mounts: readonly MountSpec[]) => Promise<T>,
    root: string,
  ): Promise<T> {
    let seen: { readonly value: T } | undefined;
    const run = async (job: FakeJob): Promise<undefined> => {
      seen = { value: await look(job.spec.mounts) };
    };
    const { outcome } = await trial({ docker: DOCKER }, { script: { run }, config: { workspaceRoot: root } });
    expect(outcome).toMatchObject({ status: 'succeeded' });
    if (seen === undefined) throw new Error('it did not run');
    return seen.value;
  }

  it('take a colon and a comma in a host path as they are: nothing is written as a bind string', async () => {
    const root = join(folder, 'a:b,ro=1:rw');
    const sources = await whileRunning(async (mounts) => {
      for (const { source: place } of mounts) await stat(place);
      return Promise.resolve(mounts.map((mount) => mount.source));
    }, root);
    expect(sources.length).toBeGreaterThan(3);
    for (const place of sources) expect(place.startsWith(`${root}/`)).toBe(true);
  });

  it('have sources that are there before the engine hears of them', async () => {
    const types = await whileRunning(
      async (mounts) =>
        Promise.all(
          mounts.map(async ({ source: place, readOnly }) => {
            const facts = await stat(place);
            return readOnly ? facts.isFile() : facts.isDirectory();
          }),
        ),
      join(folder, 'root'),
    );
    expect(types).not.toContain(false);
  });

  it('show inputs read-only from outside the writable workspace, at each of their places', async () => {
    const { workspace, inputs } = await whileRunning(
      async (mounts) => {
        const writable = mounts.filter(({ readOnly }) => !readOnly);
        return Promise.resolve({
          workspace: writable.map(({ source: place, target }) => ({ place, target })),
          inputs: mounts.filter(({ readOnly }) => readOnly),
        });
      },
      join(folder, 'root'),
    );
    expect(workspace.map(({ target }) => target)).toEqual(['/workspace']);
    expect(inputs.map(({ target }) => target).sort()).toEqual([
      '/data/x',
      '/workspace/b',
      '/workspace/in/deep/a',
    ]);
    for (const { source: place } of inputs) {
      expect(place.startsWith(`${workspace[0]?.place ?? ''}/`)).toBe(false);
    }
  });

  it("find their mount points made, folders with the job's owner, so that it can add siblings", async () => {
    const owners = await whileRunning(
      async (mounts) => {
        const root = mounts.find(({ target }) => target === '/workspace')?.source ?? '';
        const own = await stat(root);
        return Promise.all(
          ['in', 'in/deep'].map(async (name) => {
            const facts = await stat(join(root, name));
            return facts.isDirectory() && facts.uid === own.uid && facts.gid === own.gid;
          }),
        );
      },
      join(folder, 'root'),
    );
    expect(owners).toEqual([true, true]);
  });

  const rootRefused = async (root: string, problem: RegExp): Promise<void> => {
    const { outcome, engine } = await trial({ docker: DOCKER }, { config: { workspaceRoot: root } });
    expect(outcome).toMatchObject({ code: 'workspace.failed' });
    expect(outcome instanceof JobRuntimeError ? outcome.message : '').toMatch(problem);
    expect(engine.calls.map(({ call }) => call)).not.toContain('containers.create');
  };

  it('lie in no root that is a link', async () => {
    await mkdir(join(folder, 'elsewhere'), { mode: 0o700 });
    await symlink(join(folder, 'elsewhere'), join(folder, 'root'));
    await rootRefused(join(folder, 'root'), /is a symbolic link/);
    expect(await readdir(join(folder, 'elsewhere'))).toEqual([]);
  });

  it.each([0o770, 0o707, 0o1777])('lie in no root others may write to (mode %o)', async (mode) => {
    await mkdir(join(folder, 'root'));
    await chmod(join(folder, 'root'), mode);
    await rootRefused(join(folder, 'root'), /may be written to by others/);
    expect(await readdir(join(folder, 'root'))).toEqual([]);
  });

  it('lie in no root that is a file', async () => {
    await writeFile(join(folder, 'root'), 'kept');
    await rootRefused(join(folder, 'root'), /./);
    expect(await readFile(join(folder, 'root'), 'utf8')).toBe('kept');
  });

  it('lie in a folder of their own for each run, closed to others', async () => {
    const root = join(folder, 'root');
    const look = async (mounts: readonly MountSpec[]): Promise<string> => {
      const [name = ''] = await readdir(root);
      expect(await readdir(root)).toHaveLength(1);
      expect((await stat(root)).mode & 0o777).toBe(0o700);
      expect((await stat(join(root, name))).mode & 0o777).toBe(0o700);
      for (const mount of mounts) expect(mount.source.startsWith(join(root, name))).toBe(true);
      return name;
    };
    expect(await whileRunning(look, root)).not.toBe(await whileRunning(look, root));
  });
});

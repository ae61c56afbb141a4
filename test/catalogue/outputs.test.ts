/** Hostile outputs on the file system of this host: nothing is followed, nothing that is no regular file is read, and nothing stays. */
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRoot, makeFifo } from '../host/scratch.js';
import { collect, type Places, toCaller } from './outputs-fixture.js';

type Plant = (path: string, places: Places) => void;

const SPECIAL: readonly (readonly [string, string, Plant])[] = [
  [
    'an absolute link to a host file',
    'symlink',
    (path, { hostFile }) => {
      symlinkSync(hostFile, path);
    },
  ],
  [
    'a relative link to a host file',
    'symlink',
    (path, { hostFile }) => {
      symlinkSync(`${'../'.repeat(20)}${hostFile.slice(1)}`, path);
    },
  ],
  [
    'a link to a host folder',
    'symlink',
    (path, { hostFolder }) => {
      symlinkSync(hostFolder, path);
    },
  ],
  [
    'a link to what this process knows',
    'symlink',
    (path) => {
      symlinkSync('/proc/self/environ', path);
    },
  ],
  [
    'a link to nothing',
    'symlink',
    (path) => {
      symlinkSync('/nothing/there', path);
    },
  ],
  [
    'a link to itself',
    'symlink',
    (path) => {
      symlinkSync(path, path);
    },
  ],
  [
    'a FIFO nobody writes to',
    'fifo',
    (path) => {
      makeFifo(path);
    },
  ],
  [
    'a socket',
    'socket',
    (path) => {
      // A short path, because that of a socket is bounded; a process that ends leaves it behind.
      const program = 'require("net").createServer().listen(process.argv[1], () => process.exit(0))';
      execFileSync(process.execPath, ['-e', program, basename(path)], { cwd: dirname(path) });
    },
  ],
  ...(isRoot
    ? [
        [
          'a device',
          'device',
          (path: string): void => void execFileSync('mknod', [path, 'c', '1', '5']),
        ] as const,
      ]
    : []),
];

describe.each(SPECIAL)('%s', (_, type, plant) => {
  it('in the place of an output is refused, also of an optional one', async () => {
    for (const optional of [false, true]) {
      const { result, reports, files } = await collect([toCaller('out', { optional })], (places) => {
        plant(join(places.workspace, 'out'), places);
      });
      expect(result).toMatchObject({ status: 'failed', reason: 'output_rejected', exitCode: 0 });
      expect(reports).toMatchObject([{ workspacePath: 'out', state: 'rejected', files: [] }]);
      expect(files).toEqual({});
    }
  });

  it.each(['dir', 'dir/**', '**/*'])('within the output %s is left out and listed', async (path) => {
    const { result, reports, files } = await collect([toCaller(path)], (places) => {
      mkdirSync(join(places.workspace, 'dir'));
      writeFileSync(join(places.workspace, 'dir/good'), 'good');
      plant(join(places.workspace, 'dir/evil'), places);
    });
    expect(result.status).toBe('succeeded');
    expect(files).toEqual({ 'dir/good': 'good' });
    expect(reports[0]?.skipped).toEqual([{ path: 'dir/evil', type }]);
  });

  it.each(['dir', 'dir/**'])('within the output %s is refused where the definition says so', async (path) => {
    const { result, files } = await collect([toCaller(path, { specialFiles: 'refuse' })], (places) => {
      mkdirSync(join(places.workspace, 'dir'));
      writeFileSync(join(places.workspace, 'dir/good'), 'good');
      plant(join(places.workspace, 'dir/evil'), places);
    });
    expect(result).toMatchObject({ status: 'failed', reason: 'output_rejected' });
    expect(files).toEqual({});
  });

  it("does not hide the job's own outcome", async () => {
    const { result, files } = await collect(
      [toCaller('out')],
      (places) => {
        plant(join(places.workspace, 'out'), places);
      },
      { exitCode: 3 },
    );
    expect(result).toMatchObject({ status: 'failed', reason: 'non_zero_exit', exitCode: 3 });
    expect(files).toEqual({});
  });
});

describe('a link to a folder in the middle of a path', () => {
  it.each(['a/secret', 'a/*', 'a/**', 'a/sec*'])('is not followed to %s', async (path) => {
    const { result, files } = await collect([toCaller(path)], ({ workspace, hostFolder }) => {
      symlinkSync(hostFolder, join(workspace, 'a'));
    });
    expect(result).toMatchObject({ status: 'failed', reason: 'output_rejected' });
    expect(files).toEqual({});
  });

  it.each(['**/secret', '*/secret', '**'])('is not entered by %s', async (path) => {
    const { files } = await collect([toCaller(path)], ({ workspace, hostFolder }) => {
      symlinkSync(hostFolder, join(workspace, 'a'));
    });
    expect(files).toEqual({});
  });
});

describe('a hard link within the workspace', () => {
  it('is a file like any other', async () => {
    const { files } = await collect([toCaller('dir'), toCaller('twin')], ({ workspace }) => {
      mkdirSync(join(workspace, 'dir'));
      writeFileSync(join(workspace, 'dir/a'), 'same');
      linkSync(join(workspace, 'dir/a'), join(workspace, 'dir/b'));
      linkSync(join(workspace, 'dir/a'), join(workspace, 'twin'));
    });
    expect(files).toEqual({ 'dir/a': 'same', 'dir/b': 'same', twin: 'same' });
  });
});

describe('too much', () => {
  const config = { outputs: { maxEntries: 20, maxDepth: 8, maxBytes: 1024 ** 2 }, maxFileBytes: 1024 ** 2 };
  const limited = { status: 'failed', reason: 'output_limit_exceeded', exitCode: 0 };

  it.each(['out', '*', 'o*/**'])('a sparse tebibyte at %s is refused by its size, unread', async (path) => {
    const { result, files } = await collect([toCaller(path)], ({ workspace }) => {
      const folder = path.startsWith('o*') ? join(workspace, 'oo') : workspace;
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'out'), '');
      truncateSync(join(folder, 'out'), 2 ** 40);
    });
    expect(result).toMatchObject(limited);
    expect(files).toEqual({});
  });

  it('a file that is larger than one may be is refused, whatever all may have', async () => {
    const { result, files } = await collect(
      [toCaller('dir')],
      ({ workspace }) => {
        mkdirSync(join(workspace, 'dir'));
        writeFileSync(join(workspace, 'dir/out'), 'x'.repeat(1025));
      },
      { config: { maxFileBytes: 1024 } },
    );
    expect(result).toMatchObject(limited);
    expect(files).toEqual({});
  });

  it('many files that are too large only together are refused', async () => {
    const { result, files } = await collect(
      [toCaller('dir')],
      ({ workspace }) => {
        mkdirSync(join(workspace, 'dir'));
        for (const name of ['a', 'b', 'c']) {
          writeFileSync(join(workspace, 'dir', name), '');
          truncateSync(join(workspace, 'dir', name), 400_000);
        }
      },
      { config },
    );
    expect(result).toMatchObject(limited);
    expect(files).toEqual({});
  });

  it.each(['dir', 'dir/*', '**', 'dir/1'])('more entries than allowed, for %s', async (path) => {
    const { result, files } = await collect(
      [toCaller(path)],
      ({ workspace }) => {
        mkdirSync(join(workspace, 'dir'));
        for (let index = 0; index < 500; index += 1) writeFileSync(join(workspace, 'dir', String(index)), '');
      },
      { config },
    );
    // One file that is named is taken, however many lie beside it.
    if (path === 'dir/1') expect(files).toEqual({ 'dir/1': '' });
    else {
      expect(result).toMatchObject(limited);
      expect(files).toEqual({});
    }
  });

  it.each([
    ['deeper than allowed', 40],
    ['deeper than any path is long', 3_000],
  ])('folders %s', { timeout: 120_000 }, async (_, depth) => {
    const { result, files } = await collect(
      [toCaller('d')],
      ({ workspace }) => {
        // Relative steps: no path is that long.
        const program =
          'for (let left = +process.argv[1]; left > 0; left -= 1) { fs.mkdirSync("d"); process.chdir("d"); } fs.writeFileSync("f", "")';
        execFileSync(process.execPath, ['-e', program, String(depth)], { cwd: workspace });
      },
      { config },
    );
    expect(result).toMatchObject(limited);
    expect(files).toEqual({});
  });
});

describe('files with odd permissions', () => {
  it('leave nothing behind, whatever the modes', async () => {
    await collect([], ({ workspace }) => {
      mkdirSync(join(workspace, 'a/b'), { recursive: true });
      writeFileSync(join(workspace, 'a/b/c'), '');
      for (const path of ['a/b/c', 'a/b', 'a', '.']) chmodSync(join(workspace, path), 0);
    });
  });
});

describe('no output', () => {
  it.each(['out', 'dir/out', '*.txt', 'dir/**'])('at %s is output_missing', async (path) => {
    const { result, reports } = await collect([toCaller(path)], () => undefined);
    expect(result).toMatchObject({ status: 'failed', reason: 'output_missing', exitCode: 0 });
    expect(reports).toMatchObject([{ workspacePath: path, state: 'missing', files: [] }]);
  });

  it('that was optional is skipped', async () => {
    const { result, reports } = await collect([toCaller('out', { optional: true })], () => undefined);
    expect(result.status).toBe('succeeded');
    expect(reports).toMatchObject([{ state: 'skipped' }]);
  });

  it.each([
    ['an empty file', '', { out: '' }],
    ['an empty folder', null, {}],
  ])('is not what %s is', async (_, content, expected) => {
    const { result, reports, files } = await collect([toCaller('out')], ({ workspace }) => {
      if (content === null) mkdirSync(join(workspace, 'out'));
      else writeFileSync(join(workspace, 'out'), content);
    });
    expect(result.status).toBe('succeeded');
    expect(reports).toMatchObject([{ state: 'uploaded', type: content === null ? 'directory' : 'file' }]);
    expect(files).toEqual(expected);
  });
});

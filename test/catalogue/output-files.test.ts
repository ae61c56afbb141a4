/** Names, modes and sudden changes of files that are outputs: what arrives is what was read, under a name any storage can take. */
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStorage, type StorageAdapter } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { collect, HOST_SECRET, toCaller } from './outputs-fixture.js';

/** Makes a file whose name is any bytes. */
const writeNamed = (folder: string, name: Uint8Array, content: string): void => {
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), content);
};

describe('the name of a file in an output', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['an option', '-rf', '-rf'],
    ['a command', '$(reboot);`id`', '$(reboot);`id`'],
    ['a newline', 'a\nb', 'a%0Ab'],
    ['an escape sequence', '\u001b[2J', '%1B[2J'],
    ['invalid UTF-8', Uint8Array.of(0x61, 0xff, 0xfe), 'a%FF%FE'],
    ['what looks like two dots', '\uff0e\uff0e', '%EF%BC%8E%EF%BC%8E'],
    ['what looks like a slash', 'a\u2215b', 'a%E2%88%95b'],
    ['three dots', '...', '..%2E'],
    ['a trailing blank', 'a ', 'a%20'],
    ['a backslash', '..\\..\\a', '..%5C..%5Ca'],
    ['an escape', '%2e%2e', '%252e%252e'],
    ['a right-to-left override', 'a\u202etxt', 'a%E2%80%AEtxt'],
    ['letters that combine', 'e\u0301', 'e%CC%81'],
    ['255 bytes', 'x'.repeat(255), 'x'.repeat(255)],
    ['a key of the language', '__proto__', '__proto__'],
  ])('may be %s, and becomes one that no storage misreads', async (_, name, expected) => {
    const { result, reports, files } = await collect([toCaller('dir')], ({ workspace }) => {
      mkdirSync(join(workspace, 'dir'));
      writeNamed(join(workspace, 'dir'), typeof name === 'string' ? Buffer.from(name) : name, 'content');
    });
    expect(result.status).toBe('succeeded');
    expect(Object.entries(files)).toEqual([[`dir/${expected}`, 'content']]);
    expect(reports[0]?.files.map(({ path }) => path)).toEqual([`dir/${expected}`]);
  });

  it('may differ from another by case or by its bytes alone: both arrive', async () => {
    const { files } = await collect([toCaller('dir')], ({ workspace }) => {
      mkdirSync(join(workspace, 'dir'));
      for (const name of ['a', 'A', 'a%0A', 'a\n', '\u00e9', 'e\u0301'])
        writeNamed(join(workspace, 'dir'), Buffer.from(name), name);
    });
    expect(Object.values(files).sort()).toEqual(['a', 'A', 'a%0A', 'a\n', '\u00e9', 'e\u0301'].sort());
  });

  it('that is too long for a key is refused, and said', async () => {
    const { result, files } = await collect([toCaller('dir')], ({ workspace }) => {
      mkdirSync(join(workspace, 'dir'));
      writeNamed(join(workspace, 'dir'), Buffer.alloc(255, 0xff), 'content');
    });
    expect(result).toMatchObject({ status: 'failed', reason: 'output_limit_exceeded' });
    expect(files).toEqual({});
  });
});

describe('the mode of an output', () => {
  it('never leaves: no setuid, setgid or sticky bit, nothing executable, nothing others may write to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'berthkit-out-'));
    try {
      await collect(
        [toCaller('dir'), toCaller('single')],
        ({ workspace }) => {
          mkdirSync(join(workspace, 'dir'));
          for (const name of ['dir/program', 'single'])
            writeFileSync(join(workspace, name), '#!/bin/sh\nid\n');
          chmodSync(join(workspace, 'dir'), 0o7777);
          for (const name of ['dir/program', 'single']) chmodSync(join(workspace, name), 0o7777);
        },
        { outputTo: join(folder, 'out') },
      );
      expect(readdirSync(join(folder, 'out')).sort()).toEqual(['dir', 'single']);
      for (const name of ['dir/program', 'single']) {
        expect((statSync(join(folder, 'out', name)).mode & 0o7133).toString(8)).toBe('0');
        expect(readFileSync(join(folder, 'out', name), 'utf8')).toContain('#!/bin/sh');
      }
      expect((statSync(join(folder, 'out/dir')).mode & 0o7022).toString(8)).toBe('0');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('a file that changes after it was looked at', () => {
  const original = 'original content';

  /** A storage that checks nothing itself, and does something to the workspace once all was looked at and before it takes the first file. */
  function meddling(meddle: () => void): {
    readonly storage: StorageAdapter;
    readonly texts: Map<string, string>;
  } {
    const texts = new Map<string, string>();
    // No transactions: they would take what is written past this.
    const { stat, list, read } = memoryStorage();
    const storage: StorageAdapter = {
      ...{ stat, list, read },
      write: async (path, body, { sizeBytes }) => {
        if (texts.size === 0) meddle();
        const chunks: Uint8Array[] = [];
        for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
        texts.set(path, Buffer.concat(chunks).toString());
        return { path, type: 'file', sizeBytes };
      },
    };
    return { storage, texts };
  }

  it.each<[string, (path: string, hostFile: string) => void]>([
    [
      'into a link to a host file',
      (path, hostFile) => {
        rmSync(path);
        symlinkSync(hostFile, path);
      },
    ],
    [
      'into another file',
      (path) => {
        writeFileSync(`${path}.new`, 'replaced content');
        renameSync(`${path}.new`, path);
      },
    ],
    [
      'by growing',
      (path) => {
        appendFileSync(path, ' and more');
      },
    ],
    [
      'by shrinking',
      (path) => {
        truncateSync(path, 3);
      },
    ],
    [
      'in place',
      (path) => {
        writeFileSync(path, 'rewritten  bytes');
      },
    ],
    [
      'by going',
      (path) => {
        rmSync(path);
      },
    ],
  ])('%s never arrives as anything else under the same checksum', async (_, change) => {
    for (const [output, name] of [
      ['b', 'b'],
      ['dir', 'dir/b'],
      ['dir/*', 'dir/b'],
    ] as const) {
      let meddle = (): void => undefined;
      const { storage, texts } = meddling(() => {
        meddle();
      });
      const { reports } = await collect(
        [toCaller('a'), toCaller(output)],
        ({ workspace, hostFile }) => {
          mkdirSync(join(workspace, 'dir'));
          writeFileSync(join(workspace, 'a'), 'first');
          writeFileSync(join(workspace, name), original);
          meddle = () => {
            change(join(workspace, name), hostFile);
          };
        },
        { outputTo: storage, config: { concurrency: { upload: 1 } } },
      );
      const state = reports[1]?.state;
      expect(['uploaded', 'failed']).toContain(state);
      if (state === 'uploaded') expect(texts.get(name)).toBe(original);
      expect([...texts.values()].join()).not.toContain(HOST_SECRET);
    }
  });
});

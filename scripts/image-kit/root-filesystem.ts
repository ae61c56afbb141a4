/** Root file systems for small images, taken from this machine: busybox, Node and Python with the libraries they need. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One file, folder or link of an image. */
export type ImageEntry =
  | { readonly type: 'directory'; readonly name: string; readonly mode: number }
  | { readonly type: 'symlink'; readonly name: string; readonly linkname: string }
  | { readonly type: 'file'; readonly name: string; readonly mode: number; readonly content: Buffer };

/** Debian's static busybox; downloaded and unpacked, not installed, where it is missing. Null where neither can be. */
export function findBusybox(): string | null {
  const installed = ['/bin/busybox', '/usr/bin/busybox'].find(
    (path) => existsSync(path) && !needsLibraries(path),
  );
  if (installed !== undefined) return installed;
  try {
    const folder = mkdtempSync(join(tmpdir(), 'berthkit-busybox-'));
    process.once('exit', () => {
      rmSync(folder, { recursive: true, force: true });
    });
    execFileSync('apt-get', ['-q', 'download', 'busybox-static'], { cwd: folder, stdio: 'ignore' });
    const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.deb'));
    execFileSync('dpkg', ['-x', join(folder, file), folder]);
    return ['usr/bin/busybox', 'bin/busybox'].map((path) => join(folder, path)).find(existsSync) ?? null;
  } catch {
    return null;
  }
}

/** A system of busybox alone, with a command for each of its applets. */
export function busyboxEntries(busybox: string): readonly ImageEntry[] {
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  const folder = (name: string, mode = 0o755): ImageEntry => ({ type: 'directory', name, mode });
  return [
    ...[
      'bin',
      'etc',
      'home',
      'lib',
      'proc',
      'root',
      'sys',
      'dev',
      'usr',
      'usr/bin',
      'usr/local',
      'usr/local/bin',
      'var',
    ].map((name) => folder(name)),
    folder('tmp', 0o1777),
    file('bin/busybox', busybox, 0o755),
    ...applets
      .filter((name) => name !== 'busybox')
      .map((name): ImageEntry => ({ type: 'symlink', name: `bin/${name}`, linkname: 'busybox' })),
    text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'),
    text('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
  ];
}

/** This machine's Node and what it is linked with. */
export function nodeEntries(): readonly ImageEntry[] {
  return programEntries(realpathSync(process.execPath), 'usr/bin/node');
}

/** This machine's Python 3 with its standard library, or null where there is none. */
export function pythonEntries(): readonly ImageEntry[] | null {
  const python = readdirSync('/usr/bin').find((name) => /^python3\.\d+$/.test(name));
  if (python === undefined) return null;
  const library = `/usr/lib/${python}`;
  if (!existsSync(library)) return null;
  const skipped = new Set([
    'test',
    'idlelib',
    'tkinter',
    'lib2to3',
    'ensurepip',
    '__pycache__',
    'dist-packages',
  ]);
  const modules = treeEntries(library, skipped);
  const extensions = join(library, 'lib-dynload');
  const linked = existsSync(extensions)
    ? readdirSync(extensions).flatMap((name) => librariesOf(join(extensions, name)))
    : [];
  return unique([
    ...programEntries(`/usr/bin/${python}`, 'usr/bin/python3'),
    ...modules,
    ...linked.map((path) => file(path.slice(1), path, 0o755)),
  ]);
}

/** The same entries give the same 16 hex digits, on any machine. */
export function contentHash(entries: readonly ImageEntry[]): string {
  const hash = createHash('sha256');
  for (const entry of entries) {
    hash.update(`${entry.type}\0${entry.name}\0${'mode' in entry ? String(entry.mode) : entry.linkname}\0`);
    if (entry.type === 'file') hash.update(createHash('sha256').update(entry.content).digest());
  }
  return hash.digest('hex').slice(0, 16);
}

function programEntries(path: string, name: string): readonly ImageEntry[] {
  return unique([
    file(name, path, 0o755),
    ...librariesOf(path).map((library) => file(library.slice(1), library, 0o755)),
  ]);
}

/** Paths of the shared libraries and the loader, as the program looks for them. */
function librariesOf(path: string): readonly string[] {
  try {
    const lines = execFileSync('ldd', [path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).split('\n');
    return lines.flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
  } catch {
    return [];
  }
}

function needsLibraries(path: string): boolean {
  return librariesOf(path).length > 0;
}

function treeEntries(root: string, skipped: ReadonlySet<string>): readonly ImageEntry[] {
  return readdirSync(root, { withFileTypes: true }).flatMap((entry): readonly ImageEntry[] => {
    const path = join(root, entry.name);
    if (skipped.has(entry.name)) return [];
    if (entry.isDirectory()) {
      return [{ type: 'directory', name: path.slice(1), mode: 0o755 }, ...treeEntries(path, skipped)];
    }
    if (entry.isSymbolicLink())
      return [{ type: 'symlink', name: path.slice(1), linkname: readlinkSync(path) }];
    return entry.isFile() ? [file(path.slice(1), path, lstatSync(path).mode & 0o777)] : [];
  });
}

function unique(entries: readonly ImageEntry[]): readonly ImageEntry[] {
  return [...new Map(entries.map((entry) => [entry.name, entry])).values()];
}

function file(name: string, path: string, mode: number): ImageEntry {
  return { type: 'file', name, mode, content: readFileSync(path) };
}

function text(name: string, content: string): ImageEntry {
  return { type: 'file', name, mode: 0o644, content: Buffer.from(content) };
}

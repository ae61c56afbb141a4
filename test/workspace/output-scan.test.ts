/** Secrets in one output are found in its files and in the names the job gave them, and each is told of once, with the file that holds it. */
import { describe, expect, it } from 'vitest';
import { createSecretScanner } from '../../src/base/secret-scan.js';
import { type OutputScan, startOutputScan } from '../../src/workspace/output-scan.js';

const bytes = (text: string): Buffer => Buffer.from(text);

/** A scan for the values by their names, and what it told. */
function scanFor(secrets: Readonly<Record<string, string>>) {
  const told: (readonly [secret: string, path: string])[] = [];
  const named = Object.entries(secrets).map(([name, value]) => ({ name, value }));
  const scan = startOutputScan({
    scanner: createSecretScanner(named),
    block: false,
    onFound: (secret, path) => told.push([secret, path]),
  });
  return { scan, told };
}

const file = (
  scan: OutputScan,
  path: string,
  names: readonly string[],
  ...chunks: readonly string[]
): void => {
  scan.startFile(path, names.map(bytes));
  for (const chunk of chunks) scan.push(bytes(chunk));
  scan.endFile();
};

describe('a look for secrets through an output', () => {
  it('finds one in a file, however it is cut, and says where it was first', () => {
    const { scan, told } = scanFor({ token: 'tell-nobody', key: 'another-value' });
    file(scan, 'out/a', [], 'nothing');
    file(scan, 'out/b', [], 'it is tell-', 'nobody', ' it is');
    file(scan, 'out/c', [], 'tell-nobody another-value');
    expect(told).toEqual([
      ['token', 'out/b'],
      ['key', 'out/c'],
    ]);
    expect(scan.found).toEqual(['token', 'key']);
  });

  it('finds nothing where nothing is', () => {
    const { scan, told } = scanFor({ token: 'tell-nobody' });
    file(scan, 'out/a', ['tell', 'a'], 'everybody');
    expect([told, scan.found]).toEqual([[], []]);
  });

  it('finds a short one, which is one only as a whole word, at the very end of a file, and tells of that file', () => {
    const { scan, told } = scanFor({ pin: '4711' });
    file(scan, 'out/a', [], 'the pin is 4711');
    expect(told).toEqual([['pin', 'out/a']]);
    file(scan, 'out/b', [], 'something else');
    expect(told).toHaveLength(1);
  });

  it('finds one in a name, and one that has become a path', () => {
    const { scan, told } = scanFor({
      name: 'tell-nobody',
      path: 'of-three/parts/in-all',
      folder: 'ends-with/',
    });
    file(scan, 'out/d/x-tell-nobody.txt', ['d', 'x-tell-nobody.txt']);
    file(scan, 'out/of-three/parts/in-all', ['of-three', 'parts', 'in-all']);
    file(scan, 'out/ends-with/f', ['ends-with', 'f']);
    expect(told).toEqual([
      ['name', 'out/d/x-tell-nobody.txt'],
      ['path', 'out/of-three/parts/in-all'],
      ['folder', 'out/ends-with/f'],
    ]);
  });

  it('takes neither a name and what is in the file for one text, nor the ends of two files', () => {
    const { scan, told } = scanFor({ token: 'first/second', other: 'third-fourth' });
    file(scan, 'out/first', ['first'], 'second third-');
    scan.push(bytes('fourth'));
    expect(told).toEqual([]);
  });
});

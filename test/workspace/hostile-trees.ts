/** What jobs may leave that is hostile or odd, as scripts for any POSIX shell, and what has to come of it, however it is collected. */
import type { OutputRequest } from '../../src/plan/container-spec.js';
import type { PlannedLimits } from '../../src/plan/run-plan.js';
import type { OutputReport } from '../../src/result.js';

/** What has to come of one output. */
interface Expected {
  readonly state: OutputReport['state'];
  /** Of a refusal. */
  readonly reason?: RegExp;
  /** What is stored, by path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly skipped?: OutputReport['skipped'];
}

/** One thing that a job left. */
export interface HostileTree {
  readonly name: string;
  /** Run in an empty workspace. */
  readonly script: string;
  readonly outputs: readonly Partial<OutputRequest>[];
  readonly limits?: Partial<PlannedLimits>;
  /** In the order of the outputs. */
  readonly expected: readonly Expected[];
}

const refused = (reason: RegExp): readonly Expected[] => [{ state: 'rejected', reason, files: {} }];
const taken = (files: Readonly<Record<string, string>>, skipped: Expected['skipped'] = []): Expected => ({
  state: 'uploaded',
  files,
  skipped,
});
const folder = { workspacePath: 'out' };
const LONG = 'n'.repeat(200);

/** All of them. */
export const HOSTILE_TREES: readonly HostileTree[] = [
  {
    name: 'a link to a file of the host',
    script: 'ln -s /etc/passwd out.txt',
    outputs: [{}],
    expected: refused(/^is a symbolic link, not a regular file or a folder$/),
  },
  {
    name: 'a link that climbs',
    script: 'ln -s ../../../../../../../../etc/passwd out.txt',
    outputs: [{ optional: true }],
    expected: refused(/^is a symbolic link/),
  },
  {
    name: 'a link to nothing',
    script: 'ln -s /nothing out.txt',
    outputs: [{ optional: true }],
    expected: refused(/^is a symbolic link/),
  },
  {
    name: 'a link to itself',
    script: 'ln -s out.txt out.txt',
    outputs: [{}],
    expected: refused(/^is a symbolic link/),
  },
  {
    name: 'a FIFO',
    script: 'mkfifo out.txt',
    outputs: [{}],
    expected: refused(/^is a FIFO, not a regular file or a folder$/),
  },
  {
    name: 'a link on the way, within the workspace',
    script: 'mkdir real; echo x > real/out.txt; ln -s real a',
    outputs: [{ workspacePath: 'a/out.txt' }],
    expected: refused(/^has a symbolic link in its path, which is never followed$/),
  },
  {
    name: 'a link on the way, out of the workspace',
    script: 'ln -s /etc a',
    outputs: [{ workspacePath: 'a/passwd' }],
    expected: refused(/^has a symbolic link in its path/),
  },
  {
    name: 'a link where the folders of a glob begin',
    script: 'ln -s /etc a',
    outputs: [{ workspacePath: 'a/*' }],
    expected: refused(/^has a symbolic link in its path/),
  },
  {
    name: 'a file on the way',
    script: 'echo x > a',
    outputs: [{ workspacePath: 'a/out.txt', optional: true }, { workspacePath: 'a/b' }],
    expected: [{ state: 'skipped' }, { state: 'missing' }],
  },
  {
    name: 'nothing',
    script: 'true',
    outputs: [{}, { workspacePath: 'a/b', optional: true }, { workspacePath: '**/*.csv' }],
    expected: [{ state: 'missing' }, { state: 'skipped' }, { state: 'missing' }],
  },
  {
    name: 'a sparse tebibyte',
    script: 'truncate -s 1099511627776 out.txt',
    outputs: [{}],
    expected: refused(/^has 1099511627776 bytes, more than the limit of 10000000 \(maxFileBytes\)$/),
  },
  {
    name: 'a sparse tebibyte in a folder',
    script: 'mkdir out; echo x > out/a; truncate -s 1099511627776 out/b',
    outputs: [folder],
    expected: refused(/^holds "b", which has 1099511627776 bytes, more than the limit/),
  },
  {
    name: 'links and FIFOs in a folder',
    script: 'mkdir out; echo x > out/f; ln -s /etc/passwd out/l; mkfifo out/p; ln -s /etc out/d',
    outputs: [folder],
    expected: [
      taken({ 'out/f': 'x\n' }, [
        { path: 'out/d', type: 'symlink' },
        { path: 'out/l', type: 'symlink' },
        { path: 'out/p', type: 'fifo' },
      ]),
    ],
  },
  {
    name: 'a link in a folder that may hold none',
    script: 'mkdir out; echo x > out/f; ln -s f out/l',
    outputs: [{ ...folder, specialFiles: 'refuse' }],
    expected: refused(/^holds "l", which is a symbolic link$/),
  },
  {
    name: 'two names of one file',
    script: 'mkdir out; echo x > out/a; ln out/a out/b',
    outputs: [folder],
    expected: [taken({ 'out/a': 'x\n', 'out/b': 'x\n' })],
  },
  {
    name: 'two names of one file that count twice',
    script: 'mkdir out; echo xxx > out/a; ln out/a out/b',
    outputs: [folder],
    limits: { outputBytes: 7 },
    expected: refused(/^holds "[ab]", which has 4 bytes, more than the 3 bytes that are left/),
  },
  {
    name: 'another name of a file that is no output',
    script: 'echo x > a; mkdir out; ln a out/b',
    outputs: [folder],
    expected: [taken({ 'out/b': 'x\n' })],
  },
  {
    name: 'too many files',
    script: 'mkdir out; for i in 1 2 3 4 5 6 7 8 9 10 11; do : > out/$i; done',
    outputs: [folder],
    limits: { entries: 10 },
    expected: refused(/^has more files and folders than the 10 that are left/),
  },
  {
    name: 'many more files than there may be',
    script: 'mkdir out; for i in 1 2 3 4 5 6 7 8 9; do : > out/$i; done',
    outputs: [folder],
    limits: { entries: 4 },
    expected: refused(/^has more files and folders than the 4 that are left .*\(outputs\.maxEntries\)$/),
  },
  {
    name: 'as many files as there may be',
    script: 'mkdir out; for i in 1 2 3 4; do : > out/$i; done',
    outputs: [folder],
    limits: { entries: 4 },
    expected: [taken({ 'out/1': '', 'out/2': '', 'out/3': '', 'out/4': '' })],
  },
  {
    name: 'folders that are too deep',
    script: 'mkdir -p out/1/2/3; : > out/1/2/3/f',
    outputs: [folder],
    limits: { depth: 3 },
    expected: refused(/nested deeper than 3 folders$/),
  },
  {
    name: 'folders that are as deep as they may be, and one that is empty',
    script: 'mkdir -p out/1/2 out/empty; : > out/1/2/f',
    outputs: [folder],
    limits: { depth: 3 },
    expected: [taken({ 'out/1/2/f': '' })],
  },
  {
    name: 'more bytes than outputs may have together',
    script: 'printf 12345 > a; printf 123 > b; printf 12 > c',
    outputs: [{ workspacePath: 'a' }, { workspacePath: 'b' }, { workspacePath: 'c' }],
    limits: { outputBytes: 7 },
    expected: [
      taken({ a: '12345' }),
      { state: 'rejected', reason: /^has 3 bytes, more than the 2 bytes that are left/ },
      taken({ c: '12' }),
    ],
  },
  {
    name: 'outputs that are parts of each other',
    script: 'mkdir out; echo x > out/a; echo y > out/b.csv',
    outputs: [folder, { workspacePath: 'out/a' }, { workspacePath: '**/*.csv' }],
    expected: [
      taken({ 'out/a': 'x\n', 'out/b.csv': 'y\n' }),
      taken({ 'out/a': 'x\n' }),
      taken({ 'out/b.csv': 'y\n' }),
    ],
  },
  {
    name: 'a glob that matches files and links among others',
    script:
      'mkdir -p out/d.csv; echo 1 > out/a.csv; echo 2 > out/b.txt; ln -s a.csv out/c.csv; echo 3 > out/d.csv/e',
    outputs: [{ workspacePath: 'out/*.csv' }],
    expected: [taken({ 'out/a.csv': '1\n' }, [{ path: 'out/c.csv', type: 'symlink' }])],
  },
  {
    name: 'odd names',
    script: String.raw`mkdir out; for n in '-rf b' "it's" 'a"b' '*' 'ü' '[x]' '${LONG}'; do printf 1 > "out/$n"; done`,
    outputs: [folder],
    expected: [
      taken(
        Object.fromEntries(
          ['-rf b', "it's", 'a"b', '*', 'ü', '[x]', LONG].map((name) => [`out/${name}`, '1']),
        ),
      ),
    ],
  },
  {
    name: 'a long path',
    script: `mkdir -p out/${LONG}/${LONG}; printf 1 > out/${LONG}/${LONG}/f`,
    outputs: [folder],
    expected: [taken({ [`out/${LONG}/${LONG}/f`]: '1' })],
  },
];

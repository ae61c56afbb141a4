/** Running code a language model wrote: files in; stdout, stderr, exit code, hints and files out. At most a few runs a user at a time. */
import { strict as assert } from 'node:assert';
import { createRuntime, memoryStorage, type RunOptions, type RunResult } from 'berthkit';

const LANGUAGES = {
  python: { image: 'python:3-slim', file: 'main.py', program: 'python3' },
  sh: { image: 'busybox:1', file: 'main.sh', program: 'sh' },
} as const;
const MAX_RUNS_PER_USER = 2;
const ulimit = (name: string, most: number) => ({ name, soft: most, hard: most });

// Everything a snippet may use is decided here: the definition below asks for nothing. Without a word about it there is no network.
const runtime = createRuntime({
  maxConcurrentRuns: 4,
  maxQueuedRuns: 20,
  maxWorkspaceBytes: '16MiB',
  maxLogChars: 8_000,
  stopGraceMs: '1s',
  timeouts: { default: { runMs: '5s' } },
  outputs: { maxBytes: '16MiB', maxEntries: 200, maxDepth: 8 },
  policy: {
    images: { allow: Object.values(LANGUAGES).map(({ image }) => image) },
    limits: {
      default: {
        memoryBytes: '256MiB',
        pidsLimit: 64,
        ulimits: [ulimit('nofile', 256), ulimit('core', 0), ulimit('fsize', 8 * 1024 ** 2)],
      },
      max: { outputBytes: '1MiB' },
    },
    secrets: { allow: [] },
    storage: { read: [], write: [] },
  },
});

/** What a model wants to be run. `files` are at hand in the working directory; what is left in `out` comes back. */
export interface Snippet {
  readonly language: keyof typeof LANGUAGES;
  readonly code: string;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** What came of it. `status` and `reason` are berthkit's word; exit code, texts and files are the code's and may claim anything. */
export interface SnippetResult extends Pick<RunResult, 'status' | 'reason' | 'exitCode' | 'hints'> {
  readonly stdout: string;
  readonly stderr: string;
  /** Something of either stream was left out in its middle. */
  readonly truncated: boolean;
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/** The user has as many runs under way as anyone may. */
export class TooManyRunsError extends Error {}

const runsOf = new Map<string, number>();

export async function runSnippet(
  userId: string,
  snippet: Snippet,
  options: Pick<RunOptions, 'signal' | 'onLine'> = {},
): Promise<SnippetResult> {
  const running = runsOf.get(userId) ?? 0;
  if (running >= MAX_RUNS_PER_USER) throw new TooManyRunsError(`${String(running)} runs are under way`);
  runsOf.set(userId, running + 1);
  try {
    return await run(userId, snippet, options);
  } finally {
    const left = (runsOf.get(userId) ?? 1) - 1;
    if (left === 0) runsOf.delete(userId);
    else runsOf.set(userId, left);
  }
}

async function run(userId: string, snippet: Snippet, options: RunOptions): Promise<SnippetResult> {
  const { image, file, program } = LANGUAGES[snippet.language];
  const out = memoryStorage();
  const result = await runtime.runJob(
    {
      slug: `snippet-${snippet.language}`,
      docker: {
        image,
        command: [program, file],
        workingDirectory: '/workspace',
        // A read-only file, never a word of the command line: no quoting, no limit of a shell.
        inputs: [{ source: { type: 'inline', content: snippet.code }, workspacePath: file }],
        outputs: [{ workspacePath: 'out', upload: 'caller', optional: true }],
      },
    },
    { ...options, files: snippet.files, outputTo: out, metadata: { userId } },
  );
  const { status, reason, exitCode, hints, stdout, stderr } = result;
  const truncated = stdout.droppedChars + stderr.droppedChars > 0;
  const texts = { stdout: stdout.text ?? '', stderr: stderr.text ?? '' };
  return { status, reason, exitCode, hints, ...texts, truncated, files: out.files() };
}

const sum = `import csv, os
os.mkdir('out')
total = sum(int(row['n']) for row in csv.DictReader(open('data.csv')))
open('out/total.txt', 'w').write(str(total))
print('total', total)`;
const good = await runSnippet('ada', { language: 'python', code: sum, files: { 'data.csv': 'n\n1\n41\n' } });
assert.deepEqual([good.status, good.stdout], ['succeeded', 'total 42\n']);
assert.equal(Buffer.from(good.files['out/total.txt'] ?? []).toString(), '42');

const sh = (code: string): Promise<SnippetResult> => runSnippet('ada', { language: 'sh', code });
const bad = await sh('echo mine > /etc/motd; exit 3');
assert.deepEqual([bad.exitCode, bad.hints[0]?.code], [3, 'read_only_file_system']);
assert.equal((await sh('yes')).reason, 'log_limit_exceeded');

const three = await Promise.allSettled([sh('while :; do :; done'), sh('echo ok'), sh('echo too many')]);
assert.deepEqual(
  three.map((each) =>
    each.status === 'fulfilled' ? each.value.status : each.reason instanceof TooManyRunsError,
  ),
  ['timed_out', 'succeeded', true],
);
await runtime.close();
console.log(`a snippet said: ${good.stdout.trim()}; another was told: ${bad.hints[0]?.message ?? ''}`);

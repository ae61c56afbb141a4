/** A process made up for tests of the command line: its streams collected, its signals sent by hand. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import type { CancelSignal, CliIo } from '../../src/cli/io.js';
import { runCli } from '../../src/cli/program.js';
import { afterEveryTest } from '../each-test.js';

const folders: string[] = [];

afterEveryTest(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A folder that goes when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-cli-'));
  folders.push(folder);
  return folder;
}

/** A stream that keeps what is written. */
export function collecting(): { readonly stream: Writable; readonly text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}

/** A made-up process. */
export interface TestProcess {
  readonly io: CliIo;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly send: (signal: CancelSignal) => void;
  /** Whether anyone hears signals. */
  readonly isListening: () => boolean;
  readonly exits: readonly number[];
}

/** Makes one whose relative paths and workspaces are beneath `folder`. */
export function testProcess(folder: string, changes: Partial<CliIo> = {}): TestProcess {
  const out = collecting();
  const err = collecting();
  const listeners = new Set<(signal: CancelSignal) => void>();
  const exits: number[] = [];
  return {
    io: {
      env: { CATALOG_DOCKER_WORKSPACE_ROOT: join(folder, 'root') },
      cwd: folder,
      stdin: new PassThrough().end(),
      stdout: out.stream,
      stderr: err.stream,
      isTerminal: false,
      isOutputTerminal: false,
      hasColor: false,
      version: '1.2.3',
      user: 'ops@example',
      onSignal(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      exit: (code) => exits.push(code),
      ...changes,
    },
    stdout: out.text,
    stderr: err.text,
    send: (signal) => {
      for (const listener of listeners) listener(signal);
    },
    isListening: () => listeners.size > 0,
    exits,
  };
}

/** What came of one command line. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Carries out one command line with a definition on standard input. */
export async function runWith(
  folder: string,
  args: readonly string[],
  definition: unknown = '',
  changes: Partial<CliIo> = {},
): Promise<Outcome> {
  const text = typeof definition === 'string' ? definition : JSON.stringify(definition);
  const { io, stdout, stderr } = testProcess(folder, {
    stdin: Readable.from([Buffer.from(text)]),
    ...changes,
  });
  const code = await runCli(args, io);
  return { code, stdout: stdout(), stderr: stderr() };
}

/** What a command says and where: results on standard output, everything else on standard error. */
import type { CliIo } from './io.js';
import { guardStream, type OutputStream } from './output-stream.js';
import { printable } from './printable.js';

/** The two streams of a command. */
export interface Console {
  readonly out: OutputStream;
  readonly err: OutputStream;
  /** Lines of a result. */
  readonly print: (lines: readonly string[]) => Promise<void>;
  /** One JSON document, the only thing on standard output. */
  readonly printJson: (value: unknown) => Promise<void>;
  /** Lines beside the result. */
  readonly note: (lines: readonly string[]) => Promise<void>;
  /** Writes a line on standard error that may hold colour. */
  readonly writeLine: (line: string) => Promise<void>;
}

/** The console over the streams of the process. */
export function createConsole(io: Pick<CliIo, 'stdout' | 'stderr' | 'isOutputTerminal'>): Console {
  const out = guardStream(io.stdout);
  const err = guardStream(io.stderr);
  /** Ends a line of the job where ours would go on in it. */
  const lead = (): string => {
    const open = [err.takeMidLine(), io.isOutputTerminal && out.takeMidLine()];
    return open.includes(true) ? '\n' : '';
  };
  const text = (lines: readonly string[]): string => lines.map((line) => `${printable(line)}\n`).join('');
  return {
    out,
    err,
    writeLine: async (line) => err.write(`${lead()}${line}\n`),
    print: async (lines) => out.write(text(lines)),
    printJson: async (value) => out.write(`${JSON.stringify(value, null, 2)}\n`),
    note: async (lines) => {
      if (lines.length > 0) await err.write(`${lead()}${text(lines)}`);
    },
  };
}

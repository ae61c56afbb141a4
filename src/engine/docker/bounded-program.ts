/** Runs a program of the system, without a shell and within bounds of time and output. Knows nothing of what it is asked. */
import type { ChildProcess } from 'node:child_process';
import { thisProcess } from '../../host/this-process.js';
import { toObject, toText } from './json-fields.js';
import { childProcess } from './node-modules.js';

/** What a program is given, and what bounds it. */
export interface ProgramBounds {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it finds on its standard input. */
  readonly input: string;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Of its standard output; what it complains about is not read. */
  readonly maxBytes: number;
}

/** How a program ended: by itself, by one of its bounds, or before it began. */
export type ProgramEnd =
  | { readonly by: 'exit'; readonly code: number | string; readonly output: string }
  | { readonly by: 'time' | 'size' | 'abort' }
  | { readonly by: 'error'; readonly code: string };

const hasGroups = (): boolean => thisProcess.platform !== 'win32';

/** Ends a program with all it has started, but for what has left its group on purpose. */
function endGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined && hasGroups()) thisProcess.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}

/** Runs the program until it and its output have ended, or a bound is reached; then nothing of it is waited for. Never rejects. */
export async function runBounded(
  program: string,
  words: readonly string[],
  { env, input, signal, timeoutMs, maxBytes }: ProgramBounds,
): Promise<ProgramEnd> {
  if (signal.aborted) return { by: 'abort' };
  let child: ChildProcess;
  try {
    // A group of its own, so that a bound ends what it has started, too.
    child = childProcess().spawn(program, words, {
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: hasGroups(),
      windowsHide: true,
    });
  } catch (cause) {
    return { by: 'error', code: toText(toObject(cause)['code']) };
  }
  return new Promise((resolve) => {
    const end = (how: ProgramEnd): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(how);
    };
    const stop = (by: 'time' | 'size' | 'abort'): void => {
      endGroup(child);
      // Whoever left the group may hold the other ends for ever.
      child.stdin?.destroy();
      child.stdout?.destroy();
      end({ by });
    };
    const onAbort = (): void => {
      stop('abort');
    };
    const timer = setTimeout(stop, timeoutMs, 'time');
    signal.addEventListener('abort', onAbort, { once: true });
    const parts: Uint8Array[] = [];
    let size = 0;
    child.stdout?.on('data', (part: Uint8Array) => {
      parts.push(part);
      size += part.length;
      if (size > maxBytes) stop('size');
    });
    child.once('error', (cause) => {
      end({ by: 'error', code: toText(toObject(cause)['code']) });
    });
    child.once('close', (code, killedBy) => {
      end({ by: 'exit', code: code ?? killedBy ?? 'unknown', output: Buffer.concat(parts).toString('utf8') });
    });
    // One that does not read has answered or failed; that is what counts.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

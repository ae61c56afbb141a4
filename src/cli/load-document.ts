/** Reads a definition or a configuration from a file or standard input, within a bound. What it means is for others. */
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { JobRuntimeError } from '../index.js';
import { fileProblem } from './file-problem.js';
import type { CliIo } from './io.js';
import { documentError, type DocumentKind } from './input-error.js';
import { parseDocument } from './parse-document.js';

const MAX_BYTES = 8 * 1024 * 1024;

/** What stands for standard input. */
const STDIN = '-';

/**
 * The data of a JSON or YAML file; `-` is standard input, but not for a configuration.
 *
 * @throws `validation.invalid_job` or `config.invalid`.
 */
export async function loadDocument(
  io: Pick<CliIo, 'stdin' | 'cwd'>,
  file: string,
  kind: DocumentKind,
): Promise<unknown> {
  const isStdin = file === STDIN && kind !== 'configuration';
  const name = isStdin ? '<stdin>' : file;
  const chunks: Uint8Array[] = [];
  try {
    let size = 0;
    // A stream, not a whole file: it may be a pipe or a device without an end.
    const stream: AsyncIterable<Uint8Array> = isStdin ? io.stdin : createReadStream(resolve(io.cwd, file));
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > MAX_BYTES) break;
      chunks.push(chunk);
    }
    if (size > MAX_BYTES) throw documentError(kind, name, `is larger than ${String(MAX_BYTES)} bytes`);
    return parseDocument(decode(Buffer.concat(chunks), name, kind), { name, kind });
  } catch (error) {
    if (JobRuntimeError.isInstance(error)) throw error;
    throw documentError(kind, name, fileProblem(error));
  }
}

function decode(bytes: Uint8Array, name: string, kind: DocumentKind): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw documentError(kind, name, 'is not UTF-8 text');
  }
}

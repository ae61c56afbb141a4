/** A job that writes a log in which secrets stand, and what is to come out of it. It measures nothing. */
import type { RunOptions } from 'berthkit';
import { MIB } from './ground.js';

/** What is masked. */
const LOG_SECRETS: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from({ length: 10 }, (_, index) => [
    `secret-${index}`,
    `hunter${index}-${'correct-horse-'.repeat(2)}${index}`,
  ]),
);

const SECRETS = Object.values(LOG_SECRETS);
const BLOCK_BYTES = 16 * MIB;
/** One line in this many shows a secret. */
const LINES_PER_SECRET = 100;

/** A log and how it is written. */
export interface LogJob {
  /** Without its image. */
  readonly docker: { readonly command: readonly string[] };
  readonly options: Pick<RunOptions, 'files' | 'secrets'>;
  /** The file that the job repeats, by its name. */
  readonly block: { readonly name: string; readonly content: Uint8Array };
  /** Bytes that the job writes. */
  readonly writtenBytes: number;
  /** Bytes that are left of it when every secret has become `***`. */
  readonly redactedBytes: number;
}

/** A job that writes so many bytes; a multiple of 16 MiB. The file it repeats is in its workspace, so that no program has to keep up. */
export function createLogJob(writtenBytes: number): LogJob {
  const repetitions = writtenBytes / BLOCK_BYTES;
  const { text, masked } = logBlock();
  const name = 'block.log';
  const content = Buffer.from(text);
  return {
    docker: {
      command: ['sh', '-c', `i=0; while [ $i -lt ${repetitions} ]; do cat ${name}; i=$((i+1)); done`],
    },
    options: { files: { [name]: content }, secrets: LOG_SECRETS },
    block: { name, content },
    writtenBytes,
    redactedBytes: writtenBytes - repetitions * masked,
  };
}

/** Lines of ordinary length; `masked` is by how many bytes masking makes them shorter. */
function logBlock(): { readonly text: string; readonly masked: number } {
  const lines: string[] = [];
  let length = 0;
  let masked = 0;
  for (let line = 0; ; line += 1) {
    const secret =
      line % LINES_PER_SECRET === 0 ? (SECRETS[(line / LINES_PER_SECRET) % SECRETS.length] ?? '') : '';
    const text = `2026-01-01T00:00:${String(line % 60).padStart(2, '0')}Z info step=${line} token=${secret} fetched 17 of 40 pages, next=/v1/items?after=${line * 7919}`;
    if (length + text.length + 1 >= BLOCK_BYTES) break;
    lines.push(text);
    length += text.length + 1;
    if (secret !== '') masked += secret.length - '***'.length;
  }
  lines.push('.'.repeat(BLOCK_BYTES - length - 1));
  return { text: `${lines.join('\n')}\n`, masked };
}

/** A connection to an engine on another machine through the system's own `ssh`, as Docker's client makes it. Knows no HTTP. */
import { Duplex } from 'node:stream';
import { type Check, only } from '../../base/shapes.js';
import type { EngineAddress } from './address.js';
import { childProcess } from './node-modules.js';
import { text, texts } from './option-checks.js';

/** How the system's ssh is called. */
export interface SshOptions {
  /** The program. Default `ssh`, from the PATH. */
  readonly program?: string | undefined;
  /** Words before ours, for example `['-F', '/path/to/config']` or `['-i', '/path/to/key']`. */
  readonly arguments?: readonly string[] | undefined;
}

const SSH: Record<keyof SshOptions, Check> = { program: text, arguments: texts };

/** Of {@link SshOptions}, as callers give it. */
export const sshCheck = only(SSH);

/** ssh ended before the engine answered. Internal: it never leaves the adapter. */
export class SshFailure extends Error {
  readonly code = 'ESSH';

  constructor(message: string) {
    super(message);
    this.name = 'SshFailure';
  }
}

const MAX_COMPLAINT_CHARS = 2_000;

/**
 * Starts ssh and gives its streams as one. The host's key must be known already, and nothing is ever asked for: what would need an answer
 * fails. A peer that died without a word is noticed after three quarters of a minute.
 */
export function connectBySsh(
  address: EngineAddress & { readonly kind: 'ssh' },
  options: SshOptions = {},
): Duplex {
  const child = childProcess().spawn(options.program ?? 'ssh', wordsFor(address, options.arguments ?? []), {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(-MAX_COMPLAINT_CHARS);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => {
      reject(new SshFailure(error.message));
    });
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new SshFailure(lastLine(complaint) ?? `it ended with ${String(code)}`));
    });
  });
  // Nobody may be reading any more.
  ended.catch(() => undefined);
  // A pipe that breaks is not the reason, only its first sign.
  child.stdin.on('error', () => undefined);
  const duplex = new Duplex({
    read: () => child.stdout.resume(),
    write: (chunk, _encoding, done) => {
      child.stdin.write(chunk, (error) => {
        if (error) ended.then(() => done(error), done);
        else done();
      });
    },
    final: (done) => child.stdin.end(done),
    destroy: (error, done) => {
      child.kill();
      done(error);
    },
  });
  child.stdout.on('data', (chunk: Uint8Array) => {
    if (!duplex.push(chunk)) child.stdout.pause();
  });
  // The end of its output is the end of the connection only once it is known that it did not fail.
  child.stdout.once('close', () => {
    ended.then(
      () => duplex.push(null),
      (error: unknown) => duplex.destroy(error as SshFailure),
    );
  });
  return duplex;
}

function wordsFor(
  { hostname, user, port, socketPath }: EngineAddress & { readonly kind: 'ssh' },
  own: readonly string[],
): readonly string[] {
  const remote = socketPath === null ? ['docker'] : ['docker', '--host', `unix://${quote(socketPath)}`];
  const safety = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'ConnectTimeout=30',
    'ServerAliveInterval=15',
  ];
  return [
    ...own,
    ...safety.flatMap((option) => ['-o', option]),
    '-T',
    ...(user === null ? [] : ['-l', user]),
    ...(port === null ? [] : ['-p', String(port)]),
    '--',
    hostname,
    ...remote,
    'system',
    'dial-stdio',
  ];
}

/** The words after the host are joined and read by a shell over there. */
const quote = (path: string): string => `'${path.replaceAll("'", `'\\''`)}'`;

const lastLine = (text: string): string | undefined =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .at(-1);

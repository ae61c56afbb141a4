/** Certificates for an engine that speaks TLS: what they are, and reading them from files. The engine's own is always verified. */
import { join } from 'node:path';
import { nodeCrypto } from '../../base/node-crypto.js';
import { type Check, only } from '../../base/shapes.js';
import { EngineError } from '../../errors.js';
import { errorCode } from '../../host/node.js';
import { NoSmallFile, readRegularText } from '../../host/regular-text.js';
import { pem, text } from './option-checks.js';

/** What is shown to an engine that speaks TLS, and what it is judged by. PEM text, as `node:tls` takes it. */
export interface EngineTls {
  /** The authorities the engine's certificate may come from. Default: those Node trusts. */
  readonly ca?: string | undefined;
  /** The client's certificate; together with `key`. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name the engine's certificate must be for. Default: the host's. */
  readonly serverName?: string | undefined;
}

const TLS: Record<keyof EngineTls, Check> = { ca: pem, cert: pem, key: pem, serverName: text };

/** Of {@link EngineTls}, as callers give it. */
export const tlsCheck = only(TLS);

/** The same as absolute paths of PEM files. */
export interface EngineTlsFiles {
  readonly caFile?: string | null | undefined;
  readonly certFile?: string | null | undefined;
  readonly keyFile?: string | null | undefined;
  readonly serverName?: string | null | undefined;
}

const TLS_FILES: Record<keyof EngineTlsFiles, Check> = {
  caFile: text,
  certFile: text,
  keyFile: text,
  serverName: text,
};

/** Of {@link EngineTlsFiles}, as callers give it. */
export const tlsFilesCheck = only(TLS_FILES);

/**
 * Reads the files that are named.
 * @throws `engine.unsupported` if one cannot be read, or a certificate is without its key.
 */
export async function readTlsFiles(files: EngineTlsFiles): Promise<EngineTls> {
  const { caFile, certFile, keyFile, serverName } = files;
  if ((certFile ?? null) === null ? (keyFile ?? null) !== null : (keyFile ?? null) === null) {
    throw unreadable('a client certificate and its key go together', 'Name both files, or neither.');
  }
  return {
    ca: await readAuthority(caFile),
    cert: await readNamed(certFile),
    key: await readNamed(keyFile),
    serverName: serverName ?? undefined,
  };
}

/**
 * Reads `ca.pem`, `cert.pem` and `key.pem` of a folder, as Docker's own client keeps them. Where none is asked for by name, those that
 * are missing are done without.
 */
export async function readTlsFolder(folder: string, isNamed: boolean): Promise<EngineTls> {
  const [caFile, certFile, keyFile] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => join(folder, name));
  if (isNamed) return readTlsFiles({ caFile, certFile, keyFile });
  const reading = [readAuthority(caFile), readNamed(certFile), readNamed(keyFile)];
  const [ca, cert, key] = await Promise.all(reading.map(ifThere));
  return cert === undefined || key === undefined ? { ca } : { ca, cert, key };
}

/**
 * Of authorities that hold no certificate `node:tls` says nothing: it trusts nobody then, or for an empty text all that Node trusts.
 * @throws `engine.unsupported`, naming where they come from.
 */
export function requireAuthority(ca: string | null | undefined, from: string): void {
  if (ca === null || ca === undefined || isCertificate(ca)) return;
  throw unreadable(
    `${from} holds no certificate`,
    'Give the authority in PEM: it begins with -----BEGIN CERTIFICATE-----.',
  );
}

function isCertificate(text: string): boolean {
  try {
    return new (nodeCrypto().X509Certificate)(text).raw.length > 0;
  } catch {
    return false;
  }
}

async function readAuthority(path: string | null | undefined): Promise<string | undefined> {
  const ca = await readNamed(path);
  requireAuthority(ca, path ?? '');
  return ca;
}

async function readNamed(path: string | null | undefined): Promise<string | undefined> {
  if (path === null || path === undefined) return undefined;
  try {
    return await readRegularText(path);
  } catch (cause) {
    const why = cause instanceof NoSmallFile ? cause.message : (errorCode(cause) ?? 'unknown failure');
    throw unreadable(`${path} cannot be read (${why})`, 'TLS is asked for: it is never left out.', cause);
  }
}

async function ifThere(reading: Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof EngineError && errorCode(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

const unreadable = (why: string, hint: string, cause?: unknown): EngineError =>
  new EngineError('engine.unsupported', `The certificates for the engine cannot be used: ${why}.`, {
    hint,
    cause,
  });

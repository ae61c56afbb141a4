/** A certificate that vouches for itself, and its key, made by openssl. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Which files of a folder it is made in, and what it says. */
export interface SelfSigned {
  readonly key: string;
  readonly certificate: string;
  /** `CN` of its subject. */
  readonly name: string;
  /** Further words to openssl. */
  readonly more?: readonly string[] | undefined;
}

/** Good for two days. */
export async function makeSelfSigned(
  folder: string,
  { key, certificate, name, more = [] }: SelfSigned,
): Promise<void> {
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const names = ['-keyout', key, '-out', certificate, '-subj', `/CN=${name}`];
  await promisify(execFile)('openssl', ['req', ...kind, ...names, ...more], { cwd: folder });
}

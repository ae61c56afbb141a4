/** Looks for secrets in one output: in its files, in the pass in which they are hashed, and in what the job named them. It refuses nothing. */
import type { SecretScanner } from '../base/secret-scan.js';

/** What outputs are searched for, and what becomes of those that hold it. */
export interface OutputSecrets {
  readonly scanner: SecretScanner;
  /** Nothing is published if any output holds a secret. */
  readonly block: boolean;
  /** Told each secret once for each output, with the path in the workspace of the first file that holds it. */
  readonly onFound: (secret: string, path: string) => void;
}

/** A look through one output. */
export interface OutputScan {
  /** Looks at the names that the job chose, and takes what is pushed from now on for the file's bytes. */
  startFile(path: string, names: readonly Buffer[]): void;
  readonly push: (chunk: Uint8Array) => void;
  endFile(): void;
  /** The names of the secrets found so far. */
  readonly found: readonly string[];
}

const SLASH = Buffer.from('/');

/** Begins to look through an output. */
export function startOutputScan({ scanner, onFound }: OutputSecrets): OutputScan {
  const found: string[] = [];
  let current = '';
  const scan = scanner.start((secret) => {
    found.push(secret);
    onFound(secret, current);
  });
  return {
    startFile(path, names) {
      current = path;
      for (const name of names) {
        scan.push(name);
        // A secret with slashes may have become folders.
        scan.push(SLASH);
      }
      scan.end();
    },
    push: (chunk) => {
      scan.push(chunk);
    },
    endFile() {
      scan.end();
    },
    found,
  };
}

import { createRequire } from 'node:module';
import * as esm from 'berthkit';

const cjs = createRequire(import.meta.url)('berthkit') as typeof esm;
const KINDS = [
  ['ConfigError', 'config.invalid'],
  ['ValidationError', 'validation.invalid_job'],
  ['PolicyError', 'policy.denied'],
  ['SecretError', 'secret.not_found'],
  ['WorkspaceError', 'workspace.failed'],
  ['StorageError', 'storage.failed'],
  ['ImageError', 'image.not_found'],
  ['EngineError', 'engine.failed'],
  ['RuntimeError', 'runtime.closed'],
  ['RunError', 'run.not_succeeded'],
] as const;

type Build = typeof esm;
type Make = new (code: string, message: string) => Error;

/** Every class of one build against every error of the other. */
function compare(from: Build, to: Build): void {
  for (const [made, code] of KINDS) {
    const error = new (from[made] as Make)(code, 'x');
    if (!(error instanceof to.JobRuntimeError) || !to.JobRuntimeError.isInstance(error))
      throw new Error(`${made} is not known to the other build`);
    for (const [asked] of KINDS) {
      const isOne = error instanceof (to[asked] as Make);
      if (isOne !== (asked === made))
        throw new Error(`across builds a ${made} is ${isOne ? 'a' : 'no'} ${asked}`);
    }
  }
}

if ((cjs.PolicyError as unknown) === esm.PolicyError) throw new Error('there is only one build to compare');
compare(cjs, esm);
compare(esm, cjs);
console.log('errors keep their identity across builds');

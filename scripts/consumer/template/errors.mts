import { createRequire } from 'node:module';
import * as esm from 'berthkit';

const cjs = createRequire(import.meta.url)('berthkit') as typeof esm;
const error = new cjs.SecretError('secret.not_found', 'x');
const seen = [
  error instanceof esm.SecretError,
  error instanceof esm.JobRuntimeError,
  error instanceof esm.PolicyError,
  esm.JobRuntimeError.isInstance(error),
];
if (String(seen) !== 'true,true,false,true')
  throw new Error(`errors are not told apart across builds: ${String(seen)}`);
console.log('errors keep their identity across builds');

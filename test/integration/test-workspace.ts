/**
 * How runtimes of tests, and of their programs, have their files in containers. On an engine as on another machine that is found out, and a workspace has no
 * limits unless a test sets them: each run in volumes warns of those that they are not watched while the job runs.
 */
import type { RuntimeConfigInput } from '../../src/index.js';

/** For `workspace`. */
export const testWorkspace: NonNullable<RuntimeConfigInput['workspace']> =
  (process.env['DOCKER_TLS_VERIFY'] ?? '') === ''
    ? { transport: 'bind' }
    : { transport: 'auto', maxBytes: null, maxEntries: null };

/**
 * How runtimes of tests, and of their programs, have their files in containers. On an engine as on another machine, or a system other than Linux, that is found out, and a workspace has no
 * limits unless a test sets them: each run in volumes warns of those that they are not watched while the job runs.
 */
import { thisProcess } from '../../src/host/this-process.js';
import type { RuntimeConfigInput } from '../../src/index.js';

/** For `workspace`. */
export const testWorkspace: NonNullable<RuntimeConfigInput['workspace']> =
  (process.env['DOCKER_TLS_VERIFY'] ?? '') === '' && thisProcess.platform === 'linux'
    ? { transport: 'bind' }
    : { transport: 'auto', maxBytes: null, maxEntries: null };

/** What a runtime finds out about its host by itself, and what it remembers runs in when it is given nothing. */
import { join } from 'node:path';
import type { RuntimeConfig } from './config/runtime-config.js';
import { thisProcess } from './host/this-process.js';
import type { CallerIdentity } from './run-context.js';
import { fileRunStore } from './run-store/file.js';
import { memoryRunStore } from './run-store/memory.js';
import type { RunStore } from './run-store/types.js';

/** Files in the state folder; without one memory, which keeps the last 100 runs that ended. */
export function defaultStore({ stateDir }: RuntimeConfig): RunStore {
  return stateDir === null ? memoryRunStore({ maxEnded: 100 }) : fileRunStore(join(stateDir, 'runs'));
}

/** Who this process is to the operating system; null where it does not tell. */
export function callerIdentity(): CallerIdentity | null {
  const { getuid, getgid } = thisProcess;
  return getuid === undefined || getgid === undefined ? null : { uid: getuid(), gid: getgid() };
}

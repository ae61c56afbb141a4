/** What a runtime finds out about its host by itself, and what it remembers runs in when it is given nothing. */
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RuntimeConfig, RuntimeConfigInput } from './config/runtime-config.js';
import { thisProcess } from './host/this-process.js';
import type { CallerIdentity } from './run-context.js';
import { fileRunStore } from './run-store/file.js';
import { memoryRunStore } from './run-store/memory.js';
import type { RunStore } from './run-store/types.js';

/** Files in the state folder; without one memory, which keeps the last 100 runs that ended. */
export function defaultStore({ stateDir }: RuntimeConfig): RunStore {
  return stateDir === null ? memoryRunStore({ maxEnded: 100 }) : fileRunStore(join(stateDir, 'runs'));
}

/**
 * What goes beneath a configuration: a folder of this user's where the system keeps temporary files, for whoever names none. With the same one for all,
 * only the first user of a machine could run anything.
 */
export function hostDefaults(): RuntimeConfigInput {
  const uid = thisProcess.geteuid?.();
  const name = uid === undefined ? 'berthkit' : `berthkit-${String(uid)}`;
  return { workspaceRoot: resolve(tmpdir(), name) };
}

/** Who this process is to the operating system; null where it does not tell. */
export function callerIdentity(): CallerIdentity | null {
  const { getuid, getgid } = thisProcess;
  return getuid === undefined || getgid === undefined ? null : { uid: getuid(), gid: getgid() };
}

/** This process as on a system other than Linux: what takes the place of `src/host/this-process.ts` in the projects named `elsewhere`. */
import process from 'node:process';
import type { thisProcess as real } from '../../src/host/this-process.js';

export const thisProcess: typeof real = {
  platform: 'darwin',
  pid: process.pid,
  geteuid: () => process.geteuid?.() ?? 0,
  getgid: () => process.getgid?.() ?? 0,
  getuid: () => process.getuid?.() ?? 0,
  hrtime: process.hrtime,
  kill: (pid, signal) => process.kill(pid, signal),
  getBuiltinModule: process.getBuiltinModule.bind(process),
};

/** Removes what an engine leaves behind: its processes, control groups, mounts and folder. Knows no engine. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const CGROUPS = '/sys/fs/cgroup';

export function killQuietly(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

/** Those of a program that are known by the engine's folder in their command line. */
export function processesOf(folder, program) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return line.includes(`${folder}/`) && program.test(line.split('\0')[0] ?? '');
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Our control groups in every hierarchy, deepest first. */
function groupFolders(group) {
  const roots = [CGROUPS, ...readFolders(CGROUPS)].map((path) => join(path, group)).filter(existsSync);
  const deepestFirst = (path) => [...readFolders(path).flatMap(deepestFirst), path];
  return roots.flatMap(deepestFirst);
}

function readFolders(path) {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(path, entry.name));
  } catch {
    return [];
  }
}

export function processesIn(group) {
  return groupFolders(group).flatMap((path) => {
    try {
      return readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
}

export async function removeGroups(group, rounds = 50) {
  // The kernel lets go of a group a moment after its last process.
  for (let round = 0; round < rounds; round += 1) {
    const folders = groupFolders(group);
    if (folders.length === 0) return;
    for (const path of folders) {
      try {
        rmdirSync(path);
      } catch {
        // Still in use; the next round tries again.
      }
    }
    await sleep(100);
  }
}

export function mountsBeneath(folder) {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
    .filter((mount) => mount.startsWith(`${folder}/`))
    .reverse();
}

export function removeFolder(folder) {
  for (let round = 0; round < 5; round += 1) {
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      return;
    } catch {
      for (const mount of mountsBeneath(folder)) spawnSync('umount', ['-l', mount]);
    }
  }
  process.stderr.write(`with-engine: could not remove ${folder}\n`);
}

import { describe, expect, it } from 'vitest';
import { MOUNT_TARGET_DENYLIST, mountTargetProblem } from '../../src/base/mount-target.js';

describe('mountTargetProblem', () => {
  it.each([
    ['/workspace'],
    ['/data/x'],
    ['/mnt'],
    ['/tmp/x'],
    ['/var/data'],
    ['/home/app'],
    ['/opt'],
    ['/device-data'],
    ['/system'],
    ['//data//x/'],
  ])('accepts %j', (path) => {
    expect(mountTargetProblem(path)).toBeNull();
  });

  it.each([
    ['/'],
    ['//'],
    ['/proc'],
    ['/proc/self'],
    ['/sys/fs/cgroup'],
    ['/dev/shm'],
    ['/etc'],
    ['/etc/passwd'],
    ['//etc//passwd'],
    ['/bin'],
    ['/bin/sh'],
    ['/sbin/x'],
    ['/lib'],
    ['/lib64/ld.so'],
    ['/libx32'],
    ['/usr/local/bin'],
    ['/boot'],
    ['/run'],
    ['/run/secrets'],
    ['/var'],
    ['/var/run'],
    ['/var/run/docker.sock'],
    ['/run/containerd/containerd.sock'],
    ['/run/podman/podman.sock'],
    ['/data/docker.sock'],
    ['/data/podman.sock/x'],
    ['/.dockerenv'],
    ['/workspace/../etc'],
    ['/workspace/.'],
    ['workspace'],
    ['/a\0b'],
    [''],
  ])('refuses %j', (path) => {
    expect(mountTargetProblem(path)).toEqual(expect.any(String));
  });

  it('refuses every entry of the list, what is beneath it and what is above it', () => {
    for (const entry of MOUNT_TARGET_DENYLIST.map((text) => text.replace('*', ''))) {
      expect(mountTargetProblem(entry)).not.toBeNull();
      if (entry !== '/') expect(mountTargetProblem(`${entry}/deeper/still`)).not.toBeNull();
      expect(mountTargetProblem(entry.slice(0, entry.lastIndexOf('/')) || '/')).not.toBeNull();
    }
  });
});

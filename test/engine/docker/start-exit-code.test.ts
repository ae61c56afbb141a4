/** Which starts that failed are the fault of the job or its image, by the state of the container and by the words of runtimes. */
import { describe, expect, it } from 'vitest';
import { toStartExitCode } from '../../../src/engine/docker/convert.js';

describe('toStartExitCode', () => {
  const init = (words: string): string =>
    `runc create failed: unable to start container process: error during container init: ${words}`;
  it.each([
    [{ State: { ExitCode: 127 } }, '', 127],
    [{ State: { ExitCode: 126 } }, 'executable file not found', 126],
    [{ State: { ExitCode: 128 } }, 'OCI runtime create failed: cgroup', null],
    [{ State: { ExitCode: 0 } }, 'exec: "x": executable file not found in $PATH', 127],
    [{}, 'crun: mount `tmpfs` to `taken`: Not a directory: OCI runtime error', 127],
    [{}, 'crun: mkdir `/taken/x`: Not a directory: OCI runtime error', 127],
    [{}, 'crun: openat2 `loop`: Too many levels of symbolic links: OCI runtime error', 127],
    [{}, 'crun: open `/r/long`: File name too long: OCI runtime error', 127],
    [{}, 'crun: mkdir `/sys/fs/cgroup/x`: Read-only file system: OCI runtime error', null],
    [{}, 'crun: mount `tmpfs` to `a`: No space left on device: OCI runtime error', null],
    [{}, 'exec: "/etc/passwd": permission denied', 126],
    [{}, 'invalid mount config: bind source path does not exist: no such file or directory', null],
    [
      { State: { ExitCode: 0 } },
      init(
        'error mounting "/a" to rootfs at "/b": mount /a:/b, flags: 0x1: not a directory: OCI runtime error',
      ),
      127,
    ],
    [
      { State: { ExitCode: 0 } },
      init(
        'error mounting "tmpfs" to rootfs at "/b/c": mkdir /r/b/c: read-only file system: OCI runtime error',
      ),
      127,
    ],
    [
      { State: { ExitCode: 128 } },
      init(
        'error mounting "tmpfs" to rootfs at "/b": SecureJoin /r/b: too many levels of symbolic links: unknown',
      ),
      127,
    ],
    [
      { State: { ExitCode: 128 } },
      init('error mounting "tmpfs" to rootfs at "/b": lstat /r/b: file name too long'),
      127,
    ],
    [
      {},
      'resolving symlinks for mount destination /b: SecureJoin /r/b: too many levels of symbolic links',
      127,
    ],
    [
      {},
      init('error mounting "/a" to rootfs at "/b": stat /a: no such file or directory: OCI runtime error'),
      null,
    ],
    [
      {},
      init(
        'error mounting "tmpfs" to rootfs at "/b: not a directory, it says": mount tmpfs:/b: no space left on device',
      ),
      null,
    ],
    [{}, init('error mounting "tmpfs" to rootfs at "/b": mount tmpfs:/b: cannot allocate memory'), null],
  ])('%j %s', (body, message, code) => {
    expect(toStartExitCode(body, message)).toBe(code);
  });
});

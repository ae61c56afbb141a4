import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/config/parse.js';
import { hintsFor, type HintSubject } from '../src/hints.js';
import { planRun } from '../src/plan/plan-run.js';
import type { RunPlan } from '../src/plan/run-plan.js';
import { judgeRequest } from '../src/policy/judge.js';
import type { ContainerDraft } from '../src/plan/container-spec.js';
import { requestWith } from './policy/requests.js';

const planWith = (container: Partial<ContainerDraft> = {}): RunPlan => {
  const config = parseConfig({ policy: { network: { enforceIsolation: false, allowOverride: true } } });
  return planRun(judgeRequest(requestWith(container), config.policy), config, { caller: null });
};
const codesOf = (subject: Partial<HintSubject>): readonly string[] =>
  hintsFor({
    reason: 'non_zero_exit',
    exitCode: 1,
    said: '',
    stderr: '',
    plan: planWith(),
    image: null,
    hasFiles: false,
    usage: null,
    ...subject,
  }).map(({ code }) => code);

describe('hintsFor', () => {
  it.each<[string, Partial<HintSubject>, readonly string[]]>([
    ['a write to the root', { stderr: 'touch: /x: Read-only file system' }, ['read_only_file_system']],
    ['no permission', { stderr: 'cat: x: Permission denied' }, ['permission_denied']],
    ['no name resolution', { stderr: "wget: bad address 'example.com'" }, ['network_unreachable']],
    [
      'no name resolution although there is a network',
      { stderr: "bad address 'x'", plan: planWith({ networkMode: 'bridge' }) },
      [],
    ],
    ['no more processes', { stderr: "sh: can't fork: Resource temporarily unavailable" }, ['fork_failed']],
    ['no space', { stderr: 'dd: No space left on device' }, ['no_space']],
    ['no memory', { reason: 'oom_killed', exitCode: 137 }, ['out_of_memory']],
    ['another processor', { stderr: 'exec format error' }, ['exec_format']],
    ['no such program', { reason: 'start_failed', exitCode: 127 }, ['not_found']],
    [
      'a program that may not run',
      { reason: 'start_failed', exitCode: 126, stderr: 'Permission denied' },
      ['not_executable'],
    ],
    [
      'a file mounted on a folder',
      {
        reason: 'start_failed',
        exitCode: 127,
        said: 'error mounting "/a" to rootfs at "/tmp": not a directory',
      },
      ['mount_failed'],
    ],
    [
      'a folder mounted on a file, in older words',
      {
        reason: 'start_failed',
        exitCode: 126,
        said: 'mounting \\"/a\\" to rootfs \\"/m\\" caused: is a directory',
      },
      ['mount_failed'],
    ],
    [
      'a folder mounted on a file, in the words of crun',
      { reason: 'start_failed', exitCode: 127, said: 'crun: mount `tmpfs` to `taken`: Not a directory: x' },
      ['mount_failed'],
    ],
    [
      'a program called mount that is not there',
      { reason: 'start_failed', exitCode: 127, said: 'exec: "mount": executable file not found in $PATH' },
      ['not_found'],
    ],
    [
      'a mount whose place leads in circles, in the words of Podman',
      {
        reason: 'start_failed',
        exitCode: 127,
        said: 'resolving symlinks for mount destination /a: too many levels of symbolic links',
      },
      ['mount_failed'],
    ],
    [
      'a job that speaks of mounts',
      { exitCode: 127, said: 'error mounting "/a" to rootfs', stderr: 'error mounting "/a" to rootfs' },
      [],
    ],
    [
      'a file given, but looked for elsewhere',
      { stderr: "cat: can't open 'in.txt'", hasFiles: true },
      ['working_directory'],
    ],
    [
      'a file missing where it was to be',
      { stderr: "cat: can't open 'x'", hasFiles: true, plan: planWith({ workingDirectory: '/workspace' }) },
      [],
    ],
    ['a success', { reason: 'completed', exitCode: 0, stderr: 'Permission denied' }, []],
    ['a timeout', { reason: 'timed_out', stderr: 'Permission denied' }, []],
    ['nothing known', {}, []],
  ])('%s', (_name, subject, expected) => {
    expect(codesOf(subject)).toEqual(expected);
  });

  it('names sizes, limits, users and places of the plan', () => {
    const messages = [
      'Read-only file system',
      'Permission denied',
      "can't fork",
      'No space left on device',
    ].map(
      (stderr) =>
        hintsFor({
          reason: 'non_zero_exit',
          exitCode: 1,
          said: '',
          stderr,
          plan: planWith(),
          image: null,
          hasFiles: false,
          usage: null,
        })[0]?.message,
    );
    expect(messages).toEqual([
      expect.stringContaining('/workspace'),
      expect.stringContaining('65534:65534'),
      expect.stringContaining('256'),
      expect.stringContaining('/tmp holds 64 MiB'),
    ]);
  });

  it.each([
    [[], /is not in the image; check/],
    [['/data', '/usr/share'], /is not in the image; check/],
    [['/data', '/bin', '/usr'], /the image declares VOLUME \/bin, VOLUME \/usr, and/],
  ])(
    'says of an entry point that is not there which volumes of the image hide it: %j',
    (volumes, message) => {
      const subject = { reason: 'start_failed', exitCode: 127, said: '', stderr: '', usage: null } as const;
      const image = { volumes, entryPoint: [], command: [] };
      const [hint] = hintsFor({ ...subject, plan: planWith(), image, hasFiles: false });
      expect(hint).toEqual({ code: 'not_found', message: expect.stringMatching(message) as string });
    },
  );

  it.each([
    [null, 'the memory limit is 512 MiB, files in /tmp included; see resources.memoryBytes'],
    [
      { peakMemoryBytes: null, cpuTimeMs: 5 },
      'the memory limit is 512 MiB, files in /tmp included; see resources.memoryBytes',
    ],
    [
      { peakMemoryBytes: 511.7 * 1024 ** 2, cpuTimeMs: null },
      'the memory limit is 512 MiB, the highest use seen was 512 MiB, files in /tmp included; see resources.memoryBytes',
    ],
  ])('says how much memory was used, if that is known: %j', (usage, message) => {
    const subject = {
      reason: 'oom_killed',
      exitCode: 137,
      said: '',
      stderr: '',
      plan: planWith(),
      image: null,
      hasFiles: false,
    } as const;
    expect(hintsFor({ ...subject, usage })).toEqual([{ code: 'out_of_memory', message }]);
  });
});

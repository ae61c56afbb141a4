/** Advice to go with a verdict: a pure table over how the run ended and what it last said. */
import { type ImageProgram, volumesOverProgram } from './plan/hidden-program.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Hint, Reason, Usage } from './result.js';

/** What a hint may look at. */
export interface HintSubject {
  readonly reason: Reason;
  readonly exitCode: number | null;
  /** What is said of the end: where it was no start, the engine's words. */
  readonly said: string;
  /** The end of standard error, redacted. */
  readonly stderr: string;
  readonly plan: RunPlan;
  /** Null where nobody looked at it. */
  readonly image: ImageProgram | null;
  /** The caller gave files of its own for the workspace. */
  readonly hasFiles: boolean;
  readonly usage: Usage | null;
}

interface HintRule {
  readonly code: string;
  readonly applies: (subject: HintSubject) => boolean;
  readonly message: (subject: HintSubject) => string;
}

const says =
  (...phrases: readonly string[]) =>
  ({ stderr }: HintSubject): boolean => {
    const text = stderr.toLowerCase();
    return phrases.some((phrase) => text.includes(phrase));
  };

const failedByItself = ({ reason }: HintSubject): boolean =>
  reason === 'non_zero_exit' ||
  reason === 'signaled' ||
  reason === 'start_failed' ||
  reason === 'output_missing';

/** The engine says no more of a mount that cannot be made than of a program that is not there: exit codes and words for both are the same. */
const isMountAtFault = ({ reason, said }: HintSubject): boolean =>
  reason === 'start_failed' && MOUNT_WORDS.some((words) => words.test(said));

/** Of runc, of Podman and of crun. */
const MOUNT_WORDS: readonly RegExp[] = [
  /\bmounting\b.*\brootfs\b/is,
  /\bresolving symlinks for mount destination\b/i,
  /\b(?:mount|mkdir|open|openat2) `.*`: (?:Not a directory|Too many levels of symbolic links|File name too long)/s,
];

/** An exec that fails on the format is tried again as a shell script, by the init process and by shells: then a shell stumbles over the program. */
const isReadAsScript = ({ stderr, plan }: HintSubject): boolean => {
  if (stderr.includes('\u007fELF')) return true;
  const program = [...(plan.container.entryPoint ?? []), ...(plan.container.command ?? [])][0] ?? '';
  const stumbled = /^(\S+): (?:line )?1: syntax error/im.exec(stderr)?.[1];
  return stumbled !== undefined && (stumbled === program || stumbled.endsWith(`/${program}`));
};

const mebibytes = (bytes: number): string => `${String(Math.round(bytes / 1024 ** 2))} MiB`;

const RULES: readonly HintRule[] = [
  {
    code: 'read_only_file_system',
    applies: says('read-only file system'),
    message: ({ plan }) =>
      `the root file system and the inputs are read-only; write beneath ${plan.workspaceMountPath} or /tmp`,
  },
  {
    code: 'permission_denied',
    applies: (subject) => subject.reason !== 'start_failed' && says('permission denied')(subject),
    message: ({ plan }) =>
      `the job runs as uid:gid ${plan.container.user} and owns ${plan.workspaceMountPath} and /tmp`,
  },
  {
    code: 'network_unreachable',
    applies: (subject) =>
      subject.plan.container.networkMode === 'none' &&
      says(
        'network is unreachable',
        'temporary failure in name resolution',
        'could not resolve',
        'bad address',
        'name or service not known',
        'enotfound',
        'eai_again',
      )(subject),
    message: () => 'the container has no network; the operator may allow one with policy.network',
  },
  {
    code: 'fork_failed',
    applies: says("can't fork", 'cannot fork', 'fork: retry', 'resource temporarily unavailable'),
    message: ({ plan }) =>
      `at most ${String(plan.container.resources.pidsLimit)} processes and threads may run; see resources.pidsLimit`,
  },
  {
    code: 'no_space',
    applies: says('no space left on device'),
    message: ({ plan }) =>
      plan.container.tmpfs
        .map(({ target, sizeBytes }) => `${target} holds ${mebibytes(sizeBytes)}`)
        .join(', ') + `; larger files belong beneath ${plan.workspaceMountPath}`,
  },
  {
    code: 'out_of_memory',
    applies: ({ reason }) => reason === 'oom_killed',
    message: ({ plan, usage }) => {
      const peak = usage?.peakMemoryBytes ?? null;
      const seen = peak === null ? '' : `, the highest use seen was ${mebibytes(peak)}`;
      return `the memory limit is ${mebibytes(plan.container.resources.memoryBytes)}${seen}, files in /tmp included; see resources.memoryBytes`;
    },
  },
  {
    code: 'exec_format',
    applies: (subject) =>
      says('exec format error', 'cannot execute binary file', 'enoexec')(subject) || isReadAsScript(subject),
    message: () => 'the program is for another processor or is no program; see docker.platform',
  },
  {
    code: 'mount_failed',
    applies: isMountAtFault,
    message: () =>
      'the image has a file where a folder is mounted, or a folder where a file is, or the place cannot be made: its path leads in circles, or beneath something read-only; see mountPath, docker.tmpfs and the VOLUMEs of the image',
  },
  {
    code: 'not_executable',
    applies: (subject) =>
      subject.reason === 'start_failed' && subject.exitCode === 126 && !isMountAtFault(subject),
    message: () => 'the entry point was found but may not be executed',
  },
  {
    code: 'not_found',
    applies: (subject) =>
      subject.reason === 'start_failed' && subject.exitCode === 127 && !isMountAtFault(subject),
    message: ({ plan, image }) => {
      const what = 'the entry point, or the interpreter or loader it needs, is not';
      const volumes = image === null ? [] : volumesOverProgram(plan, image);
      if (volumes.length === 0) return `${what} in the image; check docker.entryPoint and docker.command`;
      const names = volumes.map((path) => `VOLUME ${path}`).join(', ');
      return `${what} there: the image declares ${names}, and in the place of a VOLUME a job finds an empty folder, whatever the image has there; use an image without, or check docker.entryPoint and docker.command`;
    },
  },
  {
    code: 'working_directory',
    applies: (subject) =>
      subject.hasFiles &&
      subject.plan.container.workingDirectory !== subject.plan.workspaceMountPath &&
      says('no such file or directory', "can't open", 'enoent', 'nonexistent')(subject),
    message: ({ plan }) =>
      `files are beneath ${plan.workspaceMountPath}; set docker.workingDirectory to it or use absolute paths`,
  },
];

/** The hints that apply, in the order of the table. */
export function hintsFor(subject: HintSubject): readonly Hint[] {
  if (subject.reason === 'completed') return [];
  const applicable = RULES.filter(
    (rule) => (failedByItself(subject) || rule.code === 'out_of_memory') && rule.applies(subject),
  );
  return applicable.map((rule) => ({ code: rule.code, message: rule.message(subject) }));
}

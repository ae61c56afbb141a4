/** The `docker run` line that comes nearest to a plan, for people to read and try. It is never executed. */
import type { ContainerSpec, GpuSpec, TmpfsSpec } from './container-spec.js';
import type { RunPlan } from './run-plan.js';

/** How the command line calls what it knows only one of: a list of policies has no counterpart there. */
const PULL_OPTIONS = { always: 'always', ifNotPresent: 'missing', never: 'never' } as const;

/** One line for a POSIX shell; secrets and what only a run knows stay placeholders. */
export function toDockerRunLine(plan: RunPlan): string {
  const { container, image } = plan;
  const { resources } = container;
  const [program, ...entryPointRest] = container.entryPoint ?? [];
  const pull = PULL_OPTIONS[image.pullPolicies[0] ?? 'ifNotPresent'];
  const words = [
    ...['docker', 'run', '--name', container.name, '--pull', pull],
    ...option('--platform', container.platform),
    ...['--user', container.user, '--network', container.networkMode],
    ...flag('--read-only', container.readOnlyRootFilesystem),
    ...container.capabilitiesDropped.flatMap((name) => ['--cap-drop', name]),
    ...container.capabilitiesAdded.flatMap((name) => ['--cap-add', name]),
    ...(container.noNewPrivileges ? ['--security-opt', 'no-new-privileges'] : []),
    ...flag('--init', container.init),
    ...['--ipc', 'private', '--cgroupns', 'private', '--restart', 'no', '--no-healthcheck'],
    ...['--memory', String(resources.memoryBytes), '--memory-swap', String(resources.memoryBytes)],
    ...['--cpus', String(resources.cpus), '--pids-limit', String(resources.pidsLimit)],
    ...['--shm-size', String(resources.shmBytes)],
    ...resources.ulimits.flatMap(({ name, soft, hard }) => [
      '--ulimit',
      `${name}=${String(soft)}:${String(hard)}`,
    ]),
    ...option('--gpus', container.gpu === null ? null : gpusOption(container.gpu)),
    ...option('--runtime', container.runtime),
    ...container.mounts.flatMap(({ source, target, readOnly }) => [
      '--mount',
      [
        'type=bind',
        separable(`source=${source}`),
        separable(`target=${target}`),
        ...flag('readonly', readOnly),
      ].join(','),
    ]),
    ...container.tmpfs.flatMap((tmpfs) => ['--tmpfs', tmpfsOption(tmpfs)]),
    ...['--stop-signal', container.stopSignal],
    ...flag('--interactive', container.stdin),
    ...logOptions(container),
    ...Object.entries(container.labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
    ...option('--workdir', container.workingDirectory),
    ...container.environment.flatMap(({ name, value }) => ['--env', `${name}=${value}`]),
    ...option('--entrypoint', program ?? null),
    image.reference,
    ...entryPointRest,
    ...(container.command ?? []),
  ];
  return words.map(quote).join(' ');
}

const option = (name: string, value: string | null): readonly string[] =>
  value === null ? [] : [name, value];
const flag = (name: string, isSet: boolean): readonly string[] => (isSet ? [name] : []);

/** Among comma-separated values, as the command line reads them: what holds a comma, or a quote, stands in quotes. */
const separable = (value: string): string =>
  /[",]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;

/** The same: what holds a comma stands in quotes. */
function gpusOption({ devices, capabilities }: GpuSpec): string {
  const which = typeof devices === 'object' ? `"device=${devices.join(',')}"` : String(devices);
  return capabilities.length === 0 ? which : `${which},"capabilities=${capabilities.join(',')}"`;
}

function tmpfsOption({ target, sizeBytes, inodes, uid, gid, mode, exec }: TmpfsSpec): string {
  const options = [
    'rw',
    'nosuid',
    'nodev',
    exec ? 'exec' : 'noexec',
    `uid=${String(uid)}`,
    `gid=${String(gid)}`,
  ];
  return `${target}:${[...options, `mode=${mode}`, `size=${String(sizeBytes)}`, `nr_inodes=${String(inodes)}`].join(',')}`;
}

function logOptions({ log }: ContainerSpec): readonly string[] {
  const size = `max-size=${String(log.maxBytesPerFile)}`;
  return ['--log-driver', 'local', '--log-opt', size, '--log-opt', `max-file=${String(log.maxFiles)}`];
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

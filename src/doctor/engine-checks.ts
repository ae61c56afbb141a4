/** What an engine's own words and a few measurements mean for an operator. Pure; it asks nobody. */
import { EVERY_IMAGE_ALLOWED } from '../config/policy-warnings.js';
import type { EngineLocation, EngineInfo } from '../engine/types.js';
import type { Policy } from '../policy/policy.js';
import type { DoctorCheck, DoctorCheckName } from './report.js';

type Outcome = Pick<DoctorCheck, 'status' | 'message'> & { readonly remedy?: string };

const toCheck = (check: DoctorCheckName, { status, message, remedy }: Outcome): DoctorCheck => ({
  check,
  status,
  message,
  remedy: remedy ?? null,
});

const ok = (message: string): Outcome => ({ status: 'ok', message });
const warning = (message: string, remedy: string): Outcome => ({ status: 'warning', message, remedy });
const failed = (message: string, remedy: string): Outcome => ({ status: 'failed', message, remedy });
const notChecked = (message: string, remedy?: string): Outcome => ({
  ...{ status: 'not_checked', message },
  ...(remedy === undefined ? {} : { remedy }),
});

/** Beyond what is known of the time a question takes. */
const MAX_SKEW_MS = 5_000;
/** Fewer free networks than this are soon used up. */
const FEW_NETWORKS = 5;

/** What nobody but the engine can tell. */
const TOLD_BY_ENGINE = [
  'control_groups',
  'storage_driver',
  'live_restore',
  'security_options',
  'runtimes',
  'gpus',
  'clock',
  'address_pools',
] as const satisfies DoctorCheckName[];

/** Where the engine is and how that is known. */
export function endpointCheck(endpoint: EngineLocation | null): DoctorCheck {
  if (endpoint === null) return toCheck('endpoint', notChecked('the engine tells of no address'));
  return toCheck('endpoint', ok(`${endpoint.host} (named by: ${endpoint.from})`));
}

/** An engine that did not answer: of everything else about it nothing is known. */
export function unreachableChecks(message: string, hint: string | undefined): readonly DoctorCheck[] {
  return [
    toCheck('engine', failed(message, hint ?? 'start the engine, or say where it is')),
    ...TOLD_BY_ENGINE.map((name) => toCheck(name, notChecked('the engine did not answer'))),
  ];
}

/** What an engine says of itself. */
export function engineChecks(info: EngineInfo, { gpu, security }: Policy): readonly DoctorCheck[] {
  const { system } = info;
  const of = (
    name: DoctorCheckName,
    value: string | null | undefined,
    judge: (value: string) => Outcome,
  ): DoctorCheck => toCheck(name, value == null ? notChecked('the engine does not tell') : judge(value));
  return [
    toCheck(
      'engine',
      ok(
        `${info.name} ${info.version}, API ${info.apiVersion}, ${info.operatingSystem}/${info.architecture}, ${String(info.cpus)} processors, ${String(info.memoryBytes)} bytes of memory`,
      ),
    ),
    of('control_groups', system?.cgroupVersion?.toString(), (version) =>
      info.limitsSwap
        ? ok(`version ${version}; swap can be limited`)
        : warning(
            `version ${version}; swap cannot be limited`,
            'switch swap accounting on, or swap off: a job may use more swap than it has memory',
          ),
    ),
    of('storage_driver', system?.storageDriver, ok),
    of('live_restore', info.liveRestore?.toString(), (isOn) =>
      isOn === 'true'
        ? ok('containers go on while the engine is restarted')
        : warning(
            'a restart of the engine ends all containers',
            'set "live-restore": true in its configuration',
          ),
    ),
    securityOptionsCheck(system?.securityOptions ?? null),
    runtimesCheck(info, security.runtime),
    gpuCheck(info, gpu),
  ];
}

function securityOptionsCheck(options: readonly string[] | null): DoctorCheck {
  if (options === null) return toCheck('security_options', notChecked('the engine does not tell'));
  const told = options.join('; ') || 'none';
  const isFiltered = options.some((option) => option.includes('seccomp') && !option.includes('unconfined'));
  return toCheck(
    'security_options',
    isFiltered
      ? ok(told)
      : warning(`${told}: system calls are not filtered`, 'use an engine and kernel with seccomp'),
  );
}

function runtimesCheck(
  { runtimes, gaps }: Pick<EngineInfo, 'runtimes' | 'gaps'>,
  wanted: string | null,
): DoctorCheck {
  const told = runtimes.join(', ') || 'none named';
  if (wanted !== null && gaps?.includes('runtimes') === true) {
    const message = `${told}; policy.security.runtime is "${wanted}", and the engine uses its own whatever is asked for: every run is refused`;
    return toCheck(
      'runtimes',
      failed(
        message,
        'make it the default of the engine and leave policy.security.runtime out, or use Docker',
      ),
    );
  }
  if (wanted === null || runtimes.includes(wanted)) {
    return toCheck('runtimes', ok(wanted === null ? told : `${told}; jobs use ${wanted}`));
  }
  return toCheck(
    'runtimes',
    failed(
      `${told}; policy.security.runtime is "${wanted}", which is not among them`,
      'install it for the engine, or name another',
    ),
  );
}

/** Whether a driver works is known only when a container with a GPU starts. */
function gpuCheck(
  { showsGpu, gaps }: Pick<EngineInfo, 'showsGpu' | 'gaps'>,
  { enabled, preflight }: Policy['gpu'],
): DoctorCheck {
  if (gaps?.includes('gpus') === true) {
    const told = 'the engine gives none, whatever is asked for';
    return toCheck(
      'gpus',
      enabled
        ? warning(
            `policy.gpu.enabled is on, and ${told}: jobs that want one are refused`,
            'use Docker for such jobs, or switch policy.gpu.enabled off',
          )
        : ok(`${told}, and policy lets no job have one`),
    );
  }
  if (showsGpu === undefined) return toCheck('gpus', notChecked('the engine does not tell'));
  if (showsGpu) return toCheck('gpus', ok('the engine shows that it has GPUs to give'));
  if (!enabled) return toCheck('gpus', ok('none, and policy lets no job have one'));
  return toCheck(
    'gpus',
    warning(
      `policy.gpu.enabled is on, and the engine shows no sign of a GPU: jobs that want one are ${preflight ? 'refused' : 'tried all the same'}`,
      'install the container toolkit of the GPU’s vendor with its runtime, or switch policy.gpu.enabled off',
    ),
  );
}

/** Its clock beside ours; the time the question took is how wrong that can be. */
export function clockCheck(skewMs: number | null, uncertaintyMs: number): DoctorCheck {
  if (skewMs === null) return toCheck('clock', notChecked('the engine does not tell its time'));
  const told = `the engine's clock is ${String(skewMs)} ms from this one, give or take ${String(uncertaintyMs)} ms`;
  return toCheck(
    'clock',
    Math.abs(skewMs) - uncertaintyMs > MAX_SKEW_MS
      ? warning(told, 'synchronise both clocks: times of engine and runtime cannot be compared')
      : ok(told),
  );
}

/** Room where runs have their folders. `shortage`: what is too little, in words. */
export function diskCheck(freeBytes: number | null, root: string, shortage: string | null): DoctorCheck {
  if (shortage !== null) {
    return toCheck('disk', failed(shortage, 'free some space there, or set another workspaceRoot'));
  }
  if (freeBytes === null) return toCheck('disk', notChecked(`${root} cannot be looked at`));
  return toCheck('disk', ok(`${String(freeBytes)} bytes free where workspaceRoot (${root}) lies`));
}

/** Room where the engine has its images, and what containers write; `null`: not seen. */
export function engineDiskCheck(freeBytes: number | null, minFreeBytes: number): DoctorCheck {
  if (freeBytes === null) {
    return toCheck('engine_disk', notChecked('no container showed it: the image may have no df'));
  }
  const told = `${String(freeBytes)} bytes free where the engine has its containers and images`;
  const remedy = `free some space there (workspace.minFreeBytes is ${String(minFreeBytes)}): docker system df says what takes it`;
  return toCheck('engine_disk', freeBytes < minFreeBytes ? warning(told, remedy) : ok(told));
}

/** Room for networks. */
export function addressPoolsCheck(freeNetworks: number | null, why: string): DoctorCheck {
  if (freeNetworks === null) return toCheck('address_pools', notChecked(why));
  const told = `at most ${String(freeNetworks)} more networks can be made`;
  const remedy = 'remove networks that are not used, or give the engine more default-address-pools';
  return toCheck('address_pools', freeNetworks < FEW_NETWORKS ? warning(told, remedy) : ok(told));
}

/** Whether policy names the images that may run. */
export function imagesCheck({ images }: Policy): DoctorCheck {
  const count = images.allow.length;
  return toCheck(
    'images',
    count > 0
      ? ok(`policy.images.allow has ${String(count)} patterns`)
      : warning(EVERY_IMAGE_ALLOWED, 'name the images that may run'),
  );
}

/** What came of the marker. */
export type TransportProof =
  | {
      readonly proven: true;
      /** Why nobody tells what a volume holds while a job writes to it; absent: it is told, or nothing bounds it. */
      readonly untold?: string | undefined;
    }
  | {
      readonly proven: false;
      readonly wasTried: boolean;
      readonly problem: string;
      /** What has to be mended first; absent: the way itself, or nothing. */
      readonly remedy?: string | undefined;
    };

/** What came of it by each way; null: nothing was to be found out by it. */
export interface TransportProofs {
  readonly bind: TransportProof | null;
  readonly volume: TransportProof | null;
}

/** By what way a container gets the files of this host, as it is configured. */
export function transportCheck({ bind, volume }: TransportProofs): DoctorCheck {
  if (bind?.proven === true) {
    return toCheck(
      'transport',
      ok('bind: a marker written here was read in a container that had it mounted'),
    );
  }
  const unseen = bind?.wasTried === true ? `bind: ${bind.problem}; ` : '';
  if (volume?.proven === true) {
    const seen = 'volume: a marker copied from here was read in a container that had the volume mounted';
    if (volume.untold === undefined) return toCheck('transport', ok(unseen + seen));
    const message = `${unseen}${seen}; what volumes hold is not told while jobs run: ${volume.untold}`;
    return toCheck('transport', warning(message, UNTOLD_REMEDY));
  }
  const last = volume ?? bind;
  if (!last?.wasTried) {
    const problem = last?.problem ?? 'there was nothing to try';
    return toCheck('transport', notChecked(unseen + problem, last?.remedy));
  }
  return toCheck(
    'transport',
    volume === null
      ? failed(`bind: ${last.problem}`, SHARE_REMEDY)
      : failed(`${unseen}volume: ${last.problem}`, VOLUME_REMEDY),
  );
}

const SHARE_REMEDY =
  'run berthkit where the folders of the engine are: on its host, with workspaceRoot at the same path for both, or else with hostWorkspaceRoot; or set workspace.transport to auto';
const UNTOLD_REMEDY =
  'let GET /system/df through to the engine, or restart an engine that does not answer it; until then workspace.maxBytes is seen to only when a job has ended';
const VOLUME_REMEDY =
  'use an engine that takes and gives files of containers that do not run, or one that sees workspaceRoot';

/** What a plan needs and an engine, by what it tells of itself, does not have. Pure; whether what it has works shows only in a container. */
import { isListablePath, LISTABLE_RULE } from '../base/listable-path.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { EngineInfo } from '../engine/types.js';
import { listed } from '../policy/hint.js';
import type { RunPlan } from './run-plan.js';

/** What is told of an engine without asking it anew. */
export type KnownEngine = Pick<EngineInfo, 'runtimes' | 'showsGpu' | 'volumeSubpaths' | 'gaps'>;

/** One thing an engine does not have. */
export interface UnmetNeed {
  readonly code: 'engine.gpu_unavailable' | 'engine.unsupported';
  /** The key of the definition or the configuration that asks for it. */
  readonly field: string;
  readonly message: string;
  readonly hint: string;
}

/** Everything of a plan that an engine does not have; empty where it has all, or cannot tell. */
export function unmetNeeds(
  plan: RunPlan,
  { policy }: Pick<RuntimeConfig, 'policy'>,
  engine: Pick<KnownEngine, 'runtimes' | 'showsGpu' | 'gaps'>,
): readonly UnmetNeed[] {
  return [
    ...unmetRuntime(plan, policy, engine),
    ...unmetGpu(plan, policy, engine),
    ...(engine.gaps?.includes('mountPaths') === true ? oddPaths(plan) : []),
  ];
}

/** Paths in the container that an engine with the gap `mountPaths` would read as options. */
export function oddPaths(plan: RunPlan): readonly UnmetNeed[] {
  const mounted = [
    { field: 'docker.workspaceMountPath', paths: [plan.workspaceMountPath] },
    ...plan.inputs.map(({ targets }, index) => ({ field: `docker.inputs.${String(index)}`, paths: targets })),
    ...(plan.configFile === null ? [] : [{ field: 'docker.configFile', paths: plan.configFile.targets }]),
  ].map((each) => ({ ...each, of: 'mount' as const }));
  const tmpfs = plan.container.tmpfs.map(({ target }) => ({
    field: 'docker.tmpfs',
    paths: [target],
    of: 'tmpfs' as const,
  }));
  return [...mounted, ...tmpfs].flatMap(({ field, paths, of }) => {
    const odd = paths.find((path) => !isListablePath(path, of));
    if (odd === undefined) return [];
    return [
      {
        code: 'engine.unsupported' as const,
        field,
        message: `the engine would read a part of ${JSON.stringify(odd)} as options`,
        hint: `it mounts paths ${LISTABLE_RULE[of]}`,
      },
    ];
  });
}

/** Docker also takes the name of any shim of containerd, and lists none of them. */
const UNLISTED = 'io.containerd.';

function unmetRuntime(
  { container: { runtime } }: RunPlan,
  { security }: RuntimeConfig['policy'],
  { runtimes, gaps }: Pick<KnownEngine, 'runtimes' | 'gaps'>,
): readonly UnmetNeed[] {
  if (runtime === null) return [];
  const field = runtime === security.runtime ? 'policy.security.runtime' : 'docker.security.runtime';
  const code = 'engine.unsupported';
  if (gaps?.includes('runtimes') === true) {
    const message = `the engine takes a request for the runtime "${runtime}" and uses its own instead`;
    return [
      { code, field, message, hint: 'make it the default of the engine and ask for none, or use Docker' },
    ];
  }
  if (runtimes.length === 0 || runtimes.includes(runtime) || runtime.startsWith(UNLISTED)) return [];
  return [
    {
      code,
      field,
      message: `the engine has no runtime "${runtime}"`,
      hint: `it has: ${listed(runtimes, runtime)}`,
    },
  ];
}

function unmetGpu(
  { container: { gpu } }: RunPlan,
  { gpu: { preflight } }: RuntimeConfig['policy'],
  { showsGpu, gaps }: Pick<KnownEngine, 'showsGpu' | 'gaps'>,
): readonly UnmetNeed[] {
  if (gpu === null) return [];
  const code = 'engine.gpu_unavailable';
  const field = gpu.devices === 'all' ? 'docker.requiresGpu' : 'docker.resources.gpu';
  if (gaps?.includes('gpus') === true) {
    const message = 'the engine takes a request for GPUs and gives none';
    return [{ code, field, message, hint: 'use Docker for jobs that want GPUs' }];
  }
  if (!preflight || showsGpu !== false) return [];
  return [
    {
      code,
      field,
      message: 'the engine shows no sign of a GPU',
      hint: 'install the container toolkit of the GPU’s vendor and its runtime on the engine’s host; if GPUs work there all the same, the operator switches policy.gpu.preflight off',
    },
  ];
}

/** What an explanation says of them. `engine`: null where none was asked yet. */
export function needNotes(
  plan: RunPlan,
  config: Pick<RuntimeConfig, 'policy'>,
  engine: KnownEngine | null,
): readonly string[] {
  if (engine !== null) {
    return unmetNeeds(plan, config, engine).map(
      ({ code, field, message }) => `refused by this engine (${code}): ${field}: ${message}`,
    );
  }
  const { gpu, runtime } = plan.container;
  const notes: string[] = [];
  if (runtime !== null && !runtime.startsWith(UNLISTED))
    notes.push(`unless the engine has the runtime "${runtime}", the run is refused (engine.unsupported)`);
  if (gpu !== null && config.policy.gpu.preflight)
    notes.push('unless the engine shows a sign of a GPU, the run is refused (engine.gpu_unavailable)');
  for (const { field, message, code } of oddPaths(plan))
    notes.push(`on Podman the run is refused (${code}): ${field}: ${message}`);
  return notes;
}

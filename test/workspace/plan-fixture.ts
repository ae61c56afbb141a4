/** Plans and workspaces for tests of staging and collecting. It asserts nothing. */
import type { ContainerSpec, InputSource, OutputRequest } from '../../src/plan/container-spec.js';
import type { PlannedInput, PlannedLimits, RunPlan } from '../../src/plan/run-plan.js';
import { createWorkspace, type Workspace } from '../../src/workspace/create.js';
import { prepareInputs, type StagedInputs, type StageOptions } from '../../src/workspace/stage.js';
import { noSignal, scratch } from '../host/scratch.js';

/** The user this process may give files to without being root. */
export const OWN_USER = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };

const LIMITS: PlannedLimits = {
  workspaceBytes: null,
  workspaceEntries: null,
  rootBytes: null,
  inputBytes: 10_000_000,
  downloadBytes: 10_000_000,
  fileBytes: 10_000_000,
  uploadBytes: 10_000_000,
  outputBytes: 10_000_000,
  entries: 1000,
  depth: 16,
  logBytes: null,
};

/** What a test says about its plan. */
export interface PlanFixture {
  readonly inputs?: readonly (Partial<PlannedInput> & { source: InputSource; workspacePath: string })[];
  readonly outputs?: readonly Partial<OutputRequest>[];
  readonly configFile?: { readonly filename: string; readonly mountPath?: string };
  readonly limits?: Partial<PlannedLimits>;
  /** Targets. */
  readonly tmpfs?: readonly string[];
}

/** A plan with the parts that staging and collecting look at. */
export function planOf(fixture: PlanFixture): RunPlan {
  const targets = (workspacePath: string, mountPath: string | null | undefined): string[] =>
    [`/workspace/${workspacePath}`].concat(mountPath ?? []);
  const plan: Partial<RunPlan> = {
    job: { slug: 'count', id: null, version: null },
    workspaceMountPath: '/workspace',
    container: { tmpfs: (fixture.tmpfs ?? []).map((target) => ({ target })) } as unknown as ContainerSpec,
    inputs: (fixture.inputs ?? []).map((input, index) => ({
      id: null,
      mountPath: null,
      optional: false,
      stagedAt: `<workspace>/inputs/${String(index)}`,
      targets: targets(input.workspacePath, input.mountPath),
      ...input,
    })),
    outputs: (fixture.outputs ?? []).map((output) => ({
      id: null,
      workspacePath: 'out.txt',
      upload: 'caller',
      optional: false,
      when: 'always',
      specialFiles: 'skip',
      ...output,
    })),
    configFile:
      fixture.configFile === undefined
        ? null
        : {
            filename: fixture.configFile.filename,
            mountPath: fixture.configFile.mountPath ?? null,
            format: 'json',
            stagedAt: '<workspace>/inputs/config',
            targets: targets(fixture.configFile.filename, fixture.configFile.mountPath),
          },
    limits: { ...LIMITS, ...fixture.limits },
  };
  // Staging and collecting look at nothing else of a plan.
  return plan as RunPlan;
}

/** An input from a path of the mount `data`. */
export const fromData = (path: string): InputSource => ({
  type: 'filestorePath',
  backendMountId: 'data',
  path,
});

/** An input from text. */
export const inline = (content: string): InputSource => ({ type: 'inline', content, encoding: 'utf8' });

/** A workspace that is gone after the test. */
export async function makeWorkspace(user = OWN_USER): Promise<Workspace> {
  return createWorkspace(await scratch(), { name: 'test', user });
}

/** Options of a staging with nothing but what is given. */
export const stageOptions = (options: Partial<StageOptions> = {}): StageOptions => ({
  storage: {},
  configFile: null,
  user: OWN_USER,
  sha256: true,
  concurrency: 4,
  signal: noSignal(),
  ...options,
});

/** Stages everything as copies, and gives what was staged. */
export async function stageInputs(
  workspace: Workspace,
  plan: RunPlan,
  options: Omit<StageOptions, 'straightBytes'>,
): Promise<StagedInputs> {
  return (await prepareInputs(workspace, plan, options)).report();
}

/** How a runtime takes over a run whose process died and whose container still runs: looked at first, taken once, then followed as its own. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { ContainerEngine } from './engine/types.js';
import { engineCall } from './execute/engine-call.js';
import type { OwnerState } from './host/process-identity.js';
import { adoptable, containerFactsOf } from './recovery/adoptable.js';
import { askStore } from './recovery/ask-store.js';
import type { HeldLease } from './recovery/owner-lease.js';
import type { Adopt } from './recovery/take-runs.js';
import { lastStep } from './recovery/stored-steps.js';
import type { AdoptedRun } from './run-adoption.js';
import type { ContainerFacts, RunStore, StoredRun } from './run-store/types.js';
import type { StorageAdapter } from './storage/types.js';
import { reopenWorkspace, type Workspace } from './workspace/create.js';
import { reopenSecretFiles, type SecretFiles } from './workspace/secret-files.js';

/** What adoption is made of. */
export interface RuntimeAdoptionOptions {
  readonly config: Pick<RuntimeConfig, 'labelPrefix' | 'enabled'>;
  readonly engine: () => Promise<ContainerEngine>;
  readonly store: RunStore;
  readonly lease: Pick<HeldLease, 'ensure'>;
  readonly identity: { readonly instance: string; readonly owner: string };
  readonly storage: Readonly<Record<string, StorageAdapter>>;
  /** Whether no more runs are taken. */
  readonly isClosing: () => boolean;
  /** Follows a run that was taken over. */
  readonly begin: (adopted: AdoptedRun) => void;
}

/** Adoption by one runtime. `judgesStorage` false: another runtime is to do it, whose storages are not known here. */
export function createAdoption(options: RuntimeAdoptionOptions, judgesStorage: boolean): Adopt {
  const { config, store, lease, identity, storage } = options;
  return async (run, owner) => {
    if (!config.enabled) return 'jobs are switched off';
    if (options.isClosing()) return 'the runtime closes';
    const facts = containerFactsOf(run, lastStep(run.steps)?.attempt ?? 1);
    const found = adoptable(run, {
      labelPrefix: config.labelPrefix,
      info: facts === null ? null : await inspect(await options.engine(), facts),
      isCertainlyDead: isCertain(owner),
      mountIds: judgesStorage ? Object.keys(storage) : null,
    });
    if (typeof found === 'string') return found;
    const folders = await openFolders(found.facts);
    if (typeof folders === 'string') return folders;
    return async () => {
      await askStore('the run was not adopted', async () => lease.ensure());
      if (!(await takeOver(store, run, identity.owner))) return false;
      options.begin({ ...found, ...folders, proof: owner.proof });
      return true;
    };
  };
}

/** True for exactly one process. */
export async function takeOver(store: RunStore, { runId, owner }: StoredRun, to: string): Promise<boolean> {
  return askStore('the run was not taken over', async () => store.takeOver(runId, { from: owner, to }));
}

const isCertain = ({ isPresumed }: OwnerState): boolean => isPresumed !== true;

async function inspect(
  engine: ContainerEngine,
  { containerId }: ContainerFacts,
): ReturnType<ContainerEngine['containers']['inspect']> {
  return engineCall('inspect', undefined, async (signal) =>
    engine.containers.inspect(containerId, { signal }),
  );
}

/** Exactly those that are mounted into its container; or why not. */
async function openFolders(
  facts: ContainerFacts,
): Promise<{ readonly workspace: Workspace; readonly secretFiles: SecretFiles | null } | string> {
  try {
    const workspace = await reopenWorkspace(facts.workspace);
    const secretFiles = facts.secretFiles === null ? null : await reopenSecretFiles(facts.secretFiles);
    return { workspace, secretFiles };
  } catch (error) {
    return `its folders are not there any more: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Finds the storages a plan names before anything is staged. It calls none of them. */
import { StorageError, ValidationError } from '../errors.js';
import type { RunPlan } from '../plan/run-plan.js';
import type { StorageAdapter } from '../storage/types.js';

/** Storages by mount id. */
export type StorageMounts = Readonly<Record<string, StorageAdapter>>;

/**
 * The adapter of a mount.
 *
 * @throws `storage.unknown_mount`, with the mounts there are.
 */
export function requireMount(storage: StorageMounts, mountId: string, purpose: string): StorageAdapter {
  // Own properties only: `constructor` is no mount.
  const adapter = Object.hasOwn(storage, mountId) ? storage[mountId] : undefined;
  if (adapter !== undefined) return adapter;
  const known = Object.keys(storage).sort();
  throw new StorageError('storage.unknown_mount', `${purpose}: there is no storage "${mountId}"`, {
    hint:
      known.length === 0
        ? 'give createRuntime a storage port for it'
        : `storages there are: ${known.join(', ')}`,
    details: { mountId, known },
  });
}

/**
 * Makes sure that every storage a plan names is there.
 *
 * @throws `storage.unknown_mount`.
 */
export function requireStorage(
  plan: Pick<RunPlan, 'inputs' | 'outputs'>,
  storage: StorageMounts,
  hasNodeResolver: boolean,
): void {
  for (const input of plan.inputs) {
    const purpose = describeInput(input);
    if (input.source.type === 'filestorePath') requireMount(storage, input.source.backendMountId, purpose);
    if (input.source.type === 'filestoreNode' && !hasNodeResolver) {
      const problem = `nothing finds the file of node "${input.source.nodeId}"`;
      const hint = 'give createRuntime a resolveNode port';
      throw new StorageError('storage.unknown_mount', `${purpose}: ${problem}`, { hint });
    }
  }
  for (const output of plan.outputs) {
    if (output.upload === null || output.upload === 'caller') continue;
    requireMount(storage, output.upload.backendMountId, describeOutput(output));
  }
}

/**
 * Makes sure that a plan with outputs for the caller has a place to put them.
 *
 * @throws `validation.invalid_job`.
 */
export function requireOutputTo(plan: Pick<RunPlan, 'outputs'>, outputTo: StorageAdapter | undefined): void {
  const output = plan.outputs.find(({ upload }) => upload === 'caller');
  if (output === undefined || outputTo !== undefined) return;
  const message = `${describeOutput(output)} goes to the caller, but the option outputTo is missing: give a folder or a storage`;
  throw new ValidationError('validation.invalid_job', message, {
    details: { issues: [{ code: 'validation.output_to', path: 'outputTo', message }] },
  });
}

/** An input's name in messages. */
export function describeInput(input: { readonly id: string | null; readonly workspacePath: string }): string {
  return `input "${input.id ?? input.workspacePath}"`;
}

/** An output's name in messages. */
export function describeOutput(output: {
  readonly id: string | null;
  readonly workspacePath: string;
}): string {
  return `output "${output.id ?? output.workspacePath}"`;
}

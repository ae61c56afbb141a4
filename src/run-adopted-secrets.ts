/** The secrets of an adopted run: resolved again so that they can be masked, and compared with what its job really has. */
import { createRedactor } from './base/redact.js';
import type { ContainerInfo } from './engine/types.js';
import { type ResolvedSecrets, resolveSecrets, secretId } from './execute/secrets.js';
import type { PlannedSecret, RunPlan } from './plan/run-plan.js';
import type { Cleanup } from './run-cleanup.js';
import type { Run } from './run-context.js';
import { keepSecret } from './run-proxies.js';
import type { SecretFiles } from './workspace/secret-files.js';

/** What the job was given. */
export interface GivenSecrets {
  readonly info: ContainerInfo;
  readonly files: SecretFiles | null;
}

/**
 * Null: everything that leaves is redacted with what the job was given. Otherwise, in words, why it cannot be: then nothing the job wrote may
 * leave. Never rejects.
 */
export async function revealAgain(
  run: Run,
  plan: RunPlan,
  given: GivenSecrets,
  cleanup: Cleanup,
): Promise<string | null> {
  if (plan.proxyEnvironment.length > 0) {
    const { applied } = given.info;
    if (applied === null) return 'what it was told of proxies cannot be seen';
    const names = new Set(plan.proxyEnvironment.map(({ name }) => name));
    keepSecret(
      run,
      applied.environment.filter(({ name }) => names.has(name)).map(({ value }) => value),
    );
    run.record.redactor = createRedactor(run.record.secrets.values());
  }
  if (plan.secretEnvironment.length === 0) return null;
  const { runId, attempt, jobSlug, metadata } = run.record;
  const context = { runId, attempt, jobSlug, metadata, profile: run.options.profile ?? null };
  let secrets: ResolvedSecrets;
  try {
    secrets = await resolveSecrets(plan.secretEnvironment, run.ports.resolveSecret, context, {
      timeoutMs: plan.timeouts.secretsMs,
      signal: run.stop.signal,
    });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return `its secrets could not be resolved again: ${problem}`;
  }
  cleanup.add('secret', async () => {
    const failures = await secrets.release();
    if (failures.length > 0) throw new Error(failures.join('; '));
  });
  for (const [name, value] of secrets.values) run.record.secrets.add(name, value);
  run.record.redactor = createRedactor(run.record.secrets.values());
  for (const secret of plan.secrets)
    run.putOnRecord('secret_resolved', { secret, version: secrets.versions.get(secretId(secret)) ?? null });
  for (const planned of plan.secretEnvironment) {
    const id = secretId(planned.secret);
    if ((await valueGiven(planned, given)) === secrets.values.get(id)) continue;
    return `the secret "${id}" is not, or cannot be seen to be, what its job was given`;
  }
  return null;
}

/** Undefined where it cannot be told. */
async function valueGiven(
  { name, as }: PlannedSecret,
  { info, files }: GivenSecrets,
): Promise<string | undefined> {
  if (as === 'file') return files?.read(name).catch(() => undefined);
  return info.applied?.environment.find((variable) => variable.name === name)?.value;
}

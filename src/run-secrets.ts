/** The step of a run that has its secrets: resolved as late as can be, known to the redactor, and delivered as the plan says. */
import type { ProxyKind } from './base/proxy-variables.js';
import { createRedactor } from './base/redact.js';
import { SecretError } from './errors.js';
import { resolveSecrets, secretId } from './execute/secrets.js';
import type { PlannedSecret, RunPlan } from './plan/run-plan.js';
import type { Cleanup } from './run-cleanup.js';
import type { Run } from './run-context.js';
import { userOf } from './run-preparation.js';
import { revealProxies } from './run-proxies.js';
import { weakSecretWarnings } from './run-redaction.js';
import type { SecretResolver } from './secrets/types.js';
import { createSecretFiles, type SecretFiles } from './workspace/secret-files.js';

/** The secrets of one attempt, ready for its container. */
export interface RevealedSecrets {
  /** Values by variable name, of those that are delivered in the variable. */
  readonly variables: ReadonlyMap<string, string>;
  /** Null where the plan delivers none as a file. */
  readonly files: SecretFiles | null;
  readonly proxies: ReadonlyMap<ProxyKind, string>;
}

/** What the kernel takes as one `NAME=value` of a new process, the NUL at its end included (`MAX_ARG_STRLEN`, execve(2)). */
const MAX_VARIABLE_BYTES = 131_072;

/** Resolves secrets; from here on everything that leaves is redacted. Files of them go before anything else when the run is over. */
export async function revealSecrets(run: Run, plan: RunPlan, cleanup: Cleanup): Promise<RevealedSecrets> {
  run.record.phase = 'secrets';
  const { runId, attempt, jobSlug, metadata } = run.record;
  const context = { runId, attempt, jobSlug, metadata, profile: run.options.profile ?? null };
  const count = plan.secrets.length;
  if (count > 0) run.emit('secrets_start', { secrets: count });
  const secrets = await resolveSecrets(plan.secretEnvironment, resolverOf(run), context, {
    timeoutMs: plan.timeouts.secretsMs,
    signal: run.stop.signal,
  });
  cleanup.add('secret', async () => {
    const failures = await secrets.release();
    if (failures.length > 0) throw new Error(failures.join('; '));
  });
  const given = Object.entries(run.options.secrets ?? {});
  const known = new Map([
    ...given.map(([key, value]) => [secretId({ source: 'store', key }), value] as const),
    ...secrets.values,
  ]);
  for (const [name, value] of secrets.values) run.record.secrets.add(name, value);
  const proxies = await revealProxies(run, plan);
  run.record.redactor = createRedactor(run.record.secrets.values());
  for (const warning of weakSecretWarnings(known)) run.warn(warning);
  for (const secret of plan.secrets)
    run.putOnRecord('secret_resolved', { secret, version: secrets.versions.get(secretId(secret)) ?? null });
  const variables = valuesOf(plan, 'env', secrets.values);
  requireFitting(plan.secretEnvironment, variables);
  const files = await writeFiles(run, plan, valuesOf(plan, 'file', secrets.values));
  if (files !== null) cleanup.addFirst('secret', async (signal) => files.remove(signal));
  if (count > 0) run.emit('secrets_end', {});
  await run.note({ name: 'secrets_ready' });
  return { variables, files, proxies };
}

function valuesOf(
  plan: RunPlan,
  delivery: PlannedSecret['as'],
  values: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const planned = plan.secretEnvironment.filter(({ as }) => as === delivery);
  return new Map(planned.map(({ name, secret }) => [name, values.get(secretId(secret)) ?? '']));
}

/** A container with a longer variable would start and end with a failure of its entry point, which tells nobody why. */
function requireFitting(planned: readonly PlannedSecret[], variables: ReadonlyMap<string, string>): void {
  for (const { name, secret } of planned) {
    const value = variables.get(name);
    if (value === undefined || Buffer.byteLength(`${name}=${value}\0`) <= MAX_VARIABLE_BYTES) continue;
    const most = String(MAX_VARIABLE_BYTES);
    throw new SecretError(
      'secret.failed',
      `the value of secret "${secretId(secret)}" does not fit into variable ${name}: a variable has at most ${most} bytes with its name`,
      { hint: `let the job have it as a file: as: "file"` },
    );
  }
}

async function writeFiles(
  run: Run,
  plan: RunPlan,
  values: ReadonlyMap<string, string>,
): Promise<SecretFiles | null> {
  if (values.size === 0) return null;
  const { config, identity } = run;
  return createSecretFiles({
    root: secretsRootOf(run),
    allowDisk: config.policy.secrets.allowDisk,
    mark: { ...identity, runId: run.record.runId },
    user: userOf(plan),
    values,
    signal: run.stop.signal,
  });
}

/** Where files of secrets are; by default a folder of this user's on the usual tmpfs. */
export function secretsRootOf({ config, caller }: Pick<Run, 'config' | 'caller'>): string {
  return config.secretsRoot ?? `/dev/shm/berthkit-${String(caller?.uid ?? 'unknown')}`;
}

/** The caller's own values answer `store` references first. None where there are neither these nor a resolver: then that is what is wrong. */
function resolverOf({ options, ports: { resolveSecret } }: Run): SecretResolver | undefined {
  if (options.secrets === undefined) return resolveSecret;
  const given = new Map(Object.entries(options.secrets));
  return async (reference, context) => {
    const value = reference.source === 'store' ? given.get(reference.key) : undefined;
    return value ?? resolveSecret?.(reference, context);
  };
}

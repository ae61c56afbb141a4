/** The proxies a run's job is told of: read just before its container is made, and known to the redactor where they hold credentials. */
import { proxySecrets, type ProxyKind } from './base/proxy-variables.js';
import { isMaskedAsTokenOnly } from './base/secret-forms.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Run } from './run-context.js';
import { weakSecretWarnings } from './run-redaction.js';

/** By this name the credentials of proxies are told of: they belong to none of the job's own variables. */
const PROXY_CREDENTIALS = 'proxy credentials';

/**
 * Empty where the plan names none, and where Docker's client is told of none.
 *
 * @throws `secret.failed`; `engine.unreachable` where no engine is found.
 */
export async function revealProxies(run: Run, plan: RunPlan): Promise<ReadonlyMap<ProxyKind, string>> {
  if (plan.proxyEnvironment.length === 0) return new Map();
  const { location } = await run.engine();
  const proxies = await run.dockerProxies(location?.host ?? null);
  const secrets = keepSecret(run, [...proxies.values()]);
  const weak = new Map(secrets.filter(isMaskedAsTokenOnly).map((secret) => [PROXY_CREDENTIALS, secret]));
  for (const warning of weakSecretWarnings(weak)) run.warn(warning);
  return proxies;
}

/** Whatever is secret in them, which is masked from the next making of a redactor on. */
export function keepSecret({ record }: Run, values: readonly string[]): readonly string[] {
  const secrets = values.flatMap(proxySecrets);
  for (const secret of secrets) record.secrets.add(PROXY_CREDENTIALS, secret);
  return secrets;
}

/** `berthkit policy test`: holds the policy of a configuration against a file of expectations. Needs no engine. */
import { testPolicy } from '../policy/entry.js';
import type { Surroundings } from './command.js';
import { EXIT } from './exit-code.js';
import { loadConfig } from './load-config.js';
import { loadCases } from './policy-cases.js';
import { caseLines } from './render-policy.js';

/** The flags as typed. */
export interface PolicyTestFlags {
  readonly config?: string | undefined;
  readonly profile?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Prints what became of each case and gives the exit code: 1 if one of them failed. */
export async function policyTestCommand({
  io,
  console,
  file,
  flags,
}: Surroundings & { readonly file: string; readonly flags: PolicyTestFlags }): Promise<number> {
  const { policy, timeouts, retry } = await loadConfig(io, flags.config);
  const cases = await loadCases(io, file);
  const results = testPolicy(policy, cases, {
    rules: io.ports?.rules,
    profile: flags.profile,
    maxTimeouts: timeouts.max,
    maxRetry: retry.max,
  });
  const ok = results.every(({ passed }) => passed);
  if (flags.json === true) await console.printJson({ ok, cases: results });
  else await console.print(caseLines(results));
  return ok ? EXIT.succeeded : EXIT.differs;
}

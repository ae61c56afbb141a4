/** `berthkit policy diff`: what a change of policy would do to definitions. Needs no engine. */
import { diffPolicies, evaluateJob } from '../policy/entry.js';
import type { Surroundings } from './command.js';
import { EXIT } from './exit-code.js';
import type { CliIo } from './io.js';
import { loadPolicyConfig } from './load-config.js';
import { loadDocument } from './load-document.js';
import { differenceLines, type PolicyDiffReport } from './render-policy.js';

/** The flags as typed. */
export interface PolicyDiffFlags {
  readonly profile?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Prints the differences and gives the exit code: 1 if there are any. */
export async function policyDiffCommand({
  io,
  console,
  before,
  after,
  files,
  flags,
}: Surroundings & {
  readonly before: string;
  readonly after: string;
  readonly files: readonly string[];
  readonly flags: PolicyDiffFlags;
}): Promise<number> {
  const old = await loadPolicyConfig(io, before);
  const now = await loadPolicyConfig(io, after);
  const definitions = await loadDefinitions(io, files);
  const sourceOf = (index: number): string => definitions[index]?.source ?? '';
  const differences = diffPolicies(
    old.policy,
    now.policy,
    definitions.map(({ definition }) => definition),
    {
      rules: io.ports?.rules,
      profile: flags.profile,
      before: { maxTimeouts: old.timeouts.max, maxRetry: old.retry.max },
      after: { maxTimeouts: now.timeouts.max, maxRetry: now.retry.max },
    },
  ).map(({ index, ...rest }) => ({ source: sourceOf(index), ...rest }));
  const report: PolicyDiffReport = {
    definitions: definitions.length,
    differences,
    invalid: definitions.flatMap(({ source, definition }) => {
      // The shape alone: what a policy refuses has a decision.
      const { decision, issues } = evaluateJob(definition, {});
      return decision === null ? [{ source, issues }] : [];
    }),
  };
  if (flags.json === true) await console.printJson(report);
  else await console.print(differenceLines(report));
  return differences.length === 0 ? EXIT.succeeded : EXIT.differs;
}

interface Found {
  readonly source: string;
  readonly definition: unknown;
}

async function loadDefinitions(
  io: Pick<CliIo, 'stdin' | 'cwd'>,
  files: readonly string[],
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const file of files) {
    const document = await loadDocument(io, file, 'definition');
    const list: readonly unknown[] | null = Array.isArray(document) ? document : null;
    if (list === null) found.push({ source: file, definition: document });
    else
      found.push(...list.map((definition, index) => ({ source: `${file}[${String(index)}]`, definition })));
  }
  return found;
}

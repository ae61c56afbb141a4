/** `berthkit policy …` as the parser knows it. What the commands do is elsewhere. */
import type { Command as Parser } from 'commander';
import { CONFIG_OPTION, JSON_OPTION, type Perform, PROFILE_OPTION } from './options.js';
import { type PolicyDiffFlags, policyDiffCommand } from './policy-diff-command.js';
import { type PolicyTestFlags, policyTestCommand } from './policy-test-command.js';

/** Adds them to the parser. */
export function addPolicyCommands(parser: Parser, perform: Perform): void {
  const policy = parser.command('policy').description('test a policy, or see what a change of it would do');
  policy
    .command('test')
    .description('hold the policy against expectations')
    .argument('<cases>', 'JSON or YAML file; - for standard input')
    .option(...CONFIG_OPTION)
    .option(...PROFILE_OPTION)
    .option(...JSON_OPTION)
    .action(async (file: string, flags: PolicyTestFlags) =>
      perform(async (given) => policyTestCommand({ ...given, file, flags })),
    );
  policy
    .command('diff')
    .description('say which definitions a change of policy would refuse, let pass, or give something else')
    .argument('<old>', 'configuration or policy, JSON or YAML')
    .argument('<new>', 'configuration or policy, JSON or YAML')
    .argument(
      '<definitions...>',
      'JSON or YAML files, each a definition or a list of them; - for standard input',
    )
    .option(...PROFILE_OPTION)
    .option(...JSON_OPTION)
    .action(async (before: string, after: string, files: readonly string[], flags: PolicyDiffFlags) =>
      perform(async (given) => policyDiffCommand({ ...given, before, after, files, flags })),
    );
}

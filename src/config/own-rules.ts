/** Refuses rules of the operator's own that no decision could name. What they say is judged elsewhere. */
import { ownRuleProblems } from '../policy/own-rule.js';
import type { PolicyRule } from '../policy/rule.js';
import { configError } from './parse.js';

/** @throws `config.invalid` for an id that is missing, malformed, a built-in rule's or another rule's. */
export function requireUsableRules(rules: readonly PolicyRule[]): void {
  const issues = ownRuleProblems(rules).map(({ path, message }) => ({
    code: 'config.invalid_value',
    path: path.join('.'),
    message,
  }));
  if (issues.length > 0) throw configError(issues);
}

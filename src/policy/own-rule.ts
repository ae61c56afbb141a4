/** Asks rules of the operator's own. They are code that may do anything: whatever is no plain list of violations denies. */
import { types } from 'node:util';
import { deepFreeze } from '../base/deep-freeze.js';
import type { Violation } from '../result.js';
import { allowed, denied, type PolicyRule, type RuleFinding } from './rule.js';
import type { PolicySubject } from './subject.js';

/** More than anybody reads; an answer beyond it is a mistake. */
const MAX_VIOLATIONS = 1_000;
const RULE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const BUILT_IN_PREFIX = 'policy.';

/** What is wrong with a list of rules, rule by rule. Asks none of them. */
export function ownRuleProblems(
  rules: readonly PolicyRule[],
): readonly { readonly path: readonly string[]; readonly message: string }[] {
  const given: unknown = rules;
  if (!Array.isArray(given)) return [{ path: ['rules'], message: 'must be a list of rules' }];
  const seen = new Set<string>();
  return rules.flatMap((rule, index) => {
    const at = (key: string, message: string) => [{ path: ['rules', String(index), key], message }];
    const id = idOf(rule);
    if (id === null) return at('id', ID_PROBLEM);
    if (seen.has(id)) return at('id', `must not be the id of two rules ("${id}")`);
    seen.add(id);
    return hasEvaluate(rule) ? [] : at('evaluate', 'must be a function');
  });
}

const ID_PROBLEM = `must be 1 to 128 of A-Z, a-z, 0-9, ".", "_" and "-", and not begin with "${BUILT_IN_PREFIX}", for example acme.night-shift`;

/**
 * Asks one rule. Each gets a frozen copy of the subject, so that none can change what is judged. One that throws, answers with a promise or with
 * anything but violations denies: it was meant to protect something.
 */
export function askOwnRule(rule: PolicyRule, index: number, subject: PolicySubject): RuleFinding {
  const id = idOf(rule);
  if (id === null) {
    const place = `rules.${String(index)}`;
    return refusedBy(place, `${place} has no usable id, and a rule that cannot be named denies`);
  }
  let answer: readonly Violation[] | string;
  try {
    answer = readAnswer(id, rule.evaluate(deepFreeze(structuredClone(subject))));
  } catch {
    // What it throws is not repeated: it could hold anything.
    return refusedBy(id, `rule ${id} failed, and a rule that fails denies`);
  }
  if (typeof answer === 'string') return refusedBy(id, `rule ${id} ${answer}`);
  const [first] = answer;
  if (first === undefined) return allowed(id, 'the rule has no objection');
  const isError = answer.some(({ severity }) => severity === 'error');
  return {
    outcome: { rule: id, outcome: isError ? 'denied' : 'warned', reason: first.message },
    violations: answer,
  };
}

/** In every mode: what the rule would have said nobody knows, so that there is nothing to relax. */
const refusedBy = (id: string, message: string): RuleFinding => ({
  ...denied(id, [
    { path: 'docker', message, hint: 'the operator has to mend the rule; no definition can satisfy it' },
  ]),
  isAlwaysEnforced: true,
});

function idOf(rule: PolicyRule): string | null {
  try {
    const id: unknown = rule.id;
    return typeof id === 'string' && RULE_ID.test(id) && !id.startsWith(BUILT_IN_PREFIX) ? id : null;
  } catch {
    return null;
  }
}

function hasEvaluate(rule: PolicyRule): boolean {
  try {
    return typeof rule.evaluate === 'function';
  } catch {
    return false;
  }
}

/** The violations, or what is wrong with the answer. Everything is read once: an accessor could say something else the next time. */
function readAnswer(id: string, answer: unknown): readonly Violation[] | string {
  if (types.isPromise(answer)) {
    // Nobody waits for it; that it may be rejected must not end the process.
    answer.catch(() => undefined);
    return 'answered with a promise; a rule answers at once and cannot be asynchronous';
  }
  if (!Array.isArray(answer)) return 'did not answer with a list of violations';
  const { length } = answer;
  if (length > MAX_VIOLATIONS) return `answered with more than ${String(MAX_VIOLATIONS)} violations`;
  // By index and not by the list's own methods, which could pass over holes or be anybody's.
  const violations = Array.from({ length }, (_, index) => readViolation(id, answer[index]));
  return violations.every((violation) => violation !== null)
    ? violations
    : 'did not answer with a list of violations';
}

function readViolation(id: string, value: unknown): Violation | null {
  if (typeof value !== 'object' || value === null) return null;
  const { path, message, severity, hint = null } = value as Partial<Record<keyof Violation, unknown>>;
  const isText = typeof path === 'string' && typeof message === 'string';
  const isGrave = severity === 'error' || severity === 'warning';
  if (!isText || !isGrave || (hint !== null && typeof hint !== 'string')) return null;
  return { rule: id, path, message, severity, hint };
}

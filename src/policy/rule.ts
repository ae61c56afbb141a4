/** What a rule is, and how its answers are written. */
import { lasting } from '../base/canonical-json.js';
import type { TimeoutsRequest } from '../plan/container-spec.js';
import type { RuleOutcome, Violation } from '../result.js';
import type { Policy } from './policy.js';
import type { PolicySubject } from './subject.js';

/** A rule of the operator's own, beside the built-in ones. Pure and synchronous; one that throws or answers with anything else denies. */
export interface PolicyRule {
  /** 1 to 128 of `A-Z a-z 0-9 . _ -`, with a prefix of the operator's, for example `acme.night-shift`; never `policy.`. */
  readonly id: string;
  /** The violations, empty if there are none. The subject is a frozen copy. */
  evaluate(subject: PolicySubject): readonly Violation[];
}

/** The caller's uid and gid, or null where they are not known. */
export type Caller = { readonly uid: number; readonly gid: number } | null;

/** The most a run may ask for in the way of further attempts. */
export interface MaxRetry {
  readonly maxAttempts: number;
  readonly maxDelayMs: number;
}

/** The longest times a run may ask for, in milliseconds; absent: not bounded. */
export type MaxTimeouts = TimeoutsRequest;

/** What built-in rules judge by besides the subject. */
interface RuleContext {
  readonly policy: Policy;
  readonly caller: Caller;
  /** The longest times an operator allows; absent: not bounded here. */
  readonly maxTimeouts: MaxTimeouts;
  /** The most attempts and the longest pause an operator allows; null: not bounded here. */
  readonly maxRetry: MaxRetry | null;
}

/** What a rule says: its outcome in words and what it objects to. */
export interface RuleFinding {
  readonly outcome: RuleOutcome;
  readonly violations: readonly Violation[];
  /** Refuses whatever mode the rule has, for example because the image is on the deny list. */
  readonly isAlwaysEnforced?: boolean | undefined;
}

/** A built-in rule: data with one pure function. */
export interface BuiltInRule {
  readonly id: string;
  /**
   * Whether its mode may be other than `enforce`: only where what a violation gets is more of the same (another image, more memory, more time) under
   * unchanged isolation. A mere warning must never open a network or a device, change whom a job runs as, or hand it what is others'.
   */
  readonly isRelaxable: boolean;
  readonly judge: (subject: PolicySubject, context: RuleContext) => RuleFinding;
}

const NOTHING: readonly never[] = Object.freeze([]);

/** The rule has nothing against it. */
export function allowed(rule: string, reason: string): RuleFinding {
  return { outcome: { rule, outcome: 'allowed', reason }, violations: NOTHING };
}

/** The request has nothing the rule is about. */
export function notApplicable(rule: string, reason: string): RuleFinding {
  return { outcome: { rule, outcome: 'not_applicable', reason }, violations: NOTHING };
}

/** A finding in words that are always the same: one for all decisions, which is most of what they are made of. */
export function standing(finding: RuleFinding): RuleFinding {
  lasting(finding.outcome);
  return Object.freeze(finding);
}

/** One objection. */
export interface Objection {
  readonly path: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Denied by the objections; `otherwise` if there are none. */
export function deniedBy(
  rule: string,
  objections: readonly Objection[],
  otherwise: RuleFinding,
): RuleFinding {
  return objections.length === 0 ? otherwise : denied(rule, objections);
}

/** Denied by the objections, of which there is at least one. */
export function denied(rule: string, objections: readonly Objection[]): RuleFinding {
  const violations = objections.map(({ path, message, hint }) => ({
    rule,
    path,
    message,
    severity: 'error' as const,
    hint: hint ?? null,
  }));
  return {
    outcome: { rule, outcome: 'denied', reason: objections.map(({ message }) => message).join('; ') },
    violations,
  };
}

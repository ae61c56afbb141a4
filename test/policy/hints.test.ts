/** Every refusal says what to do instead, and what it says is true. */
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/config/parse.js';
import { evaluatePolicy } from '../../src/policy/evaluate.js';
import { listed } from '../../src/policy/hint.js';
import { BUILT_IN_RULES } from '../../src/policy/rules/built-in.js';
import { toPolicySubject } from '../../src/policy/subject.js';
import type { RunRequest } from '../../src/plan/container-spec.js';
import type { PolicyDecision } from '../../src/result.js';
import { type Refusal, REFUSALS } from './refusals.js';

const judge = (request: RunRequest, { policy = {}, options = {} }: Refusal): PolicyDecision =>
  evaluatePolicy(toPolicySubject(request), parsePolicy(policy), options);

it('there is a refusal for every built-in rule', () => {
  expect(new Set(REFUSALS.map(({ rule }) => rule))).toEqual(new Set(BUILT_IN_RULES.map(({ id }) => id)));
});

describe.each(REFUSALS)('$name', (refusal) => {
  it('has a hint in each of its violations', () => {
    const { violations } = judge(refusal.request, refusal);
    expect(violations.map(({ hint }) => hint)).toEqual(
      violations.map(() => expect.stringMatching(refusal.hint) as string),
    );
    expect(violations).not.toEqual([]);
  });

  it('is allowed once it follows the hint', () => {
    expect(judge(refusal.instead, refusal)).toMatchObject({ allowed: true, violations: [] });
  });
});

describe('what is listed', () => {
  it('has the nearest first and says how much was left out', () => {
    const values = Array.from({ length: 500 }, (_, index) => `registry.example/team-${String(index)}/*`);
    expect(listed(values, 'registry.example/team-499/x')).toBe(
      `registry.example/team-499/*, ${values.slice(0, 9).join(', ')} and 490 more`,
    );
    expect(listed(values.slice(0, 10), 'nothing like it')).toBe(values.slice(0, 10).join(', '));
  });
});

/** Whatever a rule finds, it says why: no outcome without a reason, no objection that does not name its rule, its place and a way out. */
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/config/parse.js';
import { DEFAULT_POLICY } from '../../src/policy/defaults.js';
import { evaluatePolicy } from '../../src/policy/evaluate.js';
import { BUILT_IN_RULES } from '../../src/policy/rules/built-in.js';
import { toPolicySubject } from '../../src/policy/subject.js';
import { REFUSALS } from './refusals.js';
import { requestWith } from './requests.js';

describe('a rule', () => {
  it('says why it allows, or why it has nothing to say', () => {
    const { rules } = evaluatePolicy(toPolicySubject(requestWith()), DEFAULT_POLICY);
    expect(rules.map(({ rule }) => rule)).toEqual(BUILT_IN_RULES.map(({ id }) => id));
    const silent = rules.filter(({ outcome }) => outcome === 'not_applicable').map(({ rule }) => rule);
    expect(silent).toEqual([
      'policy.image_digest',
      'policy.gpu',
      'policy.runtime',
      'policy.user',
      'policy.mounts',
      'policy.secret_delivery',
    ]);
    expect(rules.every(({ rule, outcome }) => outcome === 'allowed' || silent.includes(rule))).toBe(true);
    for (const { rule, reason } of rules) expect(reason, rule).toMatch(/\S \S/);
  });

  it('says why it allows what it looks at', () => {
    const strict = parsePolicy({
      images: { requireDigest: true },
      gpu: { enabled: true },
      security: { mountRoots: ['/data'], deniedEnvironment: ['LD_*'], allowedRuntimes: ['runsc'] },
      secrets: { delivery: 'file' },
    });
    const request = requestWith({
      image: `busybox@sha256:${'a'.repeat(64)}`,
      requiresGpu: true,
      runtime: 'runsc',
      user: '1000:1000',
      networkMode: 'none',
    });
    const { rules } = evaluatePolicy(toPolicySubject(request), strict);
    for (const { rule, outcome, reason } of rules) {
      expect(`${rule} ${outcome}`).toBe(`${rule} allowed`);
      expect(reason, rule).toMatch(/\S \S/);
    }
  });

  it.each(REFUSALS)('says of $name what is wrong, where, and what may be done', (refusal) => {
    const policy = parsePolicy(refusal.policy ?? {});
    const { violations, rules } = evaluatePolicy(toPolicySubject(refusal.request), policy, refusal.options);
    expect(violations).not.toEqual([]);
    for (const { rule, path, message, severity, hint } of violations) {
      expect([rule, severity]).toEqual([refusal.rule, 'error']);
      expect(path).toMatch(/^(docker|retry|timeoutMs|timeouts)\b/);
      for (const words of [message, hint]) expect(words).toMatch(/\S/);
    }
    const reason = violations.map(({ message }) => message).join('; ');
    expect(rules).toContainEqual({ rule: refusal.rule, outcome: 'denied', reason });
  });
});

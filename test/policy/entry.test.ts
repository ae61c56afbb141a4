import { diffPolicies, evaluateJob, testPolicy } from 'berthkit/policy';
import { describe, expect, it } from 'vitest';

const busybox = { docker: { image: 'busybox:1' } };
const evil = { docker: { image: 'evil:1', networkMode: 'bridge' } };
const policy = { images: { allow: ['busybox:*'] } };

describe('evaluateJob', () => {
  it('judges shape, then policy, and never throws for a definition', () => {
    expect(evaluateJob(busybox, policy)).toMatchObject({
      allowed: true,
      issues: [],
      decision: { networkMode: 'none' },
    });
    expect(evaluateJob(evil, policy).decision?.violations.map(({ rule }) => rule)).toEqual([
      'policy.image',
      'policy.network',
    ]);
    expect(evaluateJob({ docker: {} }, policy)).toMatchObject({
      allowed: false,
      decision: null,
      issues: [{ path: 'docker.image' }],
    });
    for (const value of [null, undefined, 5, [], 'x']) expect(evaluateJob(value, policy).allowed).toBe(false);
  });

  it('refuses a policy that cannot be used', () => {
    expect(() => evaluateJob(busybox, { images: { allow: ['busybox.local*'] } })).toThrow(
      expect.objectContaining({ code: 'config.invalid' }) as Error,
    );
  });
});

describe('testPolicy', () => {
  it('says which expectations do not hold, and why', () => {
    const results = testPolicy(policy, [
      { name: 'busybox runs', definition: busybox, allowed: true },
      { name: 'evil does not', definition: evil, allowed: false, rules: ['policy.image'] },
      { name: 'wrong expectation', definition: evil, allowed: true },
      { name: 'wrong rule', definition: evil, allowed: false, rules: ['policy.gpu'] },
    ]);
    expect(results.map(({ passed }) => passed)).toEqual([true, true, false, false]);
    expect(results[2]?.problem).toContain('docker.image');
    expect(results[3]?.problem).toContain('policy.gpu');
  });
});

describe('diffPolicies', () => {
  it('names what a change would newly refuse or let pass', () => {
    const definitions = [busybox, evil, { docker: { image: 'evil:1' } }];
    expect(diffPolicies(policy, { images: { allow: ['evil:*'] } }, definitions)).toEqual([
      { index: 0, change: 'newly_denied', reason: expect.stringContaining('matches no pattern') as string },
      { index: 2, change: 'newly_allowed', reason: expect.stringContaining('matches no pattern') as string },
    ]);
    expect(diffPolicies(policy, policy, definitions)).toEqual([]);
  });
});

/** What `mode` and `modes` let pass as a warning or a note, and what they never do. */
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/config/parse.js';
import type { RunRequest } from '../../src/plan/container-spec.js';
import { type EvaluateOptions, evaluatePolicy } from '../../src/policy/evaluate.js';
import type { PolicyInput, PolicyMode } from '../../src/policy/policy.js';
import type { PolicyRule } from '../../src/policy/rule.js';
import { BUILT_IN_RULES } from '../../src/policy/rules/built-in.js';
import { toPolicySubject } from '../../src/policy/subject.js';
import type { PolicyDecision, Violation } from '../../src/result.js';
import { requestWith } from './requests.js';
import { REFUSALS } from './refusals.js';

const judge = (request: RunRequest, policy: PolicyInput, options: EvaluateOptions = {}): PolicyDecision =>
  evaluatePolicy(toPolicySubject(request), parsePolicy(policy), options);
const rulesOf = (violations: readonly Violation[]): readonly string[] => violations.map(({ rule }) => rule);

/** The rules a mode can relax; a new one belongs here or it is enforced. */
const RELAXABLE = [
  'policy.image',
  'policy.image_digest',
  'policy.pull_policy',
  'policy.resources',
  'policy.timeouts',
  'policy.retry',
  'policy.secret_delivery',
];

it('can relax no rules but these', () => {
  expect(BUILT_IN_RULES.filter(({ isRelaxable }) => isRelaxable).map(({ id }) => id)).toEqual(RELAXABLE);
});

describe.each(REFUSALS)('$name', ({ rule, policy = {}, request, options, isAlwaysEnforced = false }) => {
  const isRelaxable = RELAXABLE.includes(rule) && !isAlwaysEnforced;

  it('is refused when enforced', () => {
    const decision = judge(request, policy, options);
    expect(decision).toMatchObject({ allowed: false, warnings: [], audited: [] });
    expect(rulesOf(decision.violations)).toContain(rule);
    expect(decision.rules).toContainEqual(expect.objectContaining({ rule, outcome: 'denied' }));
  });

  it.each(['warn', 'audit'] as const)(
    `in mode %s is ${isRelaxable ? 'let pass' : 'still refused'}`,
    (mode) => {
      const decision = judge(request, { ...policy, mode }, options);
      expect(decision.allowed).toBe(isRelaxable);
      if (!isRelaxable) {
        expect(rulesOf(decision.violations)).toContain(rule);
        return;
      }
      const [told, silent] =
        mode === 'warn' ? [decision.warnings, decision.audited] : [decision.audited, decision.warnings];
      expect(rulesOf(told)).toContain(rule);
      expect(silent).toEqual([]);
      expect(decision.violations).toEqual([]);
      const outcome = mode === 'warn' ? 'warned' : 'audited';
      expect(decision.rules).toContainEqual(expect.objectContaining({ rule, outcome }));
    },
  );
});

describe('a mode', () => {
  const unlisted = requestWith({ image: 'evil:1', resources: { cpus: 64 } });
  const images = { allow: ['busybox:*'] };

  it('says in the warning what the refusal would have said, with its hint', () => {
    const [refusal] = judge(unlisted, { images }).violations;
    const [warning] = judge(unlisted, { images, mode: 'warn' }).warnings;
    const [note] = judge(unlisted, { images, mode: 'audit' }).audited;
    expect(warning).toEqual({ ...refusal, severity: 'warning' });
    expect(note).toEqual(refusal);
  });

  it.each<[string, PolicyMode, Readonly<Record<string, PolicyMode>>, boolean, string[], string[]]>([
    ['one rule warns, the others refuse', 'enforce', { 'policy.image': 'warn' }, false, ['policy.image'], []],
    [
      'both warn by their own modes',
      'enforce',
      { 'policy.image': 'warn', 'policy.resources': 'warn' },
      true,
      ['policy.image', 'policy.resources'],
      [],
    ],
    [
      'one is enforced, the others warn',
      'warn',
      { 'policy.resources': 'enforce' },
      false,
      ['policy.image'],
      [],
    ],
    [
      'one audits beside one that warns',
      'warn',
      { 'policy.image': 'audit' },
      true,
      ['policy.resources'],
      ['policy.image'],
    ],
  ])('of a single rule wins: %s', (_name, mode, modes, allowed, warned, audited) => {
    const decision = judge(unlisted, { images, mode, modes });
    expect(decision.allowed).toBe(allowed);
    expect(rulesOf(decision.warnings)).toEqual(warned);
    expect(rulesOf(decision.audited)).toEqual(audited);
  });

  it('changes nothing for what satisfies every rule', () => {
    const enforced = judge(requestWith(), { images });
    for (const mode of ['warn', 'audit'] as const)
      expect(judge(requestWith(), { images, mode })).toEqual(enforced);
  });

  it('never runs an image of the deny list, or what is no reference, beside one that is merely unlisted', () => {
    const policy = { images: { allow: ['busybox:*'], deny: ['evil'] }, mode: 'warn' } as const;
    const allowedOf = (image: string): boolean => judge(requestWith({ image }), policy).allowed;
    expect([allowedOf('other:1'), allowedOf('evil:1'), allowedOf('not a reference')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  describe('of an own rule', () => {
    const objecting = (severity: 'error' | 'warning'): PolicyRule => ({
      id: 'acme.x',
      evaluate: () => [{ rule: 'acme.x', path: 'docker', message: 'no', severity, hint: null }],
    });
    const failing: PolicyRule = {
      id: 'acme.x',
      evaluate: () => {
        throw new Error('broken');
      },
    };
    const promising = {
      id: 'acme.x',
      evaluate: async () => Promise.resolve([]),
    } as unknown as PolicyRule;

    it.each<[string, PolicyRule, PolicyInput, boolean, number, number]>([
      ['is the policy’s', objecting('error'), { mode: 'warn' }, true, 1, 0],
      ['can be its own', objecting('error'), { modes: { 'acme.x': 'audit' } }, true, 0, 1],
      [
        'can stay enforced',
        objecting('error'),
        { mode: 'warn', modes: { 'acme.x': 'enforce' } },
        false,
        0,
        0,
      ],
      ['also silences its warnings', objecting('warning'), { mode: 'audit' }, true, 0, 1],
      ['lets its warnings be', objecting('warning'), { mode: 'warn' }, true, 1, 0],
      ['relaxes no failure', failing, { modes: { 'acme.x': 'warn' } }, false, 0, 0],
      ['relaxes no failure as that of the policy', failing, { mode: 'audit' }, false, 0, 0],
      ['relaxes no promise', promising, { mode: 'warn', modes: { 'acme.x': 'audit' } }, false, 0, 0],
      ['refuses for a failure when enforced', failing, {}, false, 0, 0],
    ])('%s', (_name, rule, policy, allowed, warnings, audited) => {
      const decision = judge(requestWith(), policy, { rules: [rule] });
      expect([decision.allowed, decision.warnings.length, decision.audited.length]).toEqual([
        allowed,
        warnings,
        audited,
      ]);
    });
  });
});

/** Rules of the operator's own that throw, wait, change things or answer nonsense: each of them denies, and none does harm. */
import { createRuntime, type PolicyRule } from 'berthkit';
import { evaluateJob } from 'berthkit/policy';
import { describe, expect, it } from 'vitest';
import { issuesOf } from '../../src/errors.js';
import { DEFAULT_POLICY } from '../../src/policy/defaults.js';
import { evaluatePolicy } from '../../src/policy/evaluate.js';
import { toPolicySubject } from '../../src/policy/subject.js';
import type { PolicyDecision } from '../../src/result.js';
import { requestWith } from './requests.js';

const VIOLATION = {
  rule: 'x',
  path: 'docker',
  message: 'not at night',
  severity: 'error',
  hint: null,
} as const;
const subject = toPolicySubject(requestWith());
/** What a rule without types could be. */
const ruleOf = (evaluate: unknown, id: unknown = 'acme.x'): PolicyRule => ({ id, evaluate }) as PolicyRule;
const judge = (...rules: readonly PolicyRule[]): PolicyDecision =>
  evaluatePolicy(subject, DEFAULT_POLICY, { rules });

describe('a rule that fails', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('secret detail');
      },
      /failed/,
    ],
    ['is no function', 'nothing', /failed/],
    ['is not there', undefined, /failed/],
    ['answers a promise', () => Promise.resolve([]), /promise.*cannot be asynchronous/],
    ['is asynchronous', async () => Promise.resolve([VIOLATION]), /promise/],
    ['answers nothing', () => undefined, /list of violations/],
    ['answers text', () => 'no', /list of violations/],
    ['answers true', () => true, /list of violations/],
    ['answers something like a list', () => ({ length: 0 }), /list of violations/],
    ['answers a list with a hole', () => new Array<unknown>(1), /list of violations/],
    ['answers a list of nothing', () => [null], /list of violations/],
    ['answers texts', () => ['no'], /list of violations/],
    ['leaves the path out', () => [{ ...VIOLATION, path: undefined }], /list of violations/],
    ['leaves the message out', () => [{ ...VIOLATION, message: undefined }], /list of violations/],
    ['has a severity of its own', () => [{ ...VIOLATION, severity: 'fatal' }], /list of violations/],
    ['has a hint that is no text', () => [{ ...VIOLATION, hint: 5 }], /list of violations/],
    ['never comes to an end of its violations', () => new Array<unknown>(1e9), /more than 1000/],
    [
      'has an accessor that throws',
      () => [
        Object.defineProperty({ ...VIOLATION }, 'path', {
          get: () => {
            throw new Error('secret detail');
          },
        }),
      ],
      /failed/,
    ],
    ['changes the subject', (given: { image: string }) => ((given.image = 'other:1'), []), /failed/],
    [
      'changes what lies in the subject',
      (given: { command: string[] }) => (given.command.push('--force'), []),
      /failed/,
    ],
  ])('%s: denies, and says so without what it threw', (_name, evaluate, message) => {
    const decision = judge(ruleOf(evaluate));
    expect(decision).toMatchObject({
      allowed: false,
      violations: [{ rule: 'acme.x', path: 'docker', message: expect.stringMatching(message) as string }],
    });
    expect(decision.violations[0]?.hint).toContain('operator');
    expect(decision.rules.at(-1)).toMatchObject({ rule: 'acme.x', outcome: 'denied' });
    expect(JSON.stringify(decision)).not.toContain('secret detail');
  });

  it('by a promise that is rejected does not end the process', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      expect(judge(ruleOf(async () => Promise.reject(new Error('later')))).allowed).toBe(false);
      // Rejections nobody handles are told after the microtasks of a turn.
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });

  it('leaves the rules after it their say', () => {
    const failing = ruleOf(() => null, 'acme.failing');
    const objecting = ruleOf(() => [VIOLATION], 'acme.objecting');
    expect(judge(failing, objecting).violations.map(({ rule }) => rule)).toEqual([
      'acme.failing',
      'acme.objecting',
    ]);
  });
});

describe('what a rule answers', () => {
  it('is read once: an accessor cannot say one thing when checked and another when told', () => {
    let asked = 0;
    const shifty = Object.defineProperty({ ...VIOLATION }, 'severity', {
      get: () => ((asked += 1), asked === 1 ? 'error' : 'warning'),
    });
    const decision = judge(ruleOf(() => [shifty]));
    expect([decision.allowed, asked]).toEqual([false, 1]);
  });

  it('is told under the id of the rule, without keys of its own, and as data', () => {
    const decision = judge(ruleOf(() => [{ ...VIOLATION, rule: 'policy.network', extra: () => 1 }]));
    expect(decision.violations).toEqual([{ ...VIOLATION, rule: 'acme.x' }]);
    expect(decision.networkMode).toBe('none');
    expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
  });

  it('may leave the hint out', () => {
    const { path, message, severity } = VIOLATION;
    expect(judge(ruleOf(() => [{ path, message, severity }])).violations).toEqual([
      { ...VIOLATION, rule: 'acme.x' },
    ]);
  });

  it('lets warnings alone pass, and refuses for one error among them', () => {
    const warning = { ...VIOLATION, severity: 'warning' };
    const warned = judge(ruleOf(() => [warning]));
    expect(warned).toMatchObject({ allowed: true, warnings: [{ rule: 'acme.x' }] });
    expect(warned.rules.at(-1)).toMatchObject({ outcome: 'warned', reason: 'not at night' });
    const mixed = judge(ruleOf(() => [warning, VIOLATION]));
    expect(mixed).toMatchObject({ allowed: false, violations: [{}], warnings: [{}] });
    expect(mixed.rules.at(-1)).toMatchObject({ outcome: 'denied' });
  });

  it('is taken from a frozen copy: no rule changes what the next one or the run sees', () => {
    const seen: unknown[] = [];
    const sneaky = ruleOf(
      (given: object) => (seen.push(given), Reflect.set(given, 'image', 'other:1'), []),
      'acme.a',
    );
    const looking = ruleOf((given: { image: string }) => (seen.push(given.image), []), 'acme.b');
    expect(judge(sneaky, looking).allowed).toBe(true);
    expect(seen[1]).toBe('busybox:1');
    expect(seen[0]).not.toBe(subject);
    expect(seen[0]).toEqual(subject);
    expect(Object.isFrozen(subject)).toBe(false);
  });
});

describe('the id of a rule', () => {
  const nothing = (): readonly [] => [];
  const evaluating = (...rules: readonly PolicyRule[]): unknown =>
    evaluateJob({ docker: { image: 'busybox:1' } }, {}, { rules });
  const USELESS: readonly (readonly [string, PolicyRule])[] = [
    ['a built-in rule’s', ruleOf(nothing, 'policy.network')],
    ['one that begins like theirs', ruleOf(nothing, 'policy.mine')],
    ['empty', ruleOf(nothing, '')],
    ['blank', ruleOf(nothing, ' ')],
    ['one with a line end', ruleOf(nothing, 'acme.x\n')],
    ['longer than 128', ruleOf(nothing, 'x'.repeat(129))],
    ['no text', ruleOf(nothing, 5)],
    ['not there', {} as PolicyRule],
    [
      'an accessor that throws',
      Object.defineProperty(ruleOf(nothing), 'id', {
        get: () => {
          throw new Error('no');
        },
      }),
    ],
  ];

  it.each(USELESS)('may not be %s: no runtime is made, and a judgement denies', (_name, rule) => {
    expect(() => createRuntime({}, { rules: [rule] })).toThrow(/rules\.0\.id: must be 1 to 128 of/);
    expect(() => evaluating(rule)).toThrow(/rules\.0\.id/);
    // No mode could be meant for it.
    const decision = evaluatePolicy(subject, { ...DEFAULT_POLICY, mode: 'warn' }, { rules: [rule] });
    expect(decision).toMatchObject({ allowed: false, violations: [{ rule: 'rules.0' }] });
  });

  it('may not be that of two rules, and a rule is a function in a list', () => {
    const problemsOf = (rules: unknown): readonly string[] => {
      try {
        createRuntime({}, { rules: rules as readonly PolicyRule[] });
        return [];
      } catch (error) {
        return issuesOf(error).map(({ path, message }) => `${path} ${message}`);
      }
    };
    const rule = ruleOf(nothing);
    expect(problemsOf([rule, rule])).toEqual(['rules.1.id must not be the id of two rules ("acme.x")']);
    expect(problemsOf([ruleOf('x')])).toEqual(['rules.0.evaluate must be a function']);
    expect(problemsOf(rule)).toEqual(['rules must be a list of rules']);
    expect(problemsOf([rule, ruleOf(nothing, 'acme.y')])).toEqual([]);
  });
});

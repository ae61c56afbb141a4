/** Bounds of users and resources exactly at their edges. */
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/config/parse.js';
import type { ContainerDraft } from '../../src/plan/container-spec.js';
import { evaluatePolicy, type EvaluateOptions } from '../../src/policy/evaluate.js';
import type { PolicyInput } from '../../src/policy/policy.js';
import { toPolicySubject } from '../../src/policy/subject.js';
import { requestWith } from './requests.js';

const judge = (container: Partial<ContainerDraft>, policy: PolicyInput = {}, options: EvaluateOptions = {}) =>
  evaluatePolicy(toPolicySubject(requestWith(container)), parsePolicy(policy), options);
const messagesOf = (...given: Parameters<typeof judge>): readonly string[] =>
  judge(...given).violations.map(({ message }) => message);

describe('a ulimit', () => {
  const limits = {
    default: { ulimits: [{ name: 'nofile', soft: 10, hard: 20 }] },
    max: { ulimits: { nproc: 100 } },
  } as const;
  const asking = (name: string, soft: number, hard: number): readonly string[] =>
    messagesOf({ resources: { ulimits: [{ name, soft, hard }] } }, { limits });

  it('may be as much as is allowed, in both of its parts', () => {
    expect(asking('nproc', 100, 100)).toEqual([]);
    expect(asking('nproc', 1, 101)).toEqual(['ulimit "nproc" may be at most 100']);
    expect(asking('nproc', 101, 100)).toEqual(['ulimit "nproc" may be at most 100']);
  });

  it('may always be no more than the default, which need not be listed', () => {
    expect(asking('nofile', 20, 20)).toEqual([]);
    const policy = { limits: { ...limits, max: { ulimits: { nofile: 5 } } } };
    const asked = (hard: number) =>
      messagesOf({ resources: { ulimits: [{ name: 'nofile', soft: 1, hard }] } }, policy);
    expect(asked(20)).toEqual([]);
    expect(asked(21)).toEqual(['ulimit "nofile" may be at most 5']);
  });

  it('that is not listed is refused, with those that are', () => {
    expect(asking('memlock', 1, 1)).toEqual([
      expect.stringMatching(
        /^ulimit "memlock" may not be asked for; allowed by limits\.max\.ulimits: .*nproc/,
      ),
    ]);
  });
});

describe('resources without a maximum', () => {
  it('may be asked for in any amount', () => {
    const max = { cpus: null, tmpfsBytes: null };
    expect(messagesOf({ resources: { cpus: 1e6 } }, { limits: { max } })).toEqual([]);
    expect(messagesOf({ tmpfs: [{ path: '/a', sizeBytes: 2 ** 50 }] }, { limits: { max } })).toEqual([]);
  });

  it('of tmpfs are counted together, a size that is not given as that of /tmp', () => {
    const policy = { limits: { max: { tmpfsBytes: 100 } }, security: { tmpBytes: 60 } };
    expect(
      messagesOf(
        {
          tmpfs: [{ path: '/a', sizeBytes: 40 }, { path: '/b' }],
        },
        policy,
      ),
    ).toEqual([]);
    expect(
      messagesOf(
        {
          tmpfs: [{ path: '/a', sizeBytes: 41 }, { path: '/b' }],
        },
        policy,
      ),
    ).toEqual([expect.stringContaining('101')]);
  });
});

describe('a user', () => {
  const caller = { uid: 501, gid: 20 };

  it('of the operator’s may be root without a further word, and is named as the operator’s', () => {
    expect(messagesOf({}, { security: { user: '0:0' } })).toEqual([]);
    expect(judge({}, { security: { user: '7:7' } }, { caller }).violations).toMatchObject([
      {
        path: 'policy.security.user',
        message:
          "user 7:7 is not the caller's (501:20), and only a root caller can give files to another user",
      },
    ]);
  });

  it.each([
    ['501', []],
    ['501:20', []],
    ['501:21', ['docker.user']],
    ['502', ['docker.user']],
    ['502:20', ['docker.user']],
  ])('%s of a caller who is not root is refused at %j', (user, paths) => {
    expect(judge({ user }, {}, { caller }).violations.map(({ path }) => path)).toEqual(paths);
  });

  it.each([
    ['0', 1],
    ['0:5', 1],
    ['5:0', 1],
    ['5', 0],
    ['5:5', 0],
  ])('%s is root in %i of its parts', (user, objections) => {
    expect(judge({ user }).violations).toHaveLength(objections);
    expect(judge({ user }, { security: { allowRoot: true } }).violations).toEqual([]);
  });
});

describe('a GPU', () => {
  it('is had only by who asks for one and may have it', () => {
    const gpu = { enabled: true };
    expect([
      judge({}, { gpu }).gpu,
      judge({ requiresGpu: true }, { gpu }).gpu,
      judge({ requiresGpu: true }).gpu,
    ]).toEqual([false, true, false]);
  });
});

describe('mounts', () => {
  it('one root of several is enough', () => {
    const configFile = { filename: 'x', mountPath: '/data/x', format: 'json' } as const;
    const subject = toPolicySubject(requestWith({}, { configFile }));
    const policy = parsePolicy({ security: { mountRoots: ['/opt', '/data'] } });
    expect(evaluatePolicy(subject, policy).violations).toEqual([]);
  });
});

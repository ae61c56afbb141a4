import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import { parseConfig } from '../../src/config/parse.js';
import type { JobDefinition } from '../../src/job/definition.js';
import type { jobSchema } from '../../src/job/schema.js';
import { parseJobShape, type Validation, validateJob, type ValidJob } from '../../src/job/validate.js';
import { DOCUMENT_JOB } from './document-job.js';

const CONFIG = parseConfig();
const IMAGE = 'busybox:1';

const codesOf = (validation: Validation<ValidJob>): readonly string[] =>
  validation.ok ? [] : validation.issues.map(({ code }) => code);

/** Runs everything that may be handed a definition and expects an answer, not an exception. */
function expectAnswer(definition: unknown): Validation<ValidJob> {
  const validation = validateJob(definition, CONFIG);
  expect(typeof validation.ok).toBe('boolean');
  if (!validation.ok) expect(validation.issues.length).toBeGreaterThan(0);
  return validation;
}

describe('validateJob', () => {
  it('accepts the example of the document', () => {
    expect(validateJob(DOCUMENT_JOB, CONFIG)).toMatchObject({ ok: true, warnings: [] });
  });

  it('gives a frozen job that later changes of the definition do not reach', () => {
    const definition = { docker: { image: IMAGE, command: ['true'] } };
    const validation = validateJob(definition, CONFIG);
    definition.docker.command.push('false');
    if (!validation.ok) throw new Error('the definition is valid');
    expect(validation.job.docker.command).toEqual(['true']);
    expect(Object.isFrozen(validation.job.docker.command)).toBe(true);
    expect(Object.isFrozen(definition.docker)).toBe(false);
  });

  it('gives violations of policy as issues, with the path and what to do', () => {
    const config = parseConfig({ policy: { images: { allow: ['company-registry.local/*'] } } });
    const validation = validateJob({ docker: { image: IMAGE, requiresGpu: true } }, config);
    expect(validation.ok).toBe(false);
    expect(codesOf(validation).every((code) => code.startsWith('policy.'))).toBe(true);
    if (validation.ok) return;
    expect(validation.issues.map(({ path }) => path).sort()).toEqual(['docker.image', 'docker.requiresGpu']);
  });

  it.each([
    [{ enforceIsolation: true }, 'bridge'],
    [{ enforceIsolation: false, allowedModes: ['none'] as const }, 'bridge'],
    [{ enforceIsolation: false, allowOverride: false }, 'bridge'],
  ])('judges the network by %j', (network, networkMode) => {
    const config = parseConfig({ policy: { network } });
    const validation = validateJob({ docker: { image: IMAGE, networkMode } }, config);
    expect(validation).toMatchObject({ ok: false, issues: [{ path: 'docker.networkMode' }] });
  });

  it('does not judge what has the wrong shape', () => {
    const config = parseConfig({ policy: { images: { allow: ['other:1'] } } });
    expect(codesOf(validateJob({ docker: { image: IMAGE, volumes: [] } }, config))).toEqual([
      'validation.unknown_key',
    ]);
  });

  it('refuses a user other than the caller, unless root calls', () => {
    const definition = { docker: { image: IMAGE, user: '1234:1234' } };
    expect(validateJob(definition, CONFIG, { caller: { uid: 0, gid: 0 } }).ok).toBe(true);
    expect(validateJob(definition, CONFIG, { caller: { uid: 1234, gid: 1234 } }).ok).toBe(true);
    expect(codesOf(validateJob(definition, CONFIG, { caller: { uid: 7, gid: 7 } }))).toEqual(['policy.user']);
  });

  it('gives exactly one issue when the runtime is disabled, whatever the definition', () => {
    const disabled = parseConfig({ enabled: false });
    for (const definition of [DOCUMENT_JOB, {}, null]) {
      expect(validateJob(definition, disabled)).toEqual({
        ok: false,
        issues: [
          {
            code: 'runtime.disabled',
            path: '',
            message: 'Docker job runtime is disabled in this environment.',
          },
        ],
        warnings: [],
      });
    }
  });
});

describe('validateJob never throws', () => {
  it('on arbitrary values', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withSparseArray: true }), (value) => {
        expectAnswer(value);
      }),
    );
  });

  it('on arbitrary values in the place of any field', () => {
    const fields = [...Object.keys(DOCUMENT_JOB.docker), 'stdin', 'user', 'tmpfs', 'resources', 'platform'];
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.anything(), (field, value) => {
        expectAnswer({ docker: { ...DOCUMENT_JOB.docker, [field]: value } });
        expectAnswer({ docker: { image: IMAGE, [field]: [value] } });
      }),
    );
  });

  const cyclic: Record<string, unknown> = { image: IMAGE };
  cyclic['inputs'] = [cyclic];
  const deep = (depth: number): unknown => (depth === 0 ? 1 : { a: deep(depth - 1) });
  const throwing = (thrown: unknown): unknown => ({
    get docker(): unknown {
      throw thrown;
    },
  });
  const trap = (): never => {
    throw new Error('trap');
  };
  const hostile = new Proxy({}, { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap });
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();

  it.each<[string, unknown]>([
    ['a cycle', { docker: cyclic }],
    ['a cycle in parameters', { docker: { image: IMAGE }, defaultParameters: cyclic }],
    ['a cycle through a list', { docker: { image: IMAGE, command: [[cyclic]] } }],
    ['ten thousand levels', { docker: { image: IMAGE }, defaultParameters: deep(5_000) }],
    ['a throwing getter', throwing(new Error('secret text'))],
    ['a getter that throws nothing', throwing(undefined)],
    ['a getter that throws a hostile proxy', throwing(hostile)],
    ['a hostile proxy', hostile],
    ['a hostile proxy inside', { docker: hostile }],
    ['a revoked proxy', revoked.proxy],
    ['a revoked proxy inside', { docker: { image: IMAGE, inputs: revoked.proxy } }],
    ['a list of four thousand million holes', { docker: { image: IMAGE, command: new Array(2 ** 32 - 1) } }],
    ['class instances', { docker: { image: IMAGE, environment: new Map([['A', 'b']]) } }],
    ['a parameter that is no JSON', { docker: { image: IMAGE }, defaultParameters: { at: new Date(0) } }],
    ['symbols and big integers', { docker: { image: Symbol('x'), user: 5n } }],
  ])('on %s', (_, definition) => {
    const validation = expectAnswer(definition);
    expect(validation.ok).toBe(false);
    expect(JSON.stringify(validation)).not.toContain('secret text');
  });

  it.each([
    ['docker', '{"docker":{"image":"busybox:1","__proto__":{"networkMode":"bridge"}}}'],
    ['docker.environment', '{"docker":{"image":"busybox:1","environment":{"__proto__":"x"}}}'],
    ['defaultParameters', '{"docker":{"image":"busybox:1"},"defaultParameters":{"__proto__":{"a":1}}}'],
  ])('and lets no prototype through in %s', (path, json) => {
    expect(validateJob(JSON.parse(json), CONFIG)).toMatchObject({
      ok: false,
      issues: [{ code: 'validation.unreadable', path: `${path}.__proto__` }],
    });
  });

  it('reads each value once, so that a getter cannot give another one after the check', () => {
    let reads = 0;
    const validation = parseJobShape({
      docker: {
        get image(): string {
          reads += 1;
          return reads === 1 ? IMAGE : 'other:1';
        },
      },
    });
    expect(validation).toMatchObject({ ok: true, job: { docker: { image: IMAGE } } });
    expect(reads).toBe(1);
  });
});

describe('parseJobShape warns', () => {
  it('of a top-level key that looks like a misspelt one, and passes over the others', () => {
    const validation = parseJobShape({ timoutMs: 5, anything: 1, docker: { image: IMAGE } });
    expect(validation).toMatchObject({
      ok: true,
      warnings: [{ code: 'validation.unknown_key', path: 'timoutMs' }],
    });
    expect(validation.warnings[0]?.message).toContain('"timeoutMs"');
  });

  it.each([
    ['out/{runId}/a', '{runId}'],
    ['out/{{runId}}/a', '{{runId}}'],
    ['{{ attempt }}/a', '{{ attempt }}'],
  ])('passes over the placeholder of other systems in %j with a warning', (pathTemplate, written) => {
    const output = { workspacePath: 'a', upload: { backendMountId: 1, pathTemplate } };
    const { ok, warnings } = parseJobShape({ docker: { image: IMAGE, outputs: [output] } });
    expect(ok).toBe(true);
    expect(warnings).toMatchObject([
      { code: 'validation.literal_placeholder', path: 'docker.outputs.0.upload.pathTemplate' },
    ]);
    expect(warnings[0]?.message).toContain(`"${written}"`);
    expect(warnings[0]?.message).toMatch(/written \$\{(?:runId|attempt)\}$/);
  });

  it.each(['out/${runId}/a', 'out/{other}/a', 'a/{b}'])('has nothing to say of %j', (pathTemplate) => {
    const output = { workspacePath: 'a', upload: { backendMountId: 1, pathTemplate } };
    expect(parseJobShape({ docker: { image: IMAGE, outputs: [output] } }).warnings).toEqual([]);
  });
});

describe('types', () => {
  it('take a constant definition as a JobDefinition', () => {
    expectTypeOf(DOCUMENT_JOB).toExtend<JobDefinition>();
    expectTypeOf<{ docker: { image: number } }>().not.toExtend<JobDefinition>();
  });

  it('take what the schema takes', () => {
    type Written = z.input<ReturnType<typeof jobSchema>>;
    type Mutable<T> = T extends infer I extends string | number | boolean | undefined
      ? I
      : T extends readonly (infer E)[]
        ? Mutable<E>[]
        : { -readonly [K in keyof T]: Mutable<T[K]> };
    expectTypeOf<Mutable<JobDefinition['docker']>>().toExtend<Written['docker']>();
    // The type forbids value and secret together; the schema says so in words of its own.
    expectTypeOf<Omit<Written['docker'], 'environment'>>().toExtend<
      Omit<JobDefinition['docker'], 'environment'>
    >();
    expectTypeOf<keyof JobDefinition['docker']>().toEqualTypeOf<keyof Written['docker']>();
    expectTypeOf<Written['docker']['image']>().toEqualTypeOf<string>();
  });
});

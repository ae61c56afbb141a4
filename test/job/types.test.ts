import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type { compileJob } from '../../src/job/compile.js';
import type { EnvironmentEntry, JobDefinition } from '../../src/job/definition.js';
import type { jobSchema } from '../../src/job/schema.js';
import { parseJobShape, type Validation, type ValidJob } from '../../src/job/validate.js';
import { DOCUMENT_JOB } from './document-job.js';

const docker = <T extends object>(rest: T): { readonly docker: { readonly image: 'a:1' } & T } => ({
  docker: { image: 'a:1', ...rest },
});

describe('JobDefinition', () => {
  it('keeps the literals of a constant definition', () => {
    expectTypeOf(DOCUMENT_JOB).toExtend<JobDefinition>();
    expectTypeOf(DOCUMENT_JOB.docker.networkMode).toEqualTypeOf<'none'>();
    expectTypeOf(DOCUMENT_JOB.docker.environment[1].secret.source).toEqualTypeOf<'store'>();
    expect(parseJobShape(DOCUMENT_JOB).ok).toBe(true);
  });

  it('takes what validation takes', () => {
    const taken = [
      docker({ environment: { A: '', B: { secret: { source: 'env', key: 'K' } } } }),
      docker({ outputs: [{ workspacePath: 'o', upload: 'caller' }] }),
      docker({ inputs: [{ source: { type: 'inline', content: '' }, workspacePath: 'i', writable: false }] }),
      docker({ inputs: [{ source: { type: 'filestoreNode', nodeId: 'n' }, workspacePath: 'i' }] }),
      docker({ resources: { memoryBytes: '512m', cpus: 0.5 }, tmpfs: [{ path: '/t', sizeBytes: 4096 }] }),
      { ...docker({ command: undefined }), owner: { team: 'x' } },
    ] as const satisfies readonly JobDefinition[];
    for (const definition of taken) expect(parseJobShape(definition).ok).toBe(true);
  });

  it('refuses what validation refuses', () => {
    const refused: readonly JobDefinition[] = [
      // @ts-expect-error an image is required
      { docker: {} },
      // @ts-expect-error a command is a list
      docker({ command: 'ls -l' }),
      // @ts-expect-error only none and bridge
      docker({ networkMode: 'host' }),
      // @ts-expect-error inputs are read-only
      docker({ inputs: [{ source: { type: 'inline', content: '' }, workspacePath: 'i', writable: true }] }),
      // @ts-expect-error a value is text
      docker({ environment: [{ name: 'A', value: 5 }] }),
      // @ts-expect-error a value is text, in a map too
      docker({ environment: { A: true } }),
      // @ts-expect-error either a value or a secret
      docker({ environment: [{ name: 'A', value: '', secret: { source: 'env', key: 'K' } }] }),
      // @ts-expect-error no such source
      docker({ inputs: [{ source: { type: 's3' }, workspacePath: 'i' }] }),
      // @ts-expect-error a mode is file or directory
      docker({
        outputs: [{ workspacePath: 'o', upload: { backendMountId: 1, pathTemplate: 'a', mode: 'x' } }],
      }),
    ];
    for (const definition of refused) expect(parseJobShape(definition).ok).toBe(false);
  });

  it('has a variable hold a value or a secret, never both', () => {
    interface Both {
      name: string;
      value: string;
      secret: { source: 'env'; key: string };
    }
    expectTypeOf<Both>().not.toExtend<EnvironmentEntry>();
    expectTypeOf<{ name: string }>().not.toExtend<EnvironmentEntry>();
  });
});

describe('JobDefinition and the schema', () => {
  type Written = z.input<ReturnType<typeof jobSchema>>;

  it('have the same keys everywhere', () => {
    type Docker = JobDefinition['docker'];
    type Entry<T> = T extends readonly (infer E)[] | undefined ? E : never;
    type Both<K extends keyof Docker & keyof Written['docker']> = [
      keyof Entry<Docker[K]>,
      keyof Entry<Written['docker'][K]>,
    ];
    expectTypeOf<keyof Docker>().toEqualTypeOf<keyof Written['docker']>();
    expectTypeOf<Both<'inputs'>[0]>().toEqualTypeOf<Both<'inputs'>[1]>();
    expectTypeOf<Both<'outputs'>[0]>().toEqualTypeOf<Both<'outputs'>[1]>();
    expectTypeOf<Both<'tmpfs'>[0]>().toEqualTypeOf<Both<'tmpfs'>[1]>();
    expectTypeOf<keyof NonNullable<Docker['configFile']>>().toEqualTypeOf<
      keyof NonNullable<Written['docker']['configFile']>
    >();
    expectTypeOf<keyof NonNullable<Docker['resources']>>().toEqualTypeOf<
      keyof NonNullable<Written['docker']['resources']>
    >();
  });

  it('agree on enumerations', () => {
    type Docker = JobDefinition['docker'];
    expectTypeOf<Docker['networkMode']>().toEqualTypeOf<Written['docker']['networkMode']>();
    type OneOf<T> = T extends readonly (infer Each)[] ? Each : T;
    expectTypeOf<OneOf<Docker['imagePullPolicy']>>().toEqualTypeOf<
      OneOf<Written['docker']['imagePullPolicy']>
    >();
    expectTypeOf<NonNullable<Docker['configFile']>['format']>().toEqualTypeOf<
      NonNullable<Written['docker']['configFile']>['format']
    >();
  });
});

describe('ValidJob', () => {
  it('is made by validation alone', () => {
    expectTypeOf<z.output<ReturnType<typeof jobSchema>>>().not.toExtend<ValidJob>();
    expectTypeOf<JobDefinition>().not.toExtend<ValidJob>();
    expectTypeOf<Parameters<typeof compileJob>[0]>().toEqualTypeOf<ValidJob>();
  });

  it('is there only after asking whether it is', () => {
    expectTypeOf<Extract<Validation<ValidJob>, { ok: true }>['job']>().toEqualTypeOf<ValidJob>();
    expectTypeOf<Extract<Validation<ValidJob>, { ok: false }>>().not.toHaveProperty('job');
  });
});

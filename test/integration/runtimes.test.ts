/** The runtime a job runs in: one the operator names and the engine has. What it is shows in the kernel a job sees. */
import { release } from 'node:os';
import { type JobDefinition, JobRuntimeError } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { attempt, type Security } from './runtime-attempt.js';

describe('a runtime the engine does not have', () => {
  it.each<[string, Security, Partial<JobDefinition['docker']>]>([
    ['policy.security.runtime', { runtime: 'absent' }, {}],
    ['docker.security.runtime', { allowedRuntimes: ['absent'] }, { security: { runtime: 'absent' } }],
  ])('by %s is refused before anything is created', async (field, security, docker) => {
    const { outcome, asked } = await attempt(security, docker);
    expect(JobRuntimeError.isInstance(outcome) && outcome.code).toBe('engine.unsupported');
    expect(outcome).toMatchObject({ details: { field }, hint: expect.stringContaining('runc') as string });
    expect(asked).toEqual([]);
  });
});

it('is one the job asks for, where the operator lets it', async () => {
  const { outcome, asked } = await attempt({ allowedRuntimes: ['runc'] }, { security: { runtime: 'runc' } });
  expect(outcome).toMatchObject({ status: 'succeeded', stdout: { text: `${release()}\nin` } });
  expect(asked).toEqual(['runc']);
});

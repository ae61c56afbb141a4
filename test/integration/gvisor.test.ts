/** Jobs in gVisor, on the engine that `npm run test:runsc` provides. */
import { release } from 'node:os';
import type { JobDefinition } from 'berthkit';
import { expect, it } from 'vitest';
import { attempt, type Security } from './runtime-attempt.js';

it.each<[string, Security, Partial<JobDefinition['docker']>]>([
  ['of the operator', { runtime: 'runsc' }, {}],
  ['asked for by the job', { allowedRuntimes: ['runsc'] }, { security: { runtime: 'runsc' } }],
])('gVisor %s is the kernel the job sees', async (_, security, docker) => {
  const { outcome, asked } = await attempt(security, docker);
  expect(outcome).toMatchObject({ status: 'succeeded' });
  const { stdout } = outcome as { readonly stdout: { readonly text: string } };
  expect(stdout.text).toMatch(/^4\.4\.0\nin$/);
  expect(stdout.text).not.toContain(release());
  expect(asked).toEqual(['runsc']);
});

/** Jobs in gVisor, on the engine that `npm run test:runsc` provides. */
import { release } from 'node:os';
import type { EnforcedLimit, JobDefinition } from 'berthkit';
import { expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { attempt, type Security } from './runtime-attempt.js';
import { testRuntime } from './setup.js';

/** What a container in gVisor cannot show. */
const HIDDEN: readonly EnforcedLimit[] = ['cpu', 'no_new_privileges'];
/** The engine misses kills for lack of memory while it is busy, and no control group is shown that could say it instead. */
const UNSURE: EnforcedLimit = 'memory';

it('doctor sees every limit that shows in gVisor, and is healthy where the others are accepted by name', async () => {
  const image = await ensureImage('busybox');
  const security = { acceptUnenforced: [...HIDDEN, UNSURE] };
  const runtime = await testRuntime({ policy: { images: { allow: [image] }, security } });
  const { limits, checks, healthy } = await runtime.doctor({ image });
  expect(limits.map(({ state }) => state)).not.toContain('not_enforced');
  const hidden = limits.filter(({ limit, state }) => state !== 'enforced' && limit !== UNSURE);
  expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
  expect(hidden.map(({ limit }) => limit)).toEqual(HIDDEN);
  for (const { state, remedy } of hidden)
    expect([state, remedy]).toEqual(['not_checked', expect.stringMatching(/acceptUnenforced/)]);
  expect(healthy).toBe(true);
});

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

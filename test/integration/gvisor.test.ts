/** Jobs in gVisor, on the engine that `npm run test:runsc` provides. */
import { release } from 'node:os';
import type { ContainerEngine, EnforcedLimit, JobDefinition } from 'berthkit';
import { expect, it, onTestFinished } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { attempt, type Security } from './runtime-attempt.js';
import { testRuntime } from './setup.js';
import { testEngine } from './test-engine.js';

/** What a container in gVisor cannot show. */
const HIDDEN: readonly EnforcedLimit[] = ['cpu', 'no_new_privileges'];

async function examine(engine: ContainerEngine) {
  const image = await ensureImage('busybox');
  const security = { acceptUnenforced: HIDDEN };
  const runtime = await testRuntime({ policy: { images: { allow: [image] }, security } }, { engine });
  onTestFinished(() => engine.close());
  return runtime.doctor({ image });
}

it('doctor sees every limit that shows in gVisor, and is healthy where the others are accepted by name', async () => {
  const { limits, checks, healthy } = await examine(testEngine());
  expect(limits.map(({ state }) => state)).not.toContain('not_enforced');
  const hidden = limits.filter(({ state }) => state !== 'enforced');
  expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
  expect(hidden.map(({ limit }) => limit)).toEqual(HIDDEN);
  for (const { state, remedy } of hidden)
    expect([state, remedy]).toEqual(['not_checked', expect.stringMatching(/acceptUnenforced/)]);
  expect(healthy).toBe(true);
});

it('doctor sees that memory is limited also where the engine misses why a process was killed', async () => {
  const engine = testEngine();
  const inspect: typeof engine.containers.inspect = async (id, options) => {
    const info = await engine.containers.inspect(id, options);
    return info === null ? null : { ...info, oomKilled: false };
  };
  const { limits, healthy } = await examine({ ...engine, containers: { ...engine.containers, inspect } });
  expect(limits.find(({ limit }) => limit === 'memory')).toMatchObject({
    state: 'enforced',
    evidence: expect.stringContaining('ended well with') as string,
  });
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

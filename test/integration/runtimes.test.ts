/** The runtime a job runs in: one the operator names and the engine has. What it is shows in the kernel a job sees. */
import { release } from 'node:os';
import { dockerEngine, type JobDefinition, JobRuntimeError, type RuntimeConfigInput } from 'berthkit';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { startEngineProxy } from '../proxy/engine-proxy.js';
import { engineHost, testRuntime } from './setup.js';

const engine = dockerEngine({ host: engineHost() });
const { runtimes } = await engine.info();
await engine.close();

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

type Security = NonNullable<RuntimeConfigInput['policy']>['security'];

async function attempt(security: Security, docker: Partial<JobDefinition['docker']> = {}) {
  const proxy = await startEngineProxy({ engine: engineHost() });
  onTestFinished(async () => proxy.close());
  const runtime = await testRuntime({ engine: { host: proxy.host }, policy: { security } });
  const command = ['sh', '-c', 'uname -r; cat in.txt > out.txt; cat out.txt'];
  const inputs = [{ source: { type: 'inline', content: 'in' }, workspacePath: 'in.txt' }] as const;
  const definition = { docker: { image, command, inputs, workingDirectory: '/workspace', ...docker } };
  const outcome = await runtime.runJob(definition).catch((error: unknown) => error);
  const created = proxy.calls.filter(({ path }) => path === '/containers/create');
  const bodies = created.map(
    ({ body }) => JSON.parse(body.toString()) as { HostConfig: { Runtime?: string } },
  );
  return { outcome, asked: bodies.map(({ HostConfig }) => HostConfig.Runtime) };
}

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

// `npm run test:runsc` provides an engine that has it.
describe.skipIf(!runtimes.includes('runsc'))('gVisor', () => {
  it.each<[string, Security, Partial<JobDefinition['docker']>]>([
    ['of the operator', { runtime: 'runsc' }, {}],
    ['asked for by the job', { allowedRuntimes: ['runsc'] }, { security: { runtime: 'runsc' } }],
  ])('%s is the kernel the job sees', async (_, security, docker) => {
    const { outcome, asked } = await attempt(security, docker);
    expect(outcome).toMatchObject({ status: 'succeeded' });
    const { stdout } = outcome as { readonly stdout: { readonly text: string } };
    expect(stdout.text).toMatch(/^4\.4\.0\nin$/);
    expect(stdout.text).not.toContain(release());
    expect(asked).toEqual(['runsc']);
  });
});

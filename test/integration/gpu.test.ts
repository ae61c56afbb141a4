/** What an engine is asked for by a job that wants GPUs, on the wire of a real engine that has none. */
import { type JobDefinition, JobRuntimeError } from 'berthkit';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { startEngineProxy } from '../proxy/engine-proxy.js';
import { hostConfigsOfJobs } from './created-jobs.js';
import { testRuntime } from './setup.js';
import { connectToEngine } from './test-engine.js';

type Docker = Partial<JobDefinition['docker']>;

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

async function attempt(docker: Docker, preflight: boolean) {
  const proxy = await startEngineProxy({ engine: connectToEngine });
  onTestFinished(async () => proxy.close());
  const runtime = await testRuntime({
    engine: { host: proxy.host },
    policy: { gpu: { enabled: true, preflight } },
  });
  const definition = { slug: 'gpu', docker: { image, command: ['true'], ...docker } };
  const outcome = await runtime.runJob(definition).catch((error: unknown) => error);
  return { outcome, requests: hostConfigsOfJobs(proxy.calls).map((each) => each['DeviceRequests']) };
}

const asked = (fields: object, ...capabilities: readonly string[]) => [
  { Driver: '', ...fields, Capabilities: [['gpu', ...capabilities]], Options: {} },
];

describe('a job that wants GPUs', () => {
  it.each<[Docker, unknown]>([
    [{ requiresGpu: true }, asked({ Count: -1 })],
    [{ resources: { gpu: { count: 2 } } }, asked({ Count: 2 })],
    [
      { resources: { gpu: { ids: ['0', 'GPU-fef8089b'], capabilities: ['compute', 'video'] } } },
      asked({ DeviceIDs: ['0', 'GPU-fef8089b'] }, 'compute', 'video'),
    ],
  ])(
    '%j asks for them in the body, is attested, and fails at the start without a driver',
    async (docker, expected) => {
      const { outcome, requests } = await attempt(docker, false);
      expect(requests).toEqual([expected]);
      expect(JobRuntimeError.isInstance(outcome) && outcome.code).toBe('engine.gpu_unavailable');
      expect((outcome as JobRuntimeError).message).toMatch(/could not select device driver/);
    },
  );

  it('is refused before anything is created where the engine shows none', async () => {
    const { outcome, requests } = await attempt({ requiresGpu: true }, true);
    expect(outcome).toMatchObject({
      code: 'engine.gpu_unavailable',
      details: { field: 'docker.requiresGpu' },
    });
    expect(requests).toEqual([]);
  });

  it('asks for none where the job does not', async () => {
    const { outcome, requests } = await attempt({}, true);
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(requests).toEqual([undefined]);
  });
});

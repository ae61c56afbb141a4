/** A job tried under some rules for runtimes: what came of it, and in which runtime a container was asked for. */
import type { JobDefinition, RuntimeConfigInput } from 'berthkit';
import { onTestFinished } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { startEngineProxy } from '../proxy/engine-proxy.js';
import { hostConfigsOfJobs } from './created-jobs.js';
import { testRuntime } from './setup.js';
import { connectToEngine } from './test-engine.js';

export type Security = NonNullable<RuntimeConfigInput['policy']>['security'];

/** The result, or the error there was instead; and the runtime of each container that was to be made. */
export interface Attempted {
  readonly outcome: unknown;
  readonly asked: readonly unknown[];
}

export async function attempt(
  security: Security,
  docker: Partial<JobDefinition['docker']> = {},
): Promise<Attempted> {
  const image = await ensureImage('busybox');
  const proxy = await startEngineProxy({ engine: connectToEngine });
  onTestFinished(async () => proxy.close());
  const runtime = await testRuntime({ engine: { host: proxy.host }, policy: { security } });
  const command = ['sh', '-c', 'uname -r; cat in.txt > out.txt; cat out.txt'];
  const inputs = [{ source: { type: 'inline', content: 'in' }, workspacePath: 'in.txt' }] as const;
  const definition = { docker: { image, command, inputs, workingDirectory: '/workspace', ...docker } };
  const outcome = await runtime.runJob(definition).catch((error: unknown) => error);
  return { outcome, asked: hostConfigsOfJobs(proxy.calls).map(({ Runtime }) => Runtime) };
}

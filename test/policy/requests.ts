/** Requests for policy and plan tests: a plain one, with what a test changes. */
import type { ContainerDraft, RunRequest } from '../../src/plan/container-spec.js';

/** A request for `busybox:1` that asks for nothing. */
export function requestWith(
  container: Partial<ContainerDraft> = {},
  rest: Partial<Omit<RunRequest, 'container'>> = {},
): RunRequest {
  return {
    job: { slug: 'demo', id: null, version: null },
    container: {
      image: 'busybox:1',
      platform: null,
      pullPolicies: [],
      entryPoint: [],
      command: ['true'],
      workingDirectory: null,
      workspaceMountPath: '/workspace',
      environment: [],
      networkMode: null,
      requiresGpu: false,
      runtime: null,
      resources: {},
      user: null,
      tmpfs: [],
      stdin: null,
      ...container,
    },
    inputs: [],
    outputs: [],
    configFile: null,
    parameters: {},
    timeouts: {},
    retry: {},
    ...rest,
  };
}

/** An optional input without a byte. */
export const inlineInput = (
  workspacePath: string,
  mountPath: string | null = null,
): RunRequest['inputs'][number] => ({
  id: null,
  source: { type: 'inline', content: '', encoding: 'utf8' },
  workspacePath,
  mountPath,
  optional: true,
});

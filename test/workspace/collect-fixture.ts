/** Calls the collector for tests. It asserts nothing. */
import { join } from 'node:path';
import type { OutputRequest } from '../../src/plan/container-spec.js';
import { memoryStorage } from '../../src/storage/memory.js';
import { type CollectedOutputs, collectOutputs, type CollectOptions } from '../../src/workspace/collect.js';
import type { Workspace } from '../../src/workspace/create.js';
import { noSignal } from '../host/scratch.js';
import { planOf } from './plan-fixture.js';

/** An upload to the mount `5`. */
export const to = (pathTemplate: string, more: object = {}): OutputRequest['upload'] => ({
  backendMountId: '5',
  pathTemplate,
  contentType: null,
  mode: null,
  overwrite: false,
  ...more,
});

/** Collects from a workspace with nothing but what is given. */
export const collect = async (
  workspace: Workspace,
  outputs: readonly Partial<OutputRequest>[],
  options: Partial<CollectOptions> & { limits?: object } = {},
): Promise<CollectedOutputs> =>
  collectOutputs(workspace, planOf({ outputs, limits: options.limits ?? {} }), {
    storage: {},
    outputTo: memoryStorage(),
    variables: { runId: 'r1', attempt: 2, startedAt: '2024-01-02T03:04:05.000Z' },
    succeeded: true,
    placeholders: new Set(),
    concurrency: 2,
    pause: async () => Promise.resolve(),
    onWarning: () => undefined,
    signal: noSignal(),
    ...options,
  });

/** A path in the writable part. */
export const at = (workspace: Workspace, path: string): string => join(workspace.workspacePath, path);

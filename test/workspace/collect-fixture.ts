/** Calls the collector for tests, and gathers what it tells of each output. */
import { join } from 'node:path';
import { expect } from 'vitest';
import type { OutputRequest } from '../../src/plan/container-spec.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { OutputReport } from '../../src/result.js';
import {
  type CollectedOutputs,
  collectOutputs,
  type CollectOptions,
  type OutputRefusal,
} from '../../src/workspace/collect.js';
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

/** What was collected, and what was told of each output. */
export interface Collected extends CollectedOutputs {
  /** In the order of the plan's outputs. */
  readonly reports: readonly OutputReport[];
  readonly missing: readonly string[];
  readonly rejected: readonly (OutputRefusal & { readonly workspacePath: string })[];
}

/** Collects from a workspace with nothing but what is given. */
export const collect = async (
  workspace: Workspace,
  outputs: readonly Partial<OutputRequest>[],
  options: Partial<CollectOptions> & { limits?: object } = {},
): Promise<Collected> => {
  const told: (readonly [OutputReport, OutputRefusal | null])[] = [];
  const collected = await collectOutputs(workspace, planOf({ outputs, limits: options.limits ?? {} }), {
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
    onOutput: (index, report, refusal) => {
      expect(told[index], 'an output is told of once').toBeUndefined();
      told[index] = [report, refusal];
      options.onOutput?.(index, report, refusal);
    },
  });
  return {
    ...collected,
    reports: told.map(([report]) => report),
    missing: told.flatMap(([{ state, workspacePath }]) => (state === 'missing' ? [workspacePath] : [])),
    rejected: told.flatMap(([{ workspacePath }, refusal]) =>
      refusal === null ? [] : [{ workspacePath, ...refusal }],
    ),
  };
};

/** A path in the writable part. */
export const at = (workspace: Workspace, path: string): string => join(workspace.workspacePath, path);

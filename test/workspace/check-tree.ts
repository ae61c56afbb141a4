/** Collects a hostile tree and checks what came of it. */
import { expect } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.js';
import type { CollectOptions } from '../../src/workspace/collect.js';
import type { Workspace } from '../../src/workspace/create.js';
import { collect, type Collected } from './collect-fixture.js';
import type { HostileTree } from './hostile-trees.js';

/** What was collected, and what was stored of each output. */
interface CollectedTree extends Collected {
  readonly stored: Readonly<Record<string, string>>;
}

/** Collects the outputs of a tree. */
export async function collectTree(
  workspace: Workspace,
  { outputs, limits = {} }: HostileTree,
  options: Partial<CollectOptions> = {},
): Promise<CollectedTree> {
  const outputTo = memoryStorage();
  const collected = await collect(workspace, outputs, { outputTo, limits, ...options });
  const stored = Object.entries(outputTo.files()).map(([path, bytes]) => [
    path,
    Buffer.from(bytes).toString(),
  ]);
  return { ...collected, stored: Object.fromEntries(stored) as CollectedTree['stored'] };
}

/** Fails unless everything is as expected. */
export function checkTree({ expected }: HostileTree, collected: CollectedTree): void {
  const { reports, rejected, stored } = collected;
  expect(reports.map(({ state }) => state)).toEqual(expected.map(({ state }) => state));
  const reasons = expected.flatMap(({ reason }) => reason ?? []);
  expect(rejected.map(({ reason }) => reason)).toEqual(
    reasons.map((reason) => expect.stringMatching(reason) as string),
  );
  for (const [index, { files, skipped }] of expected.entries()) {
    const report = reports[index];
    if (files !== undefined)
      expect(report?.files.map(({ path }) => path).sort()).toEqual(Object.keys(files).sort());
    if (skipped !== undefined) expect(report?.skipped).toEqual(skipped);
  }
  expect(stored).toEqual(Object.assign({}, ...expected.map(({ files }) => files ?? {})));
}

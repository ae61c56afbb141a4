/** A process that claims and ends runs in a file store until it is killed. Started by a test; no test itself. */
import { fileRunStore } from '../../src/run-store/file.js';
import type { RunPlan } from '../../src/plan/run-plan.js';

const [folder = '', name = ''] = process.argv.slice(2);
const store = fileRunStore(folder);
for (let index = 0; ; index += 1) {
  const runId = `${name}-${String(index)}`;
  await store.putIfAbsent({
    runId,
    key: runId,
    requestHash: 'h',
    instance: 'here',
    owner: name,
    jobSlug: null,
    metadata: {},
    startedAt: new Date().toISOString(),
    plan: { schemaVersion: 1 } as RunPlan,
  });
  if (index === 3) process.stdout.write('going\n');
  await store.append(runId, { name: 'started', attempt: 1, at: new Date().toISOString() });
  const error = { name: 'EngineError', kind: 'engine', code: 'engine.failed', message: runId } as const;
  await store.end(
    runId,
    { outcome: 'error', error },
    { keepsKey: index % 2 === 0, at: '2026-01-01T00:00:00.000Z' },
  );
}

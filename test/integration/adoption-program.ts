/** A process that begins one job, or adopts one, and stays; or ends itself with SIGKILL when a step is written down. Started by a test; no test itself. */
import { join } from 'node:path';
import { createRuntime, fileRunStore, filesystemStorage } from '../../src/index.js';
import { TOKEN, waitingJob } from './adoption-job.js';

const [root = '', instanceId = '', image = '', what = '', runId = ''] = process.argv.slice(2);

const store = fileRunStore(join(root, 'state', 'runs'));
const runtime = createRuntime(
  {
    ...{ workspaceRoot: join(root, 'work'), secretsRoot: join(root, 'secrets'), instanceId },
    policy: { secrets: { allowDisk: true } },
    ...{ stopGraceMs: 1_000, recovery: 'adopt' },
  },
  {
    runStore: {
      ...store,
      append: async (id, written) => {
        await store.append(id, written);
        // Nothing of this process runs after it: no handler, no finally.
        if (written.name === what) process.kill(process.pid, 'SIGKILL');
        if (written.name === 'started') process.stdout.write('started\n');
      },
    },
    storage: { out: filesystemStorage(join(root, 'out')) },
    resolveSecret: () => Promise.resolve(TOKEN),
  },
);
if (what === 'adopt') {
  const { actions } = await runtime.reconcile();
  process.stdout.write(`${JSON.stringify(actions.map(({ action }) => action))}\n`);
  setInterval(() => undefined, 60_000);
} else {
  const more = what === 'stdin' ? { stdin: 'all of it' } : {};
  await runtime.runJob(waitingJob(image, more), { runId, idempotencyKey: `key-${runId}` });
}

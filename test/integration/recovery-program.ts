/**
 * A process that runs one job and ends itself with SIGKILL when a step of it is written down, or stays: then it looks for what others left each
 * time it gets SIGUSR2, says what it found, and goes in order at SIGTERM. Started by a test; no test itself.
 */
import { join } from 'node:path';
import {
  createRuntime,
  fileRunStore,
  filesystemStorage,
  type RunEvent,
  type RuntimeConfigInput,
} from '../../src/index.js';
import { leftJob } from './recovery-job.js';
import { testWorkspace } from './test-workspace.js';

const [root = '', instanceId = '', image = '', step = '', runId = '', recovery = '{}'] =
  process.argv.slice(2);

const store = fileRunStore(join(root, 'state', 'runs'));
const runtime = createRuntime(
  {
    ...{ workspaceRoot: join(root, 'work'), secretsRoot: join(root, 'secrets'), instanceId },
    ...{ policy: { secrets: { allowDisk: true } }, workspace: testWorkspace },
    recovery: JSON.parse(recovery) as RuntimeConfigInput['recovery'],
  },
  {
    runStore: {
      ...store,
      append: async (id, written) => {
        await store.append(id, written);
        // Nothing of this process runs after it: no handler, no finally.
        if (written.name === step) process.kill(process.pid, 'SIGKILL');
      },
    },
    storage: { out: filesystemStorage(join(root, 'out')) },
    resolveSecret: () => Promise.resolve('hunter2-hunter2'),
    onEvent: ({ type }: RunEvent) => {
      if (type === 'container_started') process.stdout.write('started\n');
    },
  },
);
process.on('SIGUSR2', () => {
  void runtime.reconcile().then((report) => process.stdout.write(`${JSON.stringify(report)}\n`));
});
process.on('SIGTERM', () => void runtime.close({ drainMs: 0 }));
await runtime.runJob(leftJob({ image, pauseSeconds: step === 'stay' ? '1000' : '0.2' }), {
  ...{ runId, idempotencyKey: `key-${runId}` },
  files: { 'in.txt': 'in' },
});
await runtime.close();

/** A process that runs one job, its transport found out, says how its input got there, and ends itself with SIGKILL at a step. Started by a test; no test itself. */
import { join } from 'node:path';
import { createRuntime, fileRunStore, filesystemStorage } from '../../src/index.js';

const [root = '', instanceId = '', image = '', step = ''] = process.argv.slice(2);

const store = fileRunStore(join(root, 'state'));
const runtime = createRuntime(
  {
    ...{ workspaceRoot: join(root, 'work'), secretsRoot: join(root, 'secrets'), instanceId },
    workspace: { transport: 'auto' },
  },
  {
    runStore: {
      ...store,
      append: async (id, written) => {
        await store.append(id, written);
        if (written.name === step) process.kill(process.pid, 'SIGKILL');
      },
    },
    storage: { out: filesystemStorage(join(root, 'out')) },
  },
);
const result = await runtime.runJob(
  {
    slug: 'other-namespace',
    docker: {
      image,
      command: [
        'sh',
        '-c',
        'cd /workspace; cat given in; if [ -L in ]; then echo volume; else echo bind; fi; cat in > out.txt',
      ],
      inputs: [{ source: { type: 'inline', content: 'in ' }, workspacePath: 'in' }],
      outputs: [
        { workspacePath: 'out.txt', upload: { backendMountId: 'out', pathTemplate: '${runId}/out.txt' } },
      ],
    },
  },
  { runId: 'r1', files: { given: 'given ' } },
);
await runtime.close();
process.stdout.write(result.stdout.text ?? '');

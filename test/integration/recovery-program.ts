/** A process that runs one job and ends itself with SIGKILL at a step of it, or stays. Started by a test; no test itself. */
import { createRuntime, memoryStorage, type RunEvent } from '../../src/index.js';

const [workspaceRoot = '', instanceId = '', image = '', step = '', runId = ''] = process.argv.slice(2);

/** Nothing of this process runs after it: no handler, no finally. */
function dieAt(reached: string): void {
  if (reached === step) process.kill(process.pid, 'SIGKILL');
}

const out = memoryStorage();
const runtime = createRuntime(
  { workspaceRoot, instanceId, engine: { host: process.env['DOCKER_HOST'] ?? '' } },
  {
    storage: {
      out: {
        ...out,
        write: async (...given) => {
          dieAt('uploading');
          return out.write(...given);
        },
      },
    },
    resolveSecret: () =>
      Promise.resolve({
        value: 'hunter2-hunter2',
        release: () => {
          dieAt('cleaning_up');
        },
      }),
    onEvent: ({ type }: RunEvent) => {
      if (type === 'container_started') process.stdout.write('started\n');
      dieAt(type);
    },
  },
);
await runtime.runJob(
  {
    slug: 'left',
    docker: {
      image,
      command: ['sh', '-c', 'echo working; echo result > out.txt; sleep "$PAUSE"'],
      workingDirectory: '/workspace',
      environment: {
        PAUSE: step === 'stay' ? '1000' : '0.2',
        TOKEN: { secret: { source: 'store', key: 'token' } },
      },
      outputs: [{ workspacePath: 'out.txt', upload: { backendMountId: 'out', pathTemplate: 'out.txt' } }],
    },
  },
  { runId, files: { 'in.txt': 'in' } },
);
await runtime.close();

/** The job of the runs that are adopted: it has two secrets, waits in its workspace for word to go on, says what it knows and writes two files. Data only. */
import type { JobDefinition } from '../../src/index.js';

/** The value of both of its secrets. */
export const TOKEN = 'hunter2-hunter2';

/** The definition. */
export function waitingJob(image: string, more: Partial<JobDefinition['docker']> = {}): JobDefinition {
  const secret = { source: 'store', key: 'token' } as const;
  const script = [
    'echo before; echo a > a.txt',
    'until [ -e go ]; do sleep 0.1; done',
    'echo "after $PLAIN"; cat "$TOKEN"; echo; echo b > b.txt',
  ].join('; ');
  return {
    slug: 'waiting',
    timeoutMs: 600_000,
    retry: { maxAttempts: 2, on: ['user', 'infrastructure'] },
    docker: {
      image,
      command: ['sh', '-c', script],
      workingDirectory: '/workspace',
      environment: { TOKEN: { secret, as: 'file' }, PLAIN: { secret, as: 'env' } },
      outputs: ['a.txt', 'b.txt'].map((workspacePath) => ({
        workspacePath,
        upload: { backendMountId: 'out', pathTemplate: `results/${workspacePath}` },
      })),
      ...more,
    },
  };
}

/** The job of the processes that are killed: it has a secret, says something, writes two files and takes its time. Data only. */
import type { JobDefinition } from '../../src/index.js';

/** The definition. */
export function leftJob({ image, pauseSeconds }: { image: string; pauseSeconds: string }): JobDefinition {
  return {
    slug: 'left',
    docker: {
      image,
      command: ['sh', '-c', 'echo working; echo a > a.txt; echo b > b.txt; sleep "$PAUSE"'],
      workingDirectory: '/workspace',
      environment: {
        PAUSE: pauseSeconds,
        TOKEN: { secret: { source: 'store', key: 'token' }, as: 'file' },
      },
      outputs: ['a.txt', 'b.txt'].map((workspacePath) => ({
        workspacePath,
        upload: { backendMountId: 'out', pathTemplate: `results/${workspacePath}` },
      })),
    },
  };
}

/** Variables that an image brings along and policy has emptied: seen by what the job's programs are given. */
import { beforeAll, expect, it } from 'vitest';
import { buildVariant } from '../../scripts/image-kit/image-kit.js';
import { testRuntime } from './setup.js';

let image = '';
beforeAll(async () => {
  image = await buildVariant({
    changes: ['ENV LD_PRELOAD=/evil.so', 'ENV ENV=/etc/evil.sh', 'ENV KEPT=kept', 'ENV NODE_OPTIONS=--evil'],
  });
});

const SCRIPT = 'for name in LD_PRELOAD ENV KEPT NODE_OPTIONS; do eval "echo $name=\\$$name"; done';
const seen = async (patterns: readonly string[]): Promise<readonly string[]> => {
  const policy = { security: { emptiedImageVariables: patterns } };
  const runtime = await testRuntime({ policy });
  const definition = {
    docker: { image, command: ['sh', '-c', SCRIPT], environment: { NODE_OPTIONS: '--mine' } },
  };
  const { pending } = runtime.explain(definition);
  expect(pending.join().includes('is empty, unless the job sets it')).toBe(patterns.length > 0);
  const result = await runtime.runJob(definition);
  expect(result).toMatchObject({ status: 'succeeded', warnings: [] });
  return result.stdout.text?.trim().split('\n') ?? [];
};

it('are empty in the job where a pattern names them, and what the job sets is its own', async () => {
  expect(await seen(['LD_*', 'ENV', 'NODE_OPTIONS'])).toEqual([
    'LD_PRELOAD=',
    'ENV=',
    'KEPT=kept',
    'NODE_OPTIONS=--mine',
  ]);
});

it('are as the image has them where policy says nothing', async () => {
  expect(await seen([])).toEqual([
    'LD_PRELOAD=/evil.so',
    'ENV=/etc/evil.sh',
    'KEPT=kept',
    'NODE_OPTIONS=--mine',
  ]);
});

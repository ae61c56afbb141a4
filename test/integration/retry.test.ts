/** Further attempts on a real engine: another container, another workspace, and the first one's end on record. */
import { createHash } from 'node:crypto';
import { memoryStorage, type RunEvent } from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { testRuntime } from './setup.js';
import { testEngine } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

const jobOf = (script: string) =>
  ({
    slug: 'retried',
    retry: { maxAttempts: 3, initialDelayMs: 1, jitter: 'none' },
    docker: {
      image,
      command: ['sh', '-c', script],
      workingDirectory: '/workspace',
      configFile: { filename: 'run.json' },
      outputs: [{ workspacePath: 'out.txt', upload: 'caller' }],
    },
  }) as const;

describe('a run is tried again', { timeout: 180_000 }, () => {
  it('when a stranger removes its container, and what was written then is not there', async () => {
    const runtime = await testRuntime();
    const stranger = testEngine();
    const names: string[] = [];
    const onEvent = (event: RunEvent): void => {
      if (event.type !== 'container_started') return;
      names.push(event.containerName);
      if (event.attempt < 3) void removeByName(event.containerName);
    };
    const removeByName = async (name: string): Promise<void> => {
      const found = await stranger.containers.inspect(name);
      if (found !== null) await stranger.containers.remove(found.id);
    };
    const script = 'ls mark; touch mark; grep -q \'"attempt": 3\' run.json || sleep 100; echo done > out.txt';
    const outputTo = memoryStorage();
    const result = await runtime.runJob(jobOf(script), { runId: 'abc', outputTo, onEvent });
    await stranger.close();
    expect(result).toMatchObject({ status: 'succeeded', attempt: 3 });
    expect(result.attempts.map(({ reason }) => reason)).toEqual([
      'externally_removed',
      'externally_removed',
      'completed',
    ]);
    expect(names).toEqual(['berthkit-retried-abc-1', 'berthkit-retried-abc-2', 'berthkit-retried-abc-3']);
    expect(result.stderr.text).toContain('No such file');
    expect(Object.keys(outputTo.files())).toEqual(['out.txt']);
  });

  it('after a failure of the job where that is asked for, with the same stream as standard input', async () => {
    const runtime = await testRuntime();
    const stdin = (async function* () {
      for (let line = 0; line < 3_000; line += 1) {
        yield await Promise.resolve(Buffer.from(`${String(line).padStart(3_999, '.')}\n`));
      }
    })();
    const result = await runtime.runJob(
      jobOf('md5sum > out.txt; cat out.txt; grep -q \'"attempt": 2\' run.json'),
      { stdin, outputTo: memoryStorage(), retry: { on: ['user'] } },
    );
    expect(result).toMatchObject({ status: 'succeeded', attempt: 2 });
    const hash = createHash('md5');
    for (let line = 0; line < 3_000; line += 1) hash.update(`${String(line).padStart(3_999, '.')}\n`);
    expect(result.stdout.text).toContain(hash.digest('hex'));
  });
});

/** A run on a real engine as spans of the real SDK: every phase, in the order of time, and with what the engine calls the container. */
import { memoryStorage, type RunEvent } from 'berthkit';
import { openTelemetryTracing } from 'berthkit/opentelemetry';
import { expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { only, recordSpans, treeOf, WHOLE_RUN } from '../telemetry/spans.js';
import { testRuntime } from './setup.js';
import { isRemote } from './test-engine.js';

it('a run on a real engine is told as spans, phase by phase', async () => {
  await ensureImage('busybox');
  const { tracer, spans } = recordSpans();
  const events: RunEvent[] = [];
  const runtime = await testRuntime(
    // On an engine elsewhere a file of a secret can only be on its disk.
    { policy: { images: { allow: ['busybox:*'] }, secrets: { allowDisk: isRemote } } },
    { onEvent: openTelemetryTracing({ tracer }) },
  );
  const result = await runtime.runJob(
    {
      slug: 'traced',
      docker: {
        image: 'busybox:1',
        command: ['sh', '-c', 'cat "$TOKEN" > out.txt; exit 4'],
        environment: { TOKEN: { secret: { source: 'store', key: 'token' }, as: 'file' } },
        workingDirectory: '/workspace',
        outputs: [{ workspacePath: 'out.txt', upload: 'caller' }],
      },
    },
    {
      secrets: { token: 'a-secret-value' },
      outputTo: memoryStorage(),
      onEvent: (event) => events.push(event),
    },
  );
  expect(result).toMatchObject({ reason: 'non_zero_exit', exitCode: 4, outputs: [{ state: 'uploaded' }] });
  expect(treeOf(spans())).toEqual(WHOLE_RUN);
  const created = events.find((event) => event.type === 'container_created');
  expect(only(spans(), 'berthkit.attempt').attributes).toMatchObject({
    'container.id': created?.containerId,
    'container.name': result.containerName,
    'error.type': 'non_zero_exit',
  });
  expect(only(spans(), 'berthkit.phase.run').attributes).toMatchObject({ 'process.exit.code': 4 });
  expect(JSON.stringify(spans().map(({ attributes, events: told }) => [attributes, told]))).not.toContain(
    'a-secret-value',
  );
});

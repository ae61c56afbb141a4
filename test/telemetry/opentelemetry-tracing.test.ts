/** Runs as spans, seen by the real SDK: their tree, their status, what they say and what they never say. On the fake engine. */
import { context, ROOT_CONTEXT, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import {
  memoryStorage,
  type RunEvent,
  type RunResult,
  type RuntimeConfigInput,
  type RuntimePorts,
} from 'berthkit';
import { openTelemetryTracing } from 'berthkit/opentelemetry';
import { afterEach, describe, expect, it } from 'vitest';
import { SECRET, settle, setUp } from '../run-fixture.js';
import { contextManager, nanoseconds, only, recordSpans, treeOf, WHOLE_RUN } from './spans.js';

const BARE = { slug: 'bare', docker: { image: 'busybox:1' } };

type Script = NonNullable<Parameters<typeof setUp>[0]>;

/** A setup whose runs are told as spans, and those spans. */
function traced(script: Script = {}, ports: RuntimePorts = {}, config: RuntimeConfigInput = {}) {
  const { tracer, spans } = recordSpans();
  const tell = openTelemetryTracing({ tracer });
  const setup = setUp(script, ports, config);
  return { setup, spans, tracer, tell, options: { onEvent: tell } };
}

describe('a run as spans', () => {
  it('has one for itself, one for each attempt and one for each phase, within each other', async () => {
    const { setup, spans, options } = traced();
    const result = (await settle(setup, options)) as RunResult;
    expect(treeOf(spans())).toEqual(WHOLE_RUN);
    for (const span of spans()) {
      expect(span.status.code, span.name).toBe(SpanStatusCode.UNSET);
      expect(span.attributes['error.type'], span.name).toBeUndefined();
      expect(nanoseconds(span.duration), span.name).toBeGreaterThanOrEqual(0);
    }
    const { runId } = result;
    expect(only(spans(), 'berthkit.run').attributes).toEqual({
      'berthkit.run.id': runId,
      'berthkit.job.slug': 'job',
      'berthkit.run.status': 'succeeded',
      'berthkit.run.reason': 'completed',
      'berthkit.run.attempts': 1,
    });
    expect(only(spans(), 'berthkit.attempt').attributes).toEqual({
      'berthkit.run.id': runId,
      'berthkit.attempt.number': 1,
      'berthkit.attempt.status': 'succeeded',
      'berthkit.attempt.reason': 'completed',
      'container.id': expect.any(String) as string,
      'container.name': result.containerName,
    });
    expect(only(spans(), 'berthkit.phase.run').attributes).toEqual({ 'process.exit.code': 0 });
    const one = { 'berthkit.files.count': 1, 'berthkit.files.size_bytes': 6 };
    expect(only(spans(), 'berthkit.phase.upload').attributes).toEqual(one);
    expect(only(spans(), 'berthkit.phase.secrets').attributes).toEqual({ 'berthkit.secrets.count': 1 });
  });

  it('says the image that was pulled by its digest', async () => {
    const { setup, spans, options } = traced({
      run: () => ({ exitCode: 0 }),
      images: {},
      pullable: { 'busybox:1': { digest: `sha256:${'a'.repeat(64)}` } },
    });
    await settle(setup, options, BARE);
    expect(only(spans(), 'berthkit.phase.pull').attributes).toEqual({
      'oci.manifest.digest': `sha256:${'a'.repeat(64)}`,
    });
  });

  it('is an error where the job failed, by its reason, and its program by the exit code', async () => {
    const { setup, spans, options } = traced({ run: () => ({ exitCode: 3 }) });
    await settle(setup, options, BARE);
    for (const name of ['berthkit.run', 'berthkit.attempt']) {
      const { status, attributes } = only(spans(), name);
      expect(status).toEqual({ code: SpanStatusCode.ERROR });
      expect(attributes['error.type']).toBe('non_zero_exit');
    }
    const { status, attributes } = only(spans(), 'berthkit.phase.run');
    expect(status.code).toBe(SpanStatusCode.ERROR);
    expect(attributes).toEqual({ 'process.exit.code': 3, 'error.type': '3' });
    expect(only(spans(), 'berthkit.phase.cleanup').status.code).toBe(SpanStatusCode.UNSET);
  });

  it('is an error where it failed for reasons of our own, and so is the phase that was broken off, which ended before the clean-up', async () => {
    const storage = { in: memoryStorage({}), out: memoryStorage() };
    const { setup, spans, tell } = traced({}, { storage });
    await settle(setup, {
      onEvent: (event) => {
        // So that the clean-up takes some time.
        if (event.type === 'cleanup_end') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
        tell(event);
      },
    });
    for (const name of ['berthkit.run', 'berthkit.attempt', 'berthkit.phase.stage']) {
      const { status, attributes } = only(spans(), name);
      expect(status.code, name).toBe(SpanStatusCode.ERROR);
      expect(attributes['error.type'], name).toBe('storage.not_found');
    }
    const stage = only(spans(), 'berthkit.phase.stage');
    const cleanup = only(spans(), 'berthkit.phase.cleanup');
    // Spans begin at whole milliseconds.
    expect(nanoseconds(stage.endTime)).toBeLessThanOrEqual(nanoseconds(cleanup.startTime) + 1e6);
    expect(cleanup.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('that is refused has no phases and is an error', async () => {
    const { setup, spans, options } = traced({}, {}, { policy: { images: { allow: ['other:*'] } } });
    await settle(setup, options);
    expect(treeOf(spans())).toEqual(['berthkit.run', ['berthkit.attempt']]);
    expect(only(spans(), 'berthkit.run').attributes['error.type']).toBe('policy.denied');
  });

  it('that its caller cancelled is no error; that the runtime shut down is one', async () => {
    const { setup, spans, tell } = traced({ run: async (job) => job.sleepUntilKilled() });
    const cancelled = setup.runtime.startJob(BARE, {
      runId: 'cancelled',
      onEvent: (event) => {
        tell(event);
        if (event.type === 'container_started') cancelled.cancel();
      },
    });
    await cancelled.result;
    const shut = setup.runtime.startJob(BARE, {
      runId: 'shut',
      onEvent: (event) => {
        tell(event);
        if (event.type === 'container_started') void setup.runtime.close();
      },
    });
    await shut.result;
    const of = (runId: string) =>
      spans().find(
        ({ name, attributes }) => name === 'berthkit.run' && attributes['berthkit.run.id'] === runId,
      );
    expect(of('cancelled')?.status.code).toBe(SpanStatusCode.UNSET);
    expect(of('cancelled')?.attributes['berthkit.run.reason']).toBe('cancelled');
    expect(of('shut')?.status.code).toBe(SpanStatusCode.ERROR);
    expect(of('shut')?.attributes['error.type']).toBe('runtime_shutdown');
    await setup.runtime.close();
  });

  it('that is tried again has an attempt that is an error and one that is none', async () => {
    let tries = 0;
    const { setup, spans, options } = traced(
      { run: () => ({ exitCode: tries++ === 0 ? 1 : 0 }) },
      { random: () => 0 },
    );
    const retry = { maxAttempts: 2, on: ['user'], jitter: 'full' } as const;
    await settle(setup, { ...options, retry }, BARE);
    const attempts = spans().filter(({ name }) => name === 'berthkit.attempt');
    expect(attempts.map(({ attributes }) => attributes['error.type'])).toEqual(['non_zero_exit', undefined]);
    expect(attempts[0]?.attributes['berthkit.attempt.retry_in_ms']).toBe(0);
    expect(only(spans(), 'berthkit.run').status.code).toBe(SpanStatusCode.UNSET);
    expect(only(spans(), 'berthkit.run').attributes['berthkit.run.attempts']).toBe(2);
  });

  it('says what could not be removed', async () => {
    const { setup, spans, options } = traced({
      run: () => ({ exitCode: 0 }),
      fail: [{ call: 'containers.remove', times: 1 }],
    });
    await setup.runtime.runJob(BARE, options);
    const cleanup = only(spans(), 'berthkit.phase.cleanup');
    expect(cleanup.status.code).toBe(SpanStatusCode.ERROR);
    expect(cleanup.attributes['error.type']).toBe('cleanup_error');
    expect(cleanup.events).toMatchObject([
      { name: 'berthkit.cleanup_error', attributes: { 'berthkit.cleanup.what': 'container' } },
    ]);
    await setup.runtime.close();
  });

  it('holds no secret, no text of a job, and no word of a caller', async () => {
    const { setup, spans, options } = traced({
      run: async (job) => {
        await job.stderr(`odd ${SECRET}\n`);
        return { exitCode: 1 };
      },
    });
    const given = { metadata: { odd: 'odd', secret: SECRET }, secrets: { token: SECRET } };
    await settle(setup, { ...options, ...given, concurrencyKey: 'odd', idempotencyKey: 'odd' });
    const said = spans().map(({ name, attributes, events, status }) => ({
      name,
      attributes,
      events,
      status,
    }));
    expect(JSON.stringify(said)).not.toMatch(new RegExp(`odd|busybox|${SECRET}`));
  });

  it('does not say a slug that is none', async () => {
    const { setup, spans, options } = traced();
    await settle(setup, options, { ...BARE, slug: 'what a caller says' });
    expect(only(spans(), 'berthkit.run').attributes['berthkit.job.slug']).toBeUndefined();
  });
});

describe('many runs heard by one listener', () => {
  it('are told apart', async () => {
    const { tracer, spans } = recordSpans();
    const setup = setUp({ run: () => ({ exitCode: 0 }) }, { onEvent: openTelemetryTracing({ tracer }) });
    await Promise.all(Array.from({ length: 5 }, async () => setup.runtime.runJob(BARE)));
    await setup.runtime.close();
    const tree = treeOf(spans());
    expect(tree.filter((name) => name === 'berthkit.run')).toHaveLength(5);
    expect(new Set(spans().map((span) => span.spanContext().traceId)).size).toBe(5);
  });

  it('are told apart also under one id, which refuses the second', async () => {
    const { tracer, spans } = recordSpans();
    const run = async (): Promise<{ exitCode: number }> => {
      await setup.runtime.runJob(BARE, { runId: 'same' }).catch(() => undefined);
      return { exitCode: 0 };
    };
    const setup = setUp({ run }, { onEvent: openTelemetryTracing({ tracer }) });
    await setup.runtime.runJob(BARE, { runId: 'same' });
    await setup.runtime.close();
    const runs = spans().filter(({ name }) => name === 'berthkit.run');
    expect(runs.map(({ attributes }) => attributes['error.type'])).toEqual([
      'validation.invalid_job',
      undefined,
    ]);
    const [refused, ran] = runs.map((run) => run.spanContext().spanId);
    const attempts = spans().filter(({ name }) => name === 'berthkit.attempt');
    expect(attempts.map((attempt) => attempt.parentSpanContext?.spanId)).toEqual([refused, ran]);
    const phase = only(spans(), 'berthkit.phase.cleanup');
    expect(phase.parentSpanContext?.spanId).toBe(attempts[1]?.spanContext().spanId);
  });

  it('that join another say whose result they have', async () => {
    const { setup, spans, options } = traced({ run: () => ({ exitCode: 0 }) });
    await setup.runtime.runJob(BARE, { runId: 'first', idempotencyKey: 'key' });
    await setup.runtime.runJob(BARE, { ...options, runId: 'second', idempotencyKey: 'key' });
    await setup.runtime.close();
    expect(only(spans(), 'berthkit.run').attributes).toMatchObject({
      'berthkit.run.id': 'second',
      'berthkit.run.joined_id': 'first',
    });
  });

  it('of a process that died are told by their end alone, from the time they began', async () => {
    const { tracer, spans } = recordSpans();
    const heard: RunEvent[] = [];
    const setup = setUp({ run: () => ({ exitCode: 0 }) });
    await settle(setup, { onEvent: (event) => heard.push(event) }, BARE);
    const end = heard.at(-1);
    if (end?.type !== 'run_end' || end.outcome !== 'result') throw new Error('there is no end');
    const startedAt = '2026-01-02T03:04:05.678Z';
    const orphan = { ...end.result, startedAt, status: 'failed', reason: 'orphaned' } as RunResult;
    openTelemetryTracing({ tracer })({ ...end, result: orphan });
    const run = only(spans(), 'berthkit.run');
    expect(run.startTime).toEqual([Date.parse(startedAt) / 1000 - 0.678, 678_000_000]);
    expect(run.attributes['error.type']).toBe('orphaned');
    expect(run.parentSpanContext).toBeUndefined();
  });
});

describe('the parent', () => {
  afterEach(() => {
    context.disable();
  });

  it('is the span that is active where the run is begun', async () => {
    context.setGlobalContextManager(contextManager());
    const { tracer, spans } = recordSpans();
    const setup = setUp({ run: () => ({ exitCode: 0 }) }, { onEvent: openTelemetryTracing({ tracer }) });
    const request = tracer.startSpan('request');
    await context.with(trace.setSpan(ROOT_CONTEXT, request), async () => setup.runtime.runJob(BARE));
    await setup.runtime.runJob(BARE);
    request.end();
    await setup.runtime.close();
    const [within, without] = spans().filter(({ name }) => name === 'berthkit.run');
    expect(within?.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
    expect(without?.parentSpanContext).toBeUndefined();
    expect(treeOf(spans())[0]).toBe('request');
  });

  it('is the one that is given', async () => {
    const { setup, spans, tracer } = traced({ run: () => ({ exitCode: 0 }) });
    const request = tracer.startSpan('request');
    const parent = trace.setSpan(ROOT_CONTEXT, request);
    await settle(setup, { onEvent: openTelemetryTracing({ tracer, parent }) }, BARE);
    expect(only(spans(), 'berthkit.run').parentSpanContext?.spanId).toBe(request.spanContext().spanId);
  });
});

describe('a tracer that throws', () => {
  /** The SDK's, but one thing it does fails always. */
  function failing(tracer: Tracer, fails: string): Tracer {
    const fail = (): never => {
      throw new Error('no');
    };
    return {
      startSpan: (...words) => {
        if (fails === 'startSpan') fail();
        const span = tracer.startSpan(...words);
        return new Proxy(span, {
          get: (target, name) => {
            if (name === fails) return fail;
            const own: unknown = Reflect.get(target, name);
            return typeof own === 'function' ? (own.bind(target) as unknown) : own;
          },
        });
      },
      startActiveSpan: tracer.startActiveSpan.bind(tracer),
    };
  }

  it.each(['startSpan', 'setAttributes', 'setAttribute', 'setStatus', 'addEvent', 'end'])(
    'in %s hurts no run, and no listener beside it',
    async (fails) => {
      const { tracer, spans } = recordSpans();
      const tell = openTelemetryTracing({ tracer: failing(tracer, fails) });
      const setup = setUp({ run: () => ({ exitCode: 1 }) });
      const result = await settle(
        setup,
        {
          onEvent: (event) => {
            tell(event);
          },
        },
        BARE,
      );
      expect(result).toMatchObject({ reason: 'non_zero_exit', warnings: [] });
      expect(spans().length > 0).toBe(!['startSpan', 'end'].includes(fails));
    },
  );
});

/** Sinks hold the output back as long as the job runs; once it is stopped, or at the end, one that is stuck is let go of. */
import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { createRedactor } from '../../src/base/redact.js';
import { createSecretScanner } from '../../src/base/secret-scan.js';
import { createOutputCollector, type OutputOptions, type OutputSink } from '../../src/execute/output.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const never: OutputSink = async () => new Promise<never>(() => undefined);

function collecting(fields: Partial<OutputOptions>) {
  const failed: string[] = [];
  const texts: string[] = [];
  const limits: number[] = [];
  const scan = () => createSecretScanner([]).start(() => undefined);
  const collector = createOutputCollector({
    ...{ redactor: createRedactor([]), scan: { stdout: scan(), stderr: scan() } },
    ...{ maxLogChars: 4_096, persistLogTail: true, maxBytes: null, onLine: null },
    onLimit: () => limits.push(1),
    onText: (_stream, text) => texts.push(text),
    sinks: { stdout: null, stderr: null },
    onSinkFailure: (stream) => failed.push(stream),
    ...fields,
  });
  const push = async (text: string, stream: 'stdout' | 'stderr' = 'stdout'): Promise<void> =>
    collector.push({ stream, bytes: bytes(text) });
  return { collector, push, failed, texts, limits };
}

describe('a sink', () => {
  it('holds the output back as long as it likes while the job runs', async () => {
    const { push, failed } = collecting({ sinks: { stdout: never, stderr: null } });
    const taken = vi.fn();
    void push('a').then(taken);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(taken).not.toHaveBeenCalled();
    expect(failed).toEqual([]);
  });

  it('that is stuck when the job is stopped is let go of after 2 s, once', async () => {
    const stop = new AbortController();
    const { push, failed } = collecting({ sinks: { stdout: never, stderr: null }, stopSignal: stop.signal });
    const [first, second] = [vi.fn(), vi.fn()];
    void push('a').then(first);
    void push('b').then(second);
    await vi.advanceTimersByTimeAsync(10_000);
    stop.abort();
    await vi.advanceTimersByTimeAsync(1_999);
    expect(first).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect([first, second].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
    expect(failed).toEqual(['stdout']);
    await push('c');
    expect(failed).toEqual(['stdout']);
  });

  it('has 2 s for a piece that comes after the stop', async () => {
    const { push, failed } = collecting({
      ...{ sinks: { stdout: never, stderr: null }, stopSignal: AbortSignal.abort() },
    });
    const taken = vi.fn();
    void push('a').then(taken);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(taken).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect([taken.mock.calls.length, failed]).toEqual([1, ['stdout']]);
  });

  it('that takes its pieces in time after the stop is kept', async () => {
    const written: number[] = [];
    const slow: OutputSink = async ({ length }) =>
      new Promise((resolve) => setTimeout(() => resolve(void written.push(length)), 1_500));
    const { push, failed } = collecting({
      ...{ sinks: { stdout: slow, stderr: null }, stopSignal: AbortSignal.abort() },
    });
    for (const text of ['a', 'bc']) {
      const pushed = push(text);
      await vi.advanceTimersByTimeAsync(1_500);
      await pushed;
    }
    expect([written, failed]).toEqual([[1, 2], []]);
  });

  it('that takes at once, or is stuck at the end, keeps nobody waiting', async () => {
    const written: string[] = [];
    const atOnce: OutputSink = (each) => void written.push(Buffer.from(each).toString());
    const stop = new AbortController();
    const { collector, push, failed } = collecting({
      ...{ sinks: { stdout: atOnce, stderr: never }, stopSignal: stop.signal },
    });
    await push('a');
    const pushed = push('b', 'stderr');
    const ended = vi.fn();
    void collector.end().then(ended);
    await vi.advanceTimersByTimeAsync(2_000);
    await pushed;
    expect([written, failed, ended.mock.calls.length]).toEqual([['a'], ['stderr'], 1]);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  it.each([
    ['an error', new Error('no')],
    ['anything', 'no'],
  ])('that rejects with %s is let go of', async (_, reason) => {
    const { push, failed } = collecting({
      sinks: { stdout: async () => Promise.reject(reason), stderr: null },
    });
    await push('a');
    await push('b');
    expect(failed).toEqual(['stdout']);
  });

  it('is given nothing where there is nothing to give', async () => {
    const given: number[] = [];
    const { collector, push, texts } = collecting({
      sinks: { stdout: ({ length }) => void given.push(length), stderr: null },
    });
    await push('');
    await collector.end();
    expect([given, texts]).toEqual([[], []]);
  });
});

describe('the limit of output', () => {
  it('is that of both streams together, and reaching it is allowed', async () => {
    const { push, limits } = collecting({ maxBytes: 4 });
    await push('ab');
    await push('cd', 'stderr');
    expect(limits).toEqual([]);
    await push('e');
    expect(limits).toEqual([1]);
  });
});

describe('the last line', () => {
  it('is the last one with something in it, of 4096 characters at most', async () => {
    const { collector, push } = collecting({});
    expect(collector.lastLog()).toBeNull();
    await push(`${'x'.repeat(5_000)}\n \n\n`);
    expect(collector.lastLog()).toEqual({ source: 'stdout', line: 'x'.repeat(4_096) });
  });
});

describe('the end of a sink', () => {
  const ending = (end: () => Promise<void>): OutputSink => Object.assign(() => undefined, { end });

  it('that fails is told, of each stream', async () => {
    const end = vi.fn(async () => Promise.reject(new Error('no more room')));
    const { collector, failed } = collecting({ sinks: { stdout: ending(end), stderr: ending(end) } });
    await collector.end();
    expect(failed).toEqual(['stdout', 'stderr']);
    expect(end).toHaveBeenCalledTimes(2);
  });

  it('is waited for a second, which is no failure', async () => {
    const sinks = { stdout: ending(async () => new Promise<never>(() => undefined)), stderr: null };
    const { collector, failed } = collecting({ sinks });
    const ended = vi.fn();
    void collector.end().then(ended);
    await vi.advanceTimersByTimeAsync(999);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect([ended.mock.calls.length, failed]).toEqual([1, []]);
  });

  it('comes at once, and once, where it fails in the middle', async () => {
    const end = vi.fn(async () => Promise.reject(new Error('no more room')));
    const sink = Object.assign(async () => Promise.reject(new Error('no more room')), { end });
    const { collector, push, failed } = collecting({ sinks: { stdout: sink, stderr: null } });
    await push('a');
    expect(end).toHaveBeenCalledTimes(1);
    await collector.end();
    expect([end.mock.calls.length, failed]).toEqual([1, ['stdout']]);
  });
});

/** Output is heard by another connection where the first died without a word, and never twice where it lives. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { Attachment, EngineContainers, OutputChunk } from '../../src/engine/types.js';
import { listenTo } from '../../src/execute/listening.js';
import { watchIdle } from '../../src/execute/watch-idle.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

/** A connection whose words come when a test says them. */
function connection() {
  const chunks: (OutputChunk | null)[] = [];
  let wake = (): void => undefined;
  const put = (chunk: OutputChunk | null): void => {
    chunks.push(chunk);
    wake();
  };
  async function* output(): AsyncGenerator<OutputChunk> {
    for (;;) {
      const chunk = chunks.shift();
      if (chunk === null) return;
      if (chunk === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else yield chunk;
    }
  }
  const close = vi.fn(() => {
    put(null);
  });
  const attachment: Attachment = { output: output(), stdin: null, close };
  const say = async (text: string): Promise<void> => {
    put({ stream: 'stdout', bytes: Buffer.from(text) });
    await vi.advanceTimersByTimeAsync(0);
  };
  const end = async (): Promise<void> => {
    put(null);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { attachment, say, end, close };
}

const UNREACHABLE = new EngineError('engine.unreachable', 'gone');

/** Listening to a first connection with others that may follow, and an idle watch of four seconds. */
function listening(attach?: EngineContainers['attach']) {
  const first = connection();
  const second = connection();
  const third = connection();
  const next = [second, third];
  const fake = fakeEngine();
  const attached = vi.fn(
    attach ?? (async () => Promise.resolve(next.shift()?.attachment ?? Promise.reject(new Error('no more')))),
  );
  const heard: string[] = [];
  const warnings: string[] = [];
  const listener = listenTo(
    {
      engine: { ...fake, containers: { ...fake.containers, attach: attached } },
      onOutput: async ({ bytes }) => Promise.resolve(void heard.push(Buffer.from(bytes).toString())),
      onWarning: (message) => void warnings.push(message),
    },
    'c',
    first.attachment,
  );
  const onIdle = vi.fn();
  const idle = watchIdle(4_000, onIdle, listener);
  listener.begin(idle);
  const over = (): void => {
    idle.end();
    listener.close();
  };
  return { first, second, third, attached, heard, warnings, listener, onIdle, over };
}

const LOST = 'the connection that carried the output was lost: what was written meanwhile is missing';

describe('a connection', () => {
  it('that speaks is the only one', async () => {
    const { first, attached, heard, onIdle, over } = listening();
    for (const text of ['a', 'b', 'c', 'd']) {
      await first.say(text);
      await vi.advanceTimersByTimeAsync(1_900);
    }
    over();
    expect(heard).toEqual(['a', 'b', 'c', 'd']);
    expect(attached).not.toHaveBeenCalled();
    expect(onIdle).not.toHaveBeenCalled();
    expect(first.close).toHaveBeenCalledTimes(1);
  });

  it('of a job that is silent for its whole time is not to blame', async () => {
    const { attached, second, onIdle, over } = listening();
    await vi.advanceTimersByTimeAsync(1_999);
    expect(attached).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(attached).toHaveBeenCalledWith('c', expect.objectContaining({ stdin: false }));
    await vi.advanceTimersByTimeAsync(1_999);
    expect(onIdle).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(onIdle).toHaveBeenCalledTimes(1);
    over();
    expect(second.close).toHaveBeenCalled();
  });

  it('that lives after all is heard alone: nothing comes twice', async () => {
    const { first, second, attached, heard, warnings, listener, over } = listening();
    await vi.advanceTimersByTimeAsync(2_000);
    await second.say('a');
    await vi.advanceTimersByTimeAsync(999);
    await first.say('a');
    await second.say('b');
    await first.say('b');
    await vi.advanceTimersByTimeAsync(1_500);
    expect([heard, warnings, attached.mock.calls.length]).toEqual([['a', 'b'], [], 1]);
    expect(second.close).toHaveBeenCalled();
    await first.end();
    expect(await listener.drained()).toBe(true);
    over();
  });

  it('that died is replaced, is told once, and leaves the output incomplete', async () => {
    const { first, second, heard, warnings, listener, onIdle, over } = listening();
    await first.say('a');
    for (const text of ['b', 'c', 'd', 'e', 'f']) {
      await vi.advanceTimersByTimeAsync(1_000);
      await second.say(text);
    }
    await first.say('late');
    expect([heard, warnings]).toEqual([['a', 'd', 'e', 'f'], [LOST]]);
    expect(onIdle).not.toHaveBeenCalled();
    await second.end();
    expect(await listener.drained()).toBe(false);
    over();
  });

  it('that replaced another may die as well', async () => {
    const { second, third, heard, warnings, over } = listening();
    await vi.advanceTimersByTimeAsync(2_000);
    await second.say('lost');
    await vi.advanceTimersByTimeAsync(1_000);
    await second.say('a');
    await vi.advanceTimersByTimeAsync(2_000);
    await third.say('lost');
    await vi.advanceTimersByTimeAsync(1_000);
    await third.say('b');
    expect([heard, warnings]).toEqual([
      ['a', 'b'],
      [LOST, LOST],
    ]);
    expect(second.close).toHaveBeenCalled();
    over();
  });
});

describe('silence', () => {
  it.each([
    ['does not answer', async () => new Promise<never>(() => undefined)],
    ['is away', async () => Promise.reject(UNREACHABLE)],
  ])('is not the job’s as long as the engine %s', async (_, attach) => {
    const { attached, onIdle, over } = listening(attach);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(onIdle).not.toHaveBeenCalled();
    expect(attached).toHaveBeenCalledTimes(5);
    over();
  });

  it('is the job’s where the engine makes no other connection, but the first stands', async () => {
    const { onIdle, over } = listening(async () => Promise.reject(new Error('one is enough')));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(onIdle).toHaveBeenCalledTimes(1);
    over();
  });

  it('is nobody’s where the first has ended and no other is made', async () => {
    const { first, onIdle, over } = listening(async () => Promise.reject(new Error('one is enough')));
    await first.end();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(onIdle).not.toHaveBeenCalled();
    over();
  });

  it('is the job’s where its output has ended, by both', async () => {
    const { first, second, onIdle, over } = listening();
    await first.end();
    await vi.advanceTimersByTimeAsync(2_000);
    await second.end();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(onIdle).toHaveBeenCalledTimes(1);
    over();
  });
});

/** The bytes of an attached container: standard input is written and half-closed, output is read to its end, and neither is waited for without a bound. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { Attachment, ContainerInfo, OutputChunk } from '../../src/engine/types.js';
import { createEngineContact } from '../../src/execute/engine-contact.js';
import { endedEarly, pumpOutput, pumpStdin } from '../../src/execute/pump-streams.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);
async function* none(): AsyncGenerator<OutputChunk> {
  yield* await Promise.resolve([]);
}

describe('standard input', () => {
  function writing({ refusesAfter = Infinity, refusesEnd = false } = {}) {
    const written: string[] = [];
    const problems: string[] = [];
    const stdin: NonNullable<Attachment['stdin']> = {
      write: async (chunk) => {
        if (written.length >= refusesAfter) return Promise.reject(new Error('EPIPE'));
        written.push(Buffer.from(chunk).toString());
        return Promise.resolve();
      },
      end: async () => {
        written.push('(end)');
        return refusesEnd ? Promise.reject(new Error('EPIPE')) : Promise.resolve();
      },
    };
    const attachment: Attachment = { output: none(), stdin, close: () => undefined };
    const pump = async (source: AsyncIterable<Uint8Array>): Promise<void> =>
      pumpStdin(attachment, source, (problem) => void problems.push(problem));
    return { written, problems, pump };
  }
  let isReleased = false;
  async function* source(failsWith: unknown = null): AsyncGenerator<Uint8Array> {
    isReleased = false;
    try {
      yield await Promise.resolve(bytes('a'));
      yield bytes('b');
      if (failsWith !== null) throw failsWith;
    } finally {
      isReleased = true;
    }
  }

  it('is written piece by piece and half-closed', async () => {
    const { written, problems, pump } = writing();
    await pump(source());
    expect([written, problems]).toEqual([['a', 'b', '(end)'], []]);
  });

  it.each([
    ['an error', new Error('disk gone'), 'disk gone'],
    ['anything', 'disk gone', 'disk gone'],
  ])(
    'that its source breaks off with %s is not closed, as if that were all, and the break is told',
    async (_, error, words) => {
      const { written, problems, pump } = writing();
      await pump(source(error));
      expect(written).toEqual(['a', 'b']);
      expect(problems).toEqual([words]);
    },
  );

  it('that the job does not read is no failure, and lets go of its source', async () => {
    const { written, problems, pump } = writing({ refusesAfter: 1 });
    await pump(source());
    expect([written, problems, isReleased]).toEqual([['a'], [], true]);
  });

  it('whose half-close is refused is no failure', async () => {
    const { written, pump } = writing({ refusesEnd: true });
    await pump(source());
    expect(written.at(-1)).toBe('(end)');
  });

  it('is nothing where there is none', async () => {
    const without: Attachment = { output: none(), stdin: null, close: () => undefined };
    const unread = source();
    await pumpStdin(without, unread, () => undefined);
    expect((await unread.next()).value).toEqual(bytes('a'));
  });
});

describe('output', () => {
  useFakeTimersInEachTest();
  const chunk: OutputChunk = { stream: 'stdout', bytes: bytes('x') };

  /** Chunks that come when they are asked for from outside. */
  function hose() {
    let give: (step: 'chunk' | 'end' | 'break') => void = () => undefined;
    const next = async (): Promise<'chunk' | 'end' | 'break'> => new Promise((resolve) => (give = resolve));
    async function* output(): AsyncGenerator<OutputChunk> {
      for (;;) {
        const step = await next();
        if (step === 'end') return;
        if (step === 'break') throw new Error('connection lost');
        yield chunk;
      }
    }
    const taken: OutputChunk[] = [];
    const pump = pumpOutput({ output: output(), stdin: null, close: () => undefined }, async (each) => {
      taken.push(each);
      return Promise.resolve();
    });
    const send = async (step: 'chunk' | 'end' | 'break'): Promise<void> => {
      await vi.advanceTimersByTimeAsync(0);
      give(step);
      await vi.advanceTimersByTimeAsync(0);
    };
    return { pump, send, taken };
  }

  it('is handed on to its end', async () => {
    const { pump, send, taken } = hose();
    for (const step of ['chunk', 'chunk', 'end'] as const) await send(step);
    expect(taken).toEqual([chunk, chunk]);
    expect([await pump.done, await pump.drained()]).toEqual([true, true]);
  });

  it('that breaks is known not to be whole', async () => {
    const { pump, send } = hose();
    await send('break');
    expect([await pump.done, await pump.drained()]).toEqual([false, false]);
  });

  it('after the container’s end is waited for as long as something comes every 5 s', async () => {
    const { pump, send } = hose();
    const drained = vi.fn();
    void pump.drained().then(drained);
    for (let round = 0; round < 3; round += 1) {
      await vi.advanceTimersByTimeAsync(4_000);
      await send('chunk');
    }
    expect(drained).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(drained).toHaveBeenCalledWith(false);
    await send('end');
  });
});

describe('output that ends', () => {
  useFakeTimersInEachTest();
  const ID = 'a'.repeat(64);
  const never = async (): Promise<never> => new Promise<never>(() => undefined);

  function ending(status: ContainerInfo['status'] | 'gone' | 'away') {
    const told: string[] = [];
    const engine = fakeEngine();
    const containers = {
      ...engine.containers,
      inspect: async () => {
        if (status === 'away') return Promise.reject(new EngineError('engine.unreachable', 'gone'));
        return Promise.resolve(status === 'gone' ? null : ({ id: ID, status } as ContainerInfo));
      },
    };
    const contact = createEngineContact(({ kind }) => void told.push(kind));
    const early = async (outputDone: Promise<unknown>, containerEnded: Promise<unknown>): Promise<boolean> =>
      endedEarly({ ...engine, containers }, ID, outputDone, { containerEnded, contact });
    return { told, early };
  }

  it.each([
    ['running', true],
    ['paused', true],
    ['exited', false],
    ['gone', false],
    ['away', true],
  ] as const)('while its container is %s ended early: %s', async (status, isEarly) => {
    const { told, early } = ending(status);
    const answered = vi.fn();
    void early(Promise.resolve(), never()).then(answered);
    await vi.advanceTimersByTimeAsync(249);
    expect(answered).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(answered).toHaveBeenCalledWith(isEarly);
    expect(told).toEqual(status === 'away' ? ['engine_lost'] : []);
  });

  it.each([
    ['before its container', 100],
    ['after its container', 0],
  ])('a moment %s did not end early', async (_, afterMs) => {
    const { early } = ending('running');
    const ended = new Promise((resolve) => setTimeout(resolve, afterMs));
    const answered = vi.fn();
    void early(afterMs === 0 ? never() : Promise.resolve(), ended).then(answered);
    await vi.advanceTimersByTimeAsync(afterMs);
    expect(answered).toHaveBeenCalledWith(false);
  });
});

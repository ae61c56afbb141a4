/** What an engine remembers of a container's end, read no further than is needed, and never a reason for a failure. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { ContainerEngine, EngineEvent } from '../../src/engine/types.js';
import { askEngine, type Unexplained } from '../../src/execute/ask-engine.js';
import type { SightingFact } from '../../src/execute/sighting.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

const ID = 'a'.repeat(64);
const event = (type: EngineEvent['type'], signal: number | null = null): EngineEvent => ({ type, signal });

interface Memory {
  readonly events: readonly EngineEvent[];
  /** What comes after them: the end, nothing ever, or a failure. */
  readonly then?: 'end' | 'silence' | 'failure';
  readonly liveRestore?: boolean;
}

function remembering({ events, then = 'end', liveRestore = false }: Memory) {
  const engine = fakeEngine();
  const asked: string[] = [];
  let read = 0;
  const remembers: ContainerEngine = {
    ...engine,
    info: async () => ({ ...(await engine.info()), liveRestore }),
    async *events({ containerId }) {
      asked.push(containerId);
      for (const each of events) {
        read += 1;
        yield await Promise.resolve(each);
      }
      if (then === 'silence') await new Promise<never>(() => undefined);
      if (then === 'failure') throw new EngineError('engine.unreachable', 'gone');
    },
  };
  return { engine: remembers, asked, readSoFar: () => read };
}

async function ask(
  engine: ContainerEngine,
  unexplained: Partial<Unexplained> = {},
): Promise<readonly SightingFact[]> {
  const facts: SightingFact[] = [];
  await askEngine(
    engine,
    { containerId: ID, isGone: false, engineLost: false, outputLost: false, ...unexplained },
    (fact) => void facts.push(fact),
  );
  return facts;
}

describe('an engine that is asked', () => {
  it('tells kills for lack of memory, signals and removals, of this container', async () => {
    const { engine, asked } = remembering({
      events: [event('start'), event('oom'), event('kill', 9), event('die'), event('destroy')],
    });
    expect(await ask(engine, { isGone: true })).toEqual([
      { kind: 'out_of_memory' },
      { kind: 'signal_through_engine', signal: 9 },
      { kind: 'removed_through_engine' },
    ]);
    expect(asked).toEqual([ID]);
  });

  it.each([
    ['its end', false, 'die', [event('kill', 15), event('die'), event('oom')], 2],
    [
      'its removal, where it is gone',
      true,
      'destroy',
      [event('oom'), event('die'), event('destroy'), event('oom')],
      3,
    ],
    [
      'the kernel’s word, which may come after the end',
      false,
      'oom',
      [event('die'), event('start'), event('oom')],
      3,
    ],
  ] as const)('is read to %s', async (_, isGone, _last, events, wanted) => {
    const { engine, readSoFar } = remembering({ events });
    await ask(engine, { isGone });
    expect(readSoFar()).toBe(wanted);
  });

  it.each([
    [
      'has been there all the time if it remembers the start',
      [event('start'), event('die')],
      false,
      { kind: 'engine_stayed' },
    ],
    [
      'was restarted if it does not, and ended what ran',
      [event('die')],
      false,
      { kind: 'engine_restarted', sawTheEnd: true, endsContainers: true },
    ],
    [
      'was restarted if it does not, and left running what ran',
      [],
      true,
      { kind: 'engine_restarted', sawTheEnd: false, endsContainers: false },
    ],
  ] as const)('to which the connection was lost %s', async (_, events, liveRestore, fact) => {
    const { engine } = remembering({ events, liveRestore });
    expect(await ask(engine, { engineLost: true })).toEqual([fact]);
    expect(await ask(engine)).toEqual([]);
  });

  it('tells of a second start, of which the first end says nothing, where the output was lost', async () => {
    const { engine } = remembering({
      events: [event('start'), event('kill', 9), event('die'), event('start'), event('die')],
    });
    expect(await ask(engine, { outputLost: true })).toEqual([
      { kind: 'started_again' },
      { kind: 'signal_through_engine', signal: 9 },
    ]);
    const once = remembering({ events: [event('start'), event('die')] });
    expect(await ask(once.engine, { outputLost: true })).toEqual([]);
  });

  it('adds nothing where it has no events, and nothing where it fails', async () => {
    const without: ContainerEngine = { ...fakeEngine() };
    delete without.events;
    expect(await ask(without, { engineLost: true })).toEqual([]);
    expect(await ask(remembering({ events: [event('oom')], then: 'failure' }).engine)).toEqual([]);
  });
});

describe('an engine that does not come to an end', () => {
  useFakeTimersInEachTest();

  it('is given up after 5 s', async () => {
    const told = vi.fn();
    void ask(remembering({ events: [event('oom')], then: 'silence' }).engine).then(told);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(told).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toHaveBeenCalledWith([]);
  });
});

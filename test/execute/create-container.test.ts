/** A creation is waited for; once its run is to end, for a while only, and what comes of it then is for others. */
import { describe, expect, it } from 'vitest';
import type { ContainerEngine, EngineContainers } from '../../src/engine/types.js';
import { createContainer, type Leaving } from '../../src/execute/create-container.js';
import { fakeEngine } from 'berthkit/testing';
import { specOf } from './spec-fixture.js';

interface Creating {
  readonly stop: AbortController;
  /** The answers of creations that were left. */
  readonly left: Promise<{ readonly id: string }>[];
  readonly asked: () => number;
  create(leaving?: null): Promise<{ readonly id: string }>;
}

function creating(answer: EngineContainers['create'], afterMs = 0): Creating {
  const stop = new AbortController();
  const left: Promise<{ readonly id: string }>[] = [];
  let asked = 0;
  const fake = fakeEngine();
  const create: EngineContainers['create'] = async (...given) => {
    asked += 1;
    return answer(...given);
  };
  const engine: ContainerEngine = { ...fake, containers: { ...fake.containers, create } };
  const leaving: Leaving = { afterMs, told: (creation) => void left.push(creation) };
  return {
    ...{ stop, left, asked: () => asked },
    create: async (without) =>
      createContainer({
        ...{ engine, spec: specOf(), signal: stop.signal, leaving: without === null ? null : leaving },
      }),
  };
}

const MADE = { id: 'made', warnings: [] };
const NEVER = async (): Promise<never> => new Promise<never>(() => undefined);

describe('a creation', () => {
  it('is waited for', async () => {
    const { create, left } = creating(async () => Promise.resolve(MADE));
    expect(await create()).toBe(MADE);
    expect(left).toEqual([]);
  });

  it('that fails fails, also where it was to be left', async () => {
    const refusal = new Error('refused');
    const { create, left, stop } = creating(async () => Promise.reject(refusal), 60_000);
    await expect(create()).rejects.toBe(refusal);
    const late = creating(async () => {
      stop.abort();
      return Promise.reject(refusal);
    }, 60_000);
    await expect(late.create()).rejects.toBe(refusal);
    expect([left, late.left]).toEqual([[], []]);
  });

  it('is not begun for a run that is over', async () => {
    const { create, stop, asked } = creating(NEVER);
    stop.abort(new Error('over'));
    await expect(create()).rejects.toThrow('over');
    expect(asked()).toBe(0);
  });

  it('that is answered in time after the end of its run is one like any other', async () => {
    const parts: { stop?: AbortController } = {};
    const made = creating(async () => {
      parts.stop?.abort(new Error('over'));
      return Promise.resolve(MADE);
    }, 60_000);
    parts.stop = made.stop;
    expect(await made.create()).toBe(MADE);
    expect(made.left).toEqual([]);
  });

  it('that is not is left, and whoever is told of it learns what it came to', async () => {
    let answer: (made: typeof MADE) => void = () => undefined;
    let signal: AbortSignal | undefined;
    const { create, stop, left } = creating(async (_spec, options) => {
      ({ signal } = options ?? {});
      return new Promise<typeof MADE>((resolve) => (answer = resolve));
    });
    const creation = create();
    stop.abort(new Error('over'));
    await expect(creation).rejects.toThrow('over');
    expect(left).toHaveLength(1);
    // It may take effect all the same.
    expect(signal?.aborted).toBe(false);
    answer(MADE);
    expect(await left[0]).toBe(MADE);
  });

  it('that is not to be left is waited for all the same', async () => {
    let answer: (made: typeof MADE) => void = () => undefined;
    const { create, stop } = creating(async () => new Promise<typeof MADE>((resolve) => (answer = resolve)));
    const creation = create(null);
    stop.abort(new Error('over'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    answer(MADE);
    expect(await creation).toBe(MADE);
  });
});

import { describe, expect, it } from 'vitest';
import { createAdmission } from '../../src/execute/admission.js';
import { createStopSource } from '../../src/execute/stop.js';
import type { TurnLimits } from '../../src/execute/turns.js';

const SMALL = {
  key: null,
  demand: { nanoCpus: 1, memoryBytes: 1, workspaceBytes: 0 },
  queueing: 'bounded',
} as const;
const limits = (maxRunning: number, maxQueued: number): TurnLimits => ({
  maxRunning,
  maxQueued,
  budget: () => ({ nanoCpus: null, memoryBytes: null, workspaceBytes: 0 }),
  ofKey: () => ({ maxRunning: null, maxQueued: null, nanoCpus: null, memoryBytes: null, workspaceBytes: 0 }),
});
const cause = { reason: 'cancelled', by: 'caller', message: 'enough' } as const;

describe('createAdmission', () => {
  it('lets runs in up to the limit and then in the order they came', async () => {
    const admission = createAdmission(limits(1, 10));
    const order: number[] = [];
    const first = await admission.admit(
      createStopSource(() => ''),
      SMALL,
    );
    const others = [1, 2, 3].map(async (number) => {
      const release = await admission.admit(
        createStopSource(() => ''),
        SMALL,
      );
      order.push(number);
      expect(admission.running).toBe(1);
      release();
    });
    expect(admission.waiting).toBe(3);
    first();
    first();
    await Promise.all(others);
    expect(order).toEqual([1, 2, 3]);
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  it('refuses when as many wait as may', async () => {
    const admission = createAdmission(limits(1, 1));
    await admission.admit(
      createStopSource(() => ''),
      SMALL,
    );
    const waiting = admission.admit(
      createStopSource(() => ''),
      SMALL,
    );
    await expect(
      admission.admit(
        createStopSource(() => ''),
        SMALL,
      ),
    ).rejects.toMatchObject({
      code: 'runtime.queue_full',
    });
    expect(admission.waiting).toBe(1);
    void waiting;
  });

  it('forgets a run that is stopped while it waits, and gives its turn to the next', async () => {
    const admission = createAdmission(limits(1, 10));
    const release = await admission.admit(
      createStopSource(() => ''),
      SMALL,
    );
    const stop = createStopSource(() => '');
    const stopped = admission.admit(stop, SMALL);
    const next = admission.admit(
      createStopSource(() => ''),
      SMALL,
    );
    stop.stop(cause);
    await expect(stopped).rejects.toBe(stop.signal.reason);
    release();
    (await next)();
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  it('does not admit what is stopped already', async () => {
    const stop = createStopSource(() => '');
    stop.stop(cause);
    const admission = createAdmission(limits(1, 1));
    await expect(admission.admit(stop, SMALL)).rejects.toBe(stop.signal.reason);
    expect(admission.running).toBe(0);
  });
});

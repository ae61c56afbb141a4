/** What ends a run from outside is recorded once, with its time, and passed on from a parent to its children alone. */
import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createStopSource, describeAbort, type StopCause } from '../../src/execute/stop.js';

const CANCELLED: StopCause = { reason: 'cancelled', by: 'caller', message: 'enough' };
const TIMED_OUT: StopCause = { reason: 'timed_out', by: 'deadline', message: 'too long' };
const at = (time: string) => () => time;

describe('a stop', () => {
  it('has the first cause, its time, and a signal that says it', () => {
    const stop = createStopSource(at('now'));
    expect([stop.cause, stop.signal.aborted]).toEqual([null, false]);
    stop.stop(CANCELLED);
    stop.stop(TIMED_OUT);
    expect(stop.cause).toEqual({ ...CANCELLED, at: 'now' });
    expect(stop.signal.reason).toMatchObject({ name: 'AbortError', message: 'enough' });
  });

  it('comes from the parent, with the parent’s time, and not the other way round', () => {
    const parent = createStopSource(at('before'));
    const [one, other] = [createStopSource(at('later'), parent), createStopSource(at('later'), parent)];
    one.stop(TIMED_OUT);
    expect([parent.cause, other.cause]).toEqual([null, null]);
    parent.stop(CANCELLED);
    expect(one.cause).toEqual({ ...TIMED_OUT, at: 'later' });
    expect(other.cause).toEqual({ ...CANCELLED, at: 'before' });
    expect(other.signal.aborted).toBe(true);
  });

  it('is there at once under a parent that was stopped, and leaves no listener with one that goes on', () => {
    const parent = createStopSource(at('before'));
    const child = createStopSource(at('later'), parent);
    child.stop(TIMED_OUT);
    expect(getEventListeners(parent.signal, 'abort')).toHaveLength(0);
    parent.stop(CANCELLED);
    expect(createStopSource(at('later'), parent).cause).toEqual({ ...CANCELLED, at: 'before' });
  });
});

it.each([
  [new Error('the user left'), 'the user left'],
  ['too slow', 'too slow'],
  [undefined, 'cancelled by the caller'],
  [{ any: 'thing' }, 'cancelled by the caller'],
])('an abort for the reason %o is told as %s', (reason, words) => {
  expect(describeAbort(reason)).toBe(words);
});

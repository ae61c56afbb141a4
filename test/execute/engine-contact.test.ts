/** Contact with an engine is lost when it cannot be reached, not when it answers with an error, and each loss is told once. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EngineError } from '../../src/errors.js';
import { createEngineContact } from '../../src/execute/engine-contact.js';
import type { SightingFact } from '../../src/execute/sighting.js';

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

const unreachable = new EngineError('engine.unreachable', 'gone');

function contactWithEngine() {
  const seen: SightingFact['kind'][] = [];
  return { seen, contact: createEngineContact(({ kind }) => void seen.push(kind)) };
}

describe('contact with an engine', () => {
  it('is lost once however many calls fail, and is back with the first answer', () => {
    const { seen, contact } = contactWithEngine();
    expect([contact.wasLost, contact.awayMs]).toEqual([false, 0]);
    contact.fail(unreachable);
    contact.fail(unreachable);
    expect(seen).toEqual(['engine_lost']);
    contact.succeed();
    contact.succeed();
    expect(seen).toEqual(['engine_lost', 'engine_back']);
    expect(contact.wasLost).toBe(true);
    contact.fail(unreachable);
    expect(seen).toEqual(['engine_lost', 'engine_back', 'engine_lost']);
  });

  it('is not lost by an answer that is an error, and was never lost where all is well', () => {
    const { seen, contact } = contactWithEngine();
    contact.fail(new EngineError('engine.failed', 'busy'));
    contact.fail(new Error('something else'));
    contact.succeed();
    expect(seen).toEqual([]);
    expect(contact.wasLost).toBe(false);
  });

  it('counts the time without a proper answer, from the first one that failed', () => {
    const { contact } = contactWithEngine();
    vi.advanceTimersByTime(7);
    contact.fail(new EngineError('engine.failed', 'busy'));
    vi.advanceTimersByTime(100);
    contact.fail(unreachable);
    vi.advanceTimersByTime(50);
    expect(contact.awayMs).toBe(150);
    contact.succeed();
    expect(contact.awayMs).toBe(0);
  });
});

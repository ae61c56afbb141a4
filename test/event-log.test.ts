import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { createEventLog, type EventLog } from '../src/event-log.js';
import type { RunEvent } from '../src/events.js';

const envelope = { runId: 'r', attempt: 1, at: '2026-01-01T00:00:00.000Z', metadata: {} } as const;
const output = (text: string, stream: 'stdout' | 'stderr' = 'stdout'): RunEvent => ({
  ...envelope,
  type: 'output',
  stream,
  text,
});
const start: RunEvent = { ...envelope, type: 'run_start', jobSlug: null };
const end = {
  ...envelope,
  type: 'run_end',
  outcome: 'error',
  error: {},
  durations: {},
} as unknown as RunEvent;

const readAll = async (log: EventLog): Promise<readonly RunEvent[]> => {
  const events: RunEvent[] = [];
  for await (const event of log.events) events.push(event);
  return events;
};
const summary = (events: readonly RunEvent[]): readonly string[] =>
  events.map((event) => {
    if (event.type === 'output') return event.text;
    return event.type === 'output_dropped' ? `${event.stream}-${String(event.bytes)}` : event.type;
  });

const appendWeakly = (log: EventLog): WeakRef<RunEvent> => {
  const event = output('aaaa');
  log.append(event);
  return new WeakRef(event);
};
/** What a `WeakRef` was made for lives at least until the job that made it ends. */
const collectGarbage = async (): Promise<void> => {
  await new Promise(setImmediate);
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
};

describe('createEventLog', () => {
  it('replays everything in order for each reader, early or late', async () => {
    const log = createEventLog(1000);
    const early = readAll(log);
    for (const event of [
      start,
      output('a'),
      output('b', 'stderr'),
      { ...envelope, type: 'attempt_end' } as RunEvent,
      output('c'),
      end,
    ]) {
      log.append(event);
    }
    const expected = ['run_start', 'a', 'b', 'attempt_end', 'c', 'run_end'];
    expect(summary(await early)).toEqual(expected);
    expect(summary(await readAll(log))).toEqual(expected);
  });

  it('forgets the oldest output beyond its bound and says exactly how much', async () => {
    const log = createEventLog(4);
    for (const event of [start, output('aa'), output('ee', 'stderr'), output('bb'), output('cc'), end])
      log.append(event);
    expect(summary(await readAll(log))).toEqual(['run_start', 'stdout-2', 'bb', 'cc', 'stderr-2', 'run_end']);
  });

  it('tells a slow reader only of what it missed', async () => {
    const log = createEventLog(2);
    const reader = log.events[Symbol.asyncIterator]();
    log.append(start);
    log.append(output('aa'));
    await reader.next();
    expect((await reader.next()).value).toMatchObject({ text: 'aa' });
    for (const event of [output('bbb'), output('cc'), end]) log.append(event);
    const rest: RunEvent[] = [];
    for (let next = await reader.next(); next.done !== true; next = await reader.next())
      rest.push(next.value);
    expect(summary(rest)).toEqual(['stdout-3', 'cc', 'run_end']);
  });

  it('keeps bounded memory over much output', async () => {
    const log = createEventLog(100);
    log.append(start);
    for (let index = 0; index < 20_000; index += 1) log.append(output('0123456789'));
    log.append(end);
    expect(summary(await readAll(log))).toEqual([
      'run_start',
      'stdout-199900',
      ...Array<string>(10).fill('0123456789'),
      'run_end',
    ]);
  });

  it('keeps a bounded number of pieces, however short', async () => {
    const log = createEventLog(1024 ** 2);
    log.append(start);
    for (let index = 0; index < 100_000; index += 1) log.append(output('x'));
    log.append(end);
    const [, dropped, ...kept] = await readAll(log);
    expect(dropped).toMatchObject({ type: 'output_dropped', bytes: 100_000 - 8192 });
    expect(kept).toHaveLength(8192 + 1);
  });

  it('lets go of what it forgets', async () => {
    const log = createEventLog(4);
    const forgotten = appendWeakly(log);
    log.append(output('cccc'));
    await collectGarbage();
    expect(forgotten.deref()).toBeUndefined();
  });

  it('takes nothing after run_end', async () => {
    const log = createEventLog(100);
    for (const event of [start, end, output('late'), end]) log.append(event);
    expect(summary(await readAll(log))).toEqual(['run_start', 'run_end']);
  });
});

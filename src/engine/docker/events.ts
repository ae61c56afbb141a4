/** The port's events over one engine: a stream of lines of JSON, of which only what starts and ends containers is passed on. */
import { EngineError } from '../../errors.js';
import type { CallOptions, ContainerEngine, EngineEvent } from '../types.js';
import { EVENT_NAMES, fromEvent } from './convert.js';
import { checkContainerId } from './identifiers.js';
import { MAX_LINE_BYTES, readLines } from './lines.js';
import type { Session } from './session.js';
import type { Transport } from './transport.js';

const tooLong = () =>
  new EngineError(
    'engine.failed',
    `The engine sent an event of more than ${String(MAX_LINE_BYTES)} bytes, which cannot be one.`,
  );

/**
 * The second after the present one by the engine's clock, which an answer's date tells: the stream ends then, with everything up to the call in
 * it. An engine that gives no date is taken to have our clock.
 */
async function nextSecond(transport: Transport, options: CallOptions | undefined): Promise<number> {
  const response = await transport.open(options, '/_ping');
  const stamp = Date.parse(response.headers.date ?? '');
  response.destroy();
  return Math.floor((Number.isNaN(stamp) ? Date.now() : stamp) / 1000) + 1;
}

/** Makes the port's `events`. */
export function createEvents(session: Session): NonNullable<ContainerEngine['events']> {
  async function* events(
    { containerId }: { readonly containerId: string },
    options?: CallOptions,
  ): AsyncGenerator<EngineEvent, void, undefined> {
    const doing = `read the events of container ${containerId}`;
    checkContainerId(containerId);
    const untilSeconds = await session.attempt(options, doing, () => nextSecond(session.transport, options));
    const filters = JSON.stringify({
      container: [containerId],
      type: ['container'],
      event: EVENT_NAMES,
    });
    // From the beginning, that is from what it still remembers (Docker: its last 256 events).
    const path = `/events?since=0&until=${untilSeconds}&filters=${encodeURIComponent(filters)}`;
    const response = await session.attempt(options, doing, () => session.transport.open(options, path));
    const cut = () => response.destroy();
    options?.signal?.addEventListener('abort', cut, { once: true });
    try {
      const lines = readLines(response as AsyncIterable<Uint8Array>, tooLong)[Symbol.asyncIterator]();
      for (;;) {
        const next = await session.attempt(options, doing, () => lines.next());
        options?.signal?.throwIfAborted();
        if (next.done === true) return;
        const event = fromEvent(next.value);
        if (event !== null) yield event;
      }
    } finally {
      options?.signal?.removeEventListener('abort', cut);
      cut();
    }
  }
  return events;
}

/** One connection of one call: a promise that rejects when it is cut or lost. Opens nothing itself. */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { createAgent, type Reach } from './connection.js';
import { ConnectionLost } from './errors.js';

/** A connection that can be cut from outside while somebody waits on it. */
export interface Line {
  /** Rejects once the line is cut; never resolves. */
  readonly cutOff: Promise<never>;
  /** Rejects once the connection has ended, by either side; never resolves. */
  readonly lost: Promise<never>;
  /** Registers what has to be let go when the line is cut; at once if it is already. */
  readonly onCut: (letGo: () => void) => void;
  readonly cut: () => void;
  /** Lets go of what is held without a word: the call is over, nobody waits any more. */
  readonly end: () => void;
  /** Notes that the connection has ended. */
  readonly lose: () => void;
}

const createFuse = (): { readonly blown: Promise<never>; blow(cause: Error): void } => {
  let blow: (cause: Error) => void = () => undefined;
  const blown = new Promise<never>((_resolve, reject) => {
    blow = reject;
  });
  // Nobody may be waiting any more when it blows.
  blown.catch(() => undefined);
  return { blown, blow };
};

/** Makes a line that nothing is connected to yet. */
export function createLine(): Line {
  const cutOff = createFuse();
  const lost = createFuse();
  const held: (() => void)[] = [];
  let isOver = false;
  let isAnswered = false;
  const letGo = (): void => {
    isOver = true;
    for (const each of held.splice(0)) each();
  };
  return {
    cutOff: cutOff.blown,
    lost: lost.blown,
    onCut(each) {
      if (isOver) each();
      else held.push(each);
    },
    cut() {
      if (isOver) return;
      cutOff.blow(new ConnectionLost('the connection was cut'));
      letGo();
    },
    end() {
      isAnswered = true;
      letGo();
    },
    lose() {
      // Most connections end once their call is answered, and an error that nobody waits for costs its stack all the same.
      if (!isAnswered) lost.blow(new ConnectionLost());
    },
  };
}

// docker-modem follows redirects, from where a failure is an uncaught exception. Without a location, a redirect is a status
// like any other, and an unexpected one.
/** Takes what a redirect would lead to from an answer. */
export function hideRedirect(response: IncomingMessage): void {
  const { statusCode = 0 } = response;
  // Headers that nobody asks for are not even put together.
  if (statusCode >= 300 && statusCode < 400) Reflect.deleteProperty(response.headers, 'location');
}

/**
 * Makes an agent whose only connection belongs to the line. A connection per call: one kept alive may be closed by the engine just
 * when the next call uses it. And docker-modem never answers a call whose connection ends between headers and body: the line tells.
 */
export function createLineAgent(line: Line, reach: Reach): Agent {
  const agent = createAgent(reach);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket = connect(options, callback);
    line.onCut(() => socket?.destroy());
    socket?.once('close', () => {
      // A complete answer is delivered in ticks before this.
      setImmediate(() => {
        line.lose();
      });
    });
    return socket;
  };
  // Every agent has `addRequest`; it is where the request is seen before its answer.
  const addRequest: unknown = Reflect.get(agent, 'addRequest');
  if (typeof addRequest === 'function') {
    const add = addRequest;
    Reflect.set(agent, 'addRequest', (request: ClientRequest, ...rest: unknown[]): unknown => {
      request.prependListener('response', hideRedirect);
      return Reflect.apply(add, agent, [request, ...rest]) as unknown;
    });
  }
  return agent;
}

/** Connections that stay open for a moment after their call, for the next call that may be made twice. It makes no call. */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { createKeepingAgent, type Reach } from './connection.js';
import { hideRedirect, type Line } from './line.js';

/** The connections that are kept to one engine. */
export interface KeptConnections {
  /** An agent for one call, whose connection belongs to the line as long as the call takes. */
  agentFor(line: Line): KeptAgent;
  /** Ends those that nobody uses, and keeps none any more. */
  close(): void;
}

/** An agent of one call. */
interface KeptAgent {
  readonly agent: Agent;
  /** Whether the call went over a connection that was left from another, and had no answer: the engine may have closed it just then. */
  readonly wasStale: () => boolean;
}

/** Null where connections are too dear to lose, or cannot be told from others: by ssh. */
export function createKeptConnections(reach: Reach): KeptConnections | null {
  const shared = createKeepingAgent(reach);
  if (shared === null) return null;
  return {
    agentFor(line) {
      let wasStale = (): boolean => false;
      // The shared one in all but how a request is taken: docker-modem asks nothing else of it.
      const agent = Object.create(shared) as Agent;
      const addRequest = (made: ClientRequest, ...rest: unknown[]): unknown => {
        const answer = lend(made, line);
        wasStale = () => made.reusedSocket && answer() === null;
        return Reflect.apply(addRequestOf(shared), shared, [made, ...rest]);
      };
      Reflect.set(agent, 'addRequest', addRequest);
      return { agent, wasStale: () => wasStale() };
    },
    close() {
      shared.destroy();
    },
  };
}

/** Has a connection be the line's until the call is over; then it is kept if the answer, which is given as soon as it begins, was read to its end. */
function lend(request: ClientRequest, line: Line): () => IncomingMessage | null {
  let answer: IncomingMessage | null = null;
  request.prependListener('response', (response) => {
    hideRedirect(response);
    answer = response;
  });
  request.once('socket', (socket) => {
    const onClose = (): void => {
      // A complete answer is delivered in ticks before this.
      setImmediate(() => {
        line.lose();
      });
    };
    socket.once('close', onClose);
    line.onCut(() => socket.off('close', onClose));
  });
  line.onCut(() => {
    if (answer?.complete !== true) request.destroy();
  });
  return () => answer;
}

/** Every agent has it; it is where a request is seen before its answer. */
const addRequestOf = (agent: Agent): ((...given: unknown[]) => unknown) =>
  Reflect.get(agent, 'addRequest') as (...given: unknown[]) => unknown;

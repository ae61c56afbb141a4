/** The port's networks over one engine. */
import type { EngineNetworks } from '../types.js';
import { fromNetworks } from './convert-system.js';
import type { Session } from './session.js';

/** Makes the port's networks. */
export function createNetworks(session: Session): EngineNetworks {
  return {
    list: async (options) =>
      fromNetworks(await session.call(options, 'list networks', (docker) => docker.listNetworks({}))),
  };
}

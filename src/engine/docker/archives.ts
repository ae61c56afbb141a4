/** Files that go into containers and come out of them, as tars, and what stands at a path. It knows no tar. */
import { EngineError } from '../../errors.js';
import type { EngineContainers } from '../types.js';
import { fromPathStat } from './convert-volumes.js';
import { statusOf } from './errors.js';
import { checkContainerId } from './identifiers.js';
import type { Session } from './session.js';
import { readTar, sendTar } from './tar-body.js';

const pathOf = (id: string, path: string): string =>
  `/containers/${checkContainerId(id)}/archive?path=${encodeURIComponent(path)}`;

/** Makes that part of the port's containers. */
export function createArchives(
  session: Session,
): Required<Pick<EngineContainers, 'copyIn' | 'copyOut' | 'lookAt'>> {
  const { transport } = session;
  return {
    copyIn: (id, path, tar, options) =>
      sendTar(tar, options, (body, call) =>
        session.attempt(call, `unpack a tar at ${path} in container ${id}`, async () => {
          const name = checkContainerId(id);
          await transport.call(call, (docker) => docker.getContainer(name).putArchive(body, { path }));
        }),
      ),

    copyOut: async (id, path, options) => {
      const doing = `read ${path} from container ${id}`;
      const response = await session.attempt(options, doing, async () =>
        transport.open(options, pathOf(id, path)),
      );
      return readTar(session, response, doing, options);
    },

    lookAt: (id, path, options) =>
      session.attempt(options, `look at ${path} in container ${id}`, async () => {
        try {
          const headers = await transport.head(options, pathOf(id, path));
          const found = fromPathStat(headers['x-docker-container-path-stat']);
          if (found !== null) return found;
        } catch (cause) {
          if (statusOf(cause) === 404) return null;
          throw cause;
        }
        throw new EngineError('engine.failed', `The engine's answer about ${path} cannot be understood.`);
      }),
  };
}

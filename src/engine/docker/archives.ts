/** Files that go into containers and come out of them, as tars, and what stands at a path. It knows no tar. */
import { EngineError } from '../../errors.js';
import type { CallOptions, EngineContainers } from '../types.js';
import { fromPathStat } from './convert-volumes.js';
import { messageOf, statusOf } from './errors.js';
import { checkContainerId } from './identifiers.js';
import type { Session } from './session.js';
import { readTar, sendTar } from './tar-body.js';

const pathOf = (id: string, path: string): string =>
  `/containers/${checkContainerId(id)}/archive?path=${encodeURIComponent(path)}`;

const LINK_LOOP = /too many (links|levels of symbolic links)/i;

/** Makes that part of the port's containers. */
export function createArchives(
  session: Session,
): Required<Pick<EngineContainers, 'copyIn' | 'copyOut' | 'lookAt'>> {
  const { transport } = session;

  /** Engines look where a link leads, and fail for one that leads to itself; why, only the answer to a GET says, and only in words. */
  const leadsNowhere = async (
    options: CallOptions | undefined,
    id: string,
    path: string,
  ): Promise<boolean> => {
    try {
      (await transport.open(options, pathOf(id, path))).destroy();
      return false;
    } catch (cause) {
      if (LINK_LOOP.test(messageOf(cause))) return true;
      throw cause;
    }
  };

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
          const status = statusOf(cause);
          if (status === 404) return null;
          if (status === null || !(await leadsNowhere(options, id, path))) throw cause;
          return 'symlink';
        }
        throw new EngineError('engine.failed', `The engine's answer about ${path} cannot be understood.`);
      }),
  };
}

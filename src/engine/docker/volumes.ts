/** The port's volumes over one engine. */
import { isDeepStrictEqual } from 'node:util';
import { EngineError } from '../../errors.js';
import type { EngineVolumes } from '../types.js';
import { dial } from './client.js';
import { fromDiskUsage, fromVolume, fromVolumeList, toVolumeBody } from './convert-volumes.js';
import { statusOf } from './errors.js';
import { checkVolumeName } from './identifiers.js';
import { toLabelQuery } from './label-query.js';
import type { Session } from './session.js';

const CREATE_STATUSES = { 201: true, 200: true, 400: 'bad parameter', 409: 'conflict', 500: 'server error' };

/** Without a type, and before version 1.42 with one, engines measure images and containers as well. */
const DISK_USAGE = {
  path: '/system/df?',
  method: 'GET',
  options: { type: 'volume' },
  statusCodes: { 200: true, 400: 'bad parameter', 500: 'server error' },
};

/** Makes the port's volumes. */
export function createVolumes(session: Session): EngineVolumes {
  return {
    create: async (spec, options) =>
      session.attempt(options, `make volume ${spec.name}`, async () => {
        checkVolumeName(spec.name);
        const request = {
          path: '/volumes/create?',
          method: 'POST',
          options: { _query: {}, _body: toVolumeBody(spec) },
          statusCodes: CREATE_STATUSES,
        };
        const body = await session.transport.call(options, (docker) => dial(docker, request));
        // Engines answer a name that is taken with the volume that has it.
        if (isDeepStrictEqual(fromVolume(body), { name: spec.name, labels: { ...spec.labels } })) return;
        throw new EngineError('engine.conflict', `There is another volume ${spec.name} already.`);
      }),

    remove: async (name, options) =>
      session.attempt(options, `remove volume ${name}`, async () => {
        checkVolumeName(name);
        try {
          await session.transport.call(options, (docker) => docker.getVolume(name).remove({}));
        } catch (cause) {
          if (statusOf(cause) !== 404) throw cause;
        }
      }),

    list: async (labels, options) =>
      fromVolumeList(
        await session.call(options, 'list volumes', (docker) => docker.listVolumes(toLabelQuery(labels))),
      ),

    usedBytes: async (options) =>
      fromDiskUsage(
        await session.call(options, 'ask what volumes hold', (docker) => dial(docker, DISK_USAGE)),
      ),
  };
}

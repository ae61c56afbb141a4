/** The port's containers over one engine. Each method is one call and what its answers mean; long stories have their own files. */
import { type Duplex, PassThrough } from 'node:stream';
import { oneLine } from '../../base/one-line.js';
import { EngineError } from '../../errors.js';
import type { ContainerSpec } from '../../plan/container-spec.js';
import type { CallOptions, ContainerInfo, EngineContainers } from '../types.js';
import type { Dialect } from './api-version.js';
import { createArchives } from './archives.js';
import { createAttachment } from './attach.js';
import { dial, type DockerClient, type DockerContainer } from './client.js';
import { fromCreate, fromInspect, fromList, fromSize, fromStats, toStartExitCode } from './convert.js';
import { toCreateBody } from './create-body.js';
import { messageOf, statusOf } from './errors.js';
import { checkContainerId, checkSignal, isFullId } from './identifiers.js';
import { toLabelQuery } from './label-query.js';
import { askAgain } from './passing-failure.js';
import { removeUntilGone } from './removal.js';
import type { Session } from './session.js';
import { hasEnded, waitForEnd, waitForStarted } from './wait.js';

const CREATE_STATUSES = {
  201: true,
  200: true,
  400: 'bad parameter',
  404: 'no such image',
  409: 'conflict',
  500: 'server error',
};

/** What dockerode's `createContainer` does, but the answer is kept whole. */
const create = (docker: DockerClient, spec: ContainerSpec, dialect: Dialect): Promise<unknown> => {
  const options = {
    // `_query` and `_body` apart: otherwise every option, the environment included, would stand in the URL too.
    _query: { name: spec.name, ...(spec.platform === null ? {} : { platform: spec.platform }) },
    _body: toCreateBody(spec, dialect),
  };
  return dial(docker, {
    path: '/containers/create?',
    method: 'POST',
    options,
    statusCodes: CREATE_STATUSES,
  });
};

/**
 * Podman makes a container ready for its start when somebody attaches to it; where that fails, so does its start, and says why. Until then
 * the output is one without a byte.
 */
const failedStart = (cause: unknown): Duplex => {
  if (statusOf(cause) === null || !/^preparing container \S+ for attach/.test(messageOf(cause))) throw cause;
  return new PassThrough().end();
};

/** Docker tells it by nothing but these words. */
const MISSING_SOURCE = /\bbind source path does not exist: (\/.*)$/;

/** Names the folder that was to be mounted and is not there; every other failure passes through raw. */
const missingSource = (cause: unknown): never => {
  const message = messageOf(cause);
  const source = statusOf(cause) === 400 ? MISSING_SOURCE.exec(message)?.[1] : undefined;
  if (source === undefined) throw cause;
  throw new EngineError('engine.failed', `Could not create the container: ${oneLine(message)}.`, {
    cause,
    details: { statusCode: 400, missingSource: source },
  });
};

/** Null for a missing container; every other failure passes through raw. */
const nullIfMissing = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    return await work;
  } catch (cause) {
    if (statusOf(cause) === 404) return null;
    throw cause;
  }
};

/** How a call is made: over a connection of its own, or one that is kept. */
type Way = 'call' | 'repeatable';

/** Makes the port's containers. */
export function createContainers(session: Session): EngineContainers {
  const { transport } = session;
  /** Ids of containers that were started here and have not been seen to end. */
  const started = new Set<string>();
  /** Those whose end was waited for and has not been looked at yet. */
  const ended = new Set<string>();

  /** Reads something of a container; null if it is missing. */
  const read = (
    id: string,
    options: CallOptions | undefined,
    use: (container: DockerContainer) => Promise<unknown>,
    way: Way = 'repeatable',
  ): Promise<unknown> =>
    nullIfMissing(askAgain(options, () => transport[way](options, (docker) => use(docker.getContainer(id)))));

  const inspectBody = (id: string, options: CallOptions | undefined, way?: Way): Promise<unknown> =>
    read(id, options, (container) => container.inspect({}), way);

  const look = async (
    id: string,
    options: CallOptions | undefined,
    way?: Way,
  ): Promise<ContainerInfo | null> => {
    const body = await inspectBody(id, options, way);
    return body === null ? null : fromInspect(body, await transport.dialect(options));
  };

  /**
   * An end is told only by an answer over a connection made for the question: an engine that is being shut down ends its containers and still
   * answers over the connections it has, but takes no others, which tells that the end was its doing.
   */
  const inspect = async (id: string, options: CallOptions | undefined): Promise<ContainerInfo | null> => {
    if (ended.delete(id)) return look(id, options, 'call');
    const info = await look(id, options);
    return info !== null && hasEnded(info) ? look(id, options, 'call') : info;
  };

  /** Only the state can tell what a failed start means: a status 404 may also be about a network or a runtime. */
  const toStartError = async (
    cause: unknown,
    id: string,
    options: CallOptions | undefined,
  ): Promise<Error> => {
    const message = messageOf(cause);
    const state = await inspectBody(id, options);
    if (state === null) return new EngineError('engine.not_found', `There is no container ${id}.`, { cause });
    if (/could not select device driver/i.test(message)) {
      return new EngineError(
        'engine.gpu_unavailable',
        `Container ${id} could not start: ${oneLine(message)}.`,
        {
          cause,
          hint: 'Install the NVIDIA container toolkit on the engine’s host, or do not ask for a GPU.',
        },
      );
    }
    const exitCode = toStartExitCode(state, message);
    return new EngineError(
      'engine.failed',
      `Container ${id} could not start: ${oneLine(message) || 'no reason given'}.`,
      {
        cause,
        details: { statusCode: statusOf(cause), ...(exitCode === null ? {} : { exitCode }) },
      },
    );
  };

  return {
    create: (spec, options) =>
      session.attempt(
        options,
        `create container ${spec.name}`,
        async () => {
          checkContainerId(spec.name);
          const dialect = await transport.dialect(options);
          const created = transport.call(options, (docker) => create(docker, spec, dialect));
          return fromCreate(await created.catch(missingSource));
        },
        { 404: 'engine.image_not_found' },
      ),

    attach: (id, options) =>
      session.attempt(options, `attach to container ${id}`, async () => {
        const path = `/containers/${checkContainerId(id)}/attach?stream=1`;
        const output = await transport.upgrade(options, `${path}&stdout=1&stderr=1`).catch(failedStart);
        try {
          const stdin = options.stdin
            ? await transport.upgrade(options, `${path}&stdin=1`).catch(failedStart)
            : null;
          return createAttachment({ output, stdin });
        } catch (cause) {
          output.destroy();
          throw cause;
        }
      }),

    start: (id, options) =>
      session.attempt(options, `start container ${id}`, async () => {
        checkContainerId(id);
        try {
          await transport.call(options, (docker) => docker.getContainer(id).start());
        } catch (cause) {
          const status = statusOf(cause);
          // 304: it runs already, as after a start whose answer was lost.
          if (status !== 304) throw status === null ? cause : await toStartError(cause, id, options);
        }
        // A name may be another container's tomorrow.
        if (isFullId(id)) started.add(id);
      }),

    wait: (id, options) =>
      session.attempt(options, `wait for container ${id}`, async () => {
        checkContainerId(id);
        if (started.has(id)) await waitForStarted(transport, id, options);
        else await waitForEnd(transport, look, id, options);
        started.delete(id);
        ended.add(id);
      }),

    kill: (id, signal, options) =>
      session.attempt(
        options,
        `send ${signal} to container ${id}`,
        async () => {
          const query = { _query: { signal: checkSignal(signal) }, _body: {} };
          checkContainerId(id);
          try {
            await nullIfMissing(transport.call(options, (docker) => docker.getContainer(id).kill(query)));
          } catch (cause) {
            // Engines say "not running" with 409 or 500; whether it is so, the state tells.
            const status = statusOf(cause);
            if (status !== 409 && status !== 500) throw cause;
            const info = await look(id, options);
            if (info?.status === 'running' || info?.status === 'paused') throw cause;
          }
        },
        { 409: 'engine.failed' },
      ),

    remove: (id, options) =>
      session.attempt(options, `remove container ${id}`, async () => {
        checkContainerId(id);
        const calls = {
          remove: () =>
            transport.repeatable(options, (docker) =>
              docker.getContainer(id).remove({ force: true, v: true }),
            ),
          inspect: () => look(id, options),
        };
        await removeUntilGone(id, calls, options);
        started.delete(id);
        ended.delete(id);
      }),

    inspect: (id, options) =>
      session.attempt(options, `inspect container ${id}`, () => inspect(checkContainerId(id), options)),

    list: (labels, options) =>
      session.attempt(options, 'list containers', async () => {
        const query = { all: true, ...toLabelQuery(labels) };
        const list = () => transport.call(options, (docker) => docker.listContainers(query));
        return fromList(await askAgain(options, list));
      }),

    stats: (id, options) =>
      session.attempt(options, `ask what container ${id} uses`, async () => {
        // one-shot: otherwise the engine waits for a second reading, for the sake of percentages.
        const query = { stream: false, 'one-shot': true } as const;
        checkContainerId(id);
        const body = await read(id, options, (container) => container.stats(query));
        return body === null ? null : fromStats(body);
      }),

    writtenBytes: (id, options) =>
      session.attempt(options, `ask what container ${id} has written`, async () => {
        checkContainerId(id);
        const body = await read(id, options, (container) => container.inspect({ size: true }));
        return body === null ? null : fromSize(body);
      }),

    ...createArchives(session),
  };
}

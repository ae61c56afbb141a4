/** What the fake engine does with containers: made, connected to, started, waited for, ended, removed and looked at, in that order. */
import { randomBytes } from 'node:crypto';
import type { ContainerInfo, EngineContainers } from '../engine/types.js';
import { EngineError } from '../errors.js';
import { fakeApplied } from './fake-applied.js';
import type { CopyCalls } from './fake-copy-calls.js';
import { createFakeContainer, type FakeContainer } from './fake-container.js';
import type { createFakeEvents } from './fake-events.js';
import type { FoundImage } from './fake-images.js';
import type { FakePerform } from './fake-failures.js';
import type { FakeEngineScript } from './fake-script.js';
import type { FakeVolume } from './fake-volumes.js';
import { hang, raceAbort } from './fake-waiting.js';

/** What that needs of the fake. */
export interface FakeContainerParts {
  readonly script: FakeEngineScript;
  readonly containers: Map<string, FakeContainer>;
  readonly volumes: ReadonlyMap<string, FakeVolume>;
  readonly history: ReturnType<typeof createFakeEvents>;
  readonly perform: FakePerform;
  readonly find: (idOrName: string) => FakeContainer | undefined;
  readonly findImage: (reference: string) => FoundImage | null;
  /** Removes it, whatever it does. */
  readonly forget: (container: FakeContainer) => void;
  /** Notes a call in the wrong order, and gives what it rejects with. */
  readonly violate: (message: string) => EngineError;
  readonly isAway: () => boolean;
}

/** Makes those calls. */
export function createFakeContainerCalls(
  parts: FakeContainerParts,
): Required<Omit<EngineContainers, keyof CopyCalls>> {
  const { script, containers, volumes, history, perform, find, findImage, forget, violate, isAway } = parts;
  const require = (id: string): FakeContainer => {
    const container = containers.get(id);
    if (container === undefined) throw new EngineError('engine.not_found', `no such container: ${id}`);
    return container;
  };
  return {
    create: async (spec, options) =>
      perform('containers.create', spec.name, options?.signal, () => {
        if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(spec.name))
          throw new EngineError('engine.failed', 'bad container name');
        if (findImage(spec.image) === null)
          throw new EngineError('engine.image_not_found', `no such image: ${spec.image}`);
        const absent = spec.mounts.find(({ type, source }) => type === 'volume' && !volumes.has(source));
        if (absent !== undefined)
          throw new EngineError('engine.failed', `there is no volume ${absent.source}`);
        const hidden = script.seesFiles === false && spec.mounts.find(({ type }) => type === 'bind');
        if (hidden) throw new EngineError('engine.failed', `there is no ${hidden.source} on this engine`);
        if (find(spec.name) !== undefined)
          throw new EngineError('engine.conflict', `the name ${spec.name} is taken`);
        const id = randomBytes(32).toString('hex');
        const container = createFakeContainer(id, spec, script.run ?? (() => undefined), {
          stamp: now,
          onEvent: (event) => {
            history.add(id, event);
          },
          stuck: script.stuck ?? false,
          volumes,
        });
        containers.set(id, container);
        return { id, warnings: [] };
      }),
    attach: async (id, options) =>
      perform('containers.attach', id, options.signal, () => {
        const container = require(id);
        if (container.state.status === 'running' && !options.stdin) {
          const { chunks, detach } = container.output.listen();
          return { output: chunks, stdin: null, close: detach };
        }
        if (container.state.status !== 'created') throw violate('attach comes before start');
        if (container.attached) throw violate('a container is attached once');
        container.attached = true;
        const { stdin, output } = container;
        return {
          output: output.chunks,
          stdin: options.stdin
            ? { write: async (bytes) => stdin.write(bytes), end: async () => stdin.end() }
            : null,
          close: () => {
            output.detach();
          },
        };
      }),
    start: async (id, options) =>
      perform('containers.start', id, options?.signal, () => {
        const container = require(id);
        if (container.state.status !== 'created') throw violate('a container is started once');
        if (!container.attached) throw violate('start comes after attach');
        const { startExitCode } = script;
        const refused =
          typeof startExitCode === 'function' ? startExitCode(container.spec) : (startExitCode ?? null);
        if (refused === null) {
          container.start();
          return;
        }
        container.refuseStart(refused);
        throw new EngineError('engine.failed', container.state.error, { details: { exitCode: refused } });
      }),
    wait: async (id, options) =>
      perform('containers.wait', id, options?.signal, async () => {
        const { ended } = require(id);
        await raceAbort(ended, options?.signal);
        // A wait whose connection died never settles by itself.
        if (isAway()) await hang(options?.signal);
      }),
    kill: async (id, signal, options) =>
      perform('containers.kill', id, options?.signal, () => {
        containers.get(id)?.signal(signal);
      }),
    remove: async (id, options) =>
      perform('containers.remove', id, options?.signal, () => {
        const container = containers.get(id);
        if (container === undefined) return;
        if (script.stuck === true && container.state.status === 'running')
          throw new EngineError('engine.failed', `the container ${id} could not be killed`);
        forget(container);
      }),
    inspect: async (id, options) =>
      perform('containers.inspect', id, options?.signal, () => {
        const container = find(id);
        if (container === undefined) return null;
        const { spec } = container;
        return { ...infoOf(container), applied: fakeApplied(script, spec, findImage(spec.image)?.image) };
      }),
    list: async (labels, options) =>
      perform('containers.list', null, options?.signal, () =>
        [...containers.values()]
          .filter(({ spec }) => Object.entries(labels).every(([name, value]) => spec.labels[name] === value))
          .map(({ id, spec }) => ({ id, name: spec.name, imageId: spec.image, labels: spec.labels })),
      ),
    stats: async (id, options) =>
      perform('containers.stats', id, options?.signal, () => {
        const container = containers.get(id);
        return container?.state.status === 'running' ? container.stats : null;
      }),
    writtenBytes: async (id, options) =>
      perform(
        'containers.writtenBytes',
        id,
        options?.signal,
        () => containers.get(id)?.writtenBytes() ?? null,
      ),
  };
}

const now = (): string => new Date().toISOString();

function infoOf({ id, spec, state }: FakeContainer): Omit<ContainerInfo, 'applied'> {
  return { id, name: spec.name, imageId: spec.image, labels: spec.labels, ...state };
}

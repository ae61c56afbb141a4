/** Builds of berthkit with a defect, as wrappers around its parts: whoever looks for violations has to find each of them. */
import type {
  CallOptions,
  ContainerEngine,
  EngineContainers,
  RunHandle,
  RunOutcome,
  RunResult,
  RunStore,
  Runtime,
  StorageAdapter,
} from 'berthkit';
import { secretOf } from './jobs.js';
import type { Violation } from './violation.js';

/** A defect, by what it puts in the place of berthkit's own parts. */
export interface Defect {
  /** What has to be found. */
  readonly breaks: Violation['invariant'];
  readonly engine?: (engine: ContainerEngine) => ContainerEngine;
  readonly storage?: (storage: StorageAdapter) => StorageAdapter;
  readonly store?: (store: RunStore) => RunStore;
  readonly runtime?: (runtime: Runtime) => Runtime;
}

const withContainers =
  (change: (containers: EngineContainers) => Partial<EngineContainers>) =>
  (engine: ContainerEngine): ContainerEngine => ({
    ...engine,
    containers: { ...engine.containers, ...change(engine.containers) },
  });

/** The defects there are. */
export const DEFECTS: Readonly<Record<string, Defect>> = {
  'never-removes': {
    breaks: 'nothing_is_left',
    engine: withContainers(() => ({ remove: async () => Promise.resolve() })),
  },
  'removes-look-alikes': {
    breaks: 'nothing_else_is_touched',
    engine: withContainers((containers) => ({
      remove: async (id, options) => {
        await containers.remove(id, options);
        for (const { id: other } of await containers.list({ 'berthkit.run-id': 'bystander' })) {
          await containers.remove(other, options);
        }
      },
    })),
  },
  'starts-twice': {
    breaks: 'one_start_and_all_or_no_uploads',
    engine: (engine) => {
      const { containers } = engine;
      // What they are given is given once: started again, such a job would wait for ever.
      const takesInput = new Set<string>();
      /** Whoever sees that a job was started breaks off what else its start does: until it was started again, nobody may see it. */
      const starting = new Map<string, Promise<void>>();
      const startTwice = async (id: string, options?: CallOptions): Promise<void> => {
        await containers.start(id, options);
        if (takesInput.has(id)) return;
        await containers.kill(id, 'SIGKILL', options);
        await containers.wait(id, options);
        await containers.start(id, options);
      };
      return withContainers(() => ({
        create: async (spec, options) => {
          const created = await containers.create(spec, options);
          if (spec.stdin) takesInput.add(created.id);
          return created;
        },
        start: async (id, options) => {
          const started = startTwice(id, options);
          starting.set(id, started);
          await started;
        },
        inspect: async (id, options) => {
          await starting.get(id)?.catch(() => undefined);
          return containers.inspect(id, options);
        },
      }))(engine);
    },
  },
  'tells-secrets': {
    breaks: 'secrets_stay_secret',
    engine: withContainers((containers) => ({
      create: async (spec, options) => {
        const runId = spec.labels['berthkit.run-id'] ?? '';
        return containers.create({ ...spec, labels: { ...spec.labels, told: secretOf(runId) } }, options);
      },
    })),
  },
  'publishes-nothing': {
    breaks: 'success_is_proven',
    storage: (storage) => ({
      ...storage,
      begin: () => ({
        write: async (path, body, { sizeBytes }) => {
          let readBytes = 0;
          for await (const part of body) readBytes += part.length;
          return { path, type: 'file', sizeBytes: Math.min(readBytes, sizeBytes) };
        },
        commit: async () => Promise.resolve(),
        abort: async () => Promise.resolve(),
      }),
    }),
  },
  'publishes-half': {
    breaks: 'one_start_and_all_or_no_uploads',
    storage: (storage) => ({
      ...storage,
      begin: () => ({
        write: async (path, body, options) =>
          path.endsWith('/a.txt')
            ? storage.write(path, body, options)
            : { path, type: 'file', sizeBytes: options.sizeBytes },
        commit: async () => Promise.resolve(),
        abort: async () => Promise.resolve(),
      }),
    }),
  },
  'calls-failures-successes': {
    breaks: 'success_is_proven',
    runtime: (runtime) => ({
      ...runtime,
      startJob: (definition, options) => withResult(runtime.startJob(definition, options), toSuccess),
    }),
  },
  'never-settles': {
    breaks: 'one_end',
    runtime: (runtime) => ({
      ...runtime,
      startJob: (definition, options) => ({
        ...runtime.startJob(definition, options),
        result: new Promise<never>(() => undefined),
      }),
    }),
  },
  'loses-ends': {
    breaks: 'one_end',
    store: (store) => ({ ...store, end: async () => Promise.resolve(true) }),
  },
};

function withResult(handle: RunHandle, change: (outcome: RunOutcome) => RunResult): RunHandle {
  const result = handle.result.then((own) => change({ outcome: 'result', result: own }));
  result.catch(() => undefined);
  return { ...handle, result };
}

function toSuccess(outcome: RunOutcome): RunResult {
  if (outcome.outcome === 'error') throw new Error(outcome.error.message);
  return { ...outcome.result, status: 'succeeded', reason: 'completed', category: null, exitCode: 0 };
}

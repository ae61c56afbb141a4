/** Finds out whether an engine sees a folder of this host: something in it is read back through a container that has it mounted and is never started. */
import type { ContainerEngine } from '../engine/types.js';
import { EngineError, JobRuntimeError } from '../errors.js';
import { abortable } from '../host/chunks.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { readTar } from '../workspace/read-tar.js';
import { createContainer, type Leaving } from './create-container.js';
import { engineCall } from './engine-call.js';

/** What is to be read back. */
export interface ProofOptions {
  readonly engine: ContainerEngine;
  /** Has the folder mounted; the caller removes it in the end, also when this rejects. */
  readonly spec: ContainerSpec;
  /** For an engine that does not answer when the run is over. */
  readonly leaving: Leaving;
  /** Removes what was made of it, if anything was. */
  readonly remove: (signal: AbortSignal) => Promise<void>;
  /** The file in the container. */
  readonly path: string;
  /** What nobody else can have written. */
  readonly marker: string;
  readonly signal: AbortSignal;
}

/** `null`: the engine refuses to show it, which proves neither. */
export type Proof = 'seen' | 'unseen' | null;

/** What was found out of engines. */
export interface TransportMemory {
  /**
   * What is known of an engine, else what `find` comes to. Who comes meanwhile waits for that; a failure is not remembered, and each of those who waited
   * finds out by itself: one after the other they would wait for a silent engine as often as there are of them.
   *
   * @throws what `find` rejects with; the signal's reason.
   */
  proofOf(engine: ContainerEngine, find: () => Promise<Proof>, signal: AbortSignal): Promise<Proof>;
  /** What is known of an engine; undefined: nothing yet. */
  known(engine: ContainerEngine): Proof | undefined;
}

/** Nothing found out yet. */
export function createTransportMemory(): TransportMemory {
  const known = new WeakMap<ContainerEngine, { readonly proof: Proof }>();
  /** What was begun last; settled, it keeps nobody waiting. */
  const underWay = new WeakMap<ContainerEngine, Promise<unknown>>();
  return {
    async proofOf(engine, find, signal) {
      const other = underWay.get(engine);
      if (other !== undefined) await abortable(other, signal);
      const found = known.get(engine);
      if (found !== undefined) return found.proof;
      const finding = find();
      const settled = finding.then(
        (proof) => known.set(engine, { proof }),
        () => undefined,
      );
      underWay.set(engine, settled);
      return finding;
    },
    known: (engine) => known.get(engine)?.proof,
  };
}

/**
 * Reads the marker back.
 *
 * @throws `engine.unreachable` and the like: what says nothing about the folder; the signal's reason.
 */
export async function proveSeen(options: ProofOptions): Promise<Proof> {
  const { engine, path, marker, signal } = options;
  const made = await createMounted(options);
  if (made === 'unseen') return 'unseen';
  const found = await attempt(async () =>
    engineCall('copy out', signal, async (call) => {
      const tar = await engine.containers.copyOut?.(made.id, path, { signal: call });
      return { text: tar === undefined ? null : await markerIn(tar, call) };
    }),
  );
  if (found === 'missing') return whyMissing(options, made.id);
  if (found === 'refused' || found.text === null) return null;
  return found.text === marker ? 'seen' : 'unseen';
}

/**
 * The same is said of a container that somebody removed meanwhile, and by a proxy of a call that it does not let through.
 *
 * @throws `engine.not_found` for the first.
 */
async function whyMissing({ engine, spec, signal }: ProofOptions, id: string): Promise<Proof> {
  const { containers } = engine;
  const container = await engineCall('inspect', signal, async (call) =>
    containers.inspect(id, { signal: call }),
  );
  if (container === null) {
    throw new EngineError('engine.not_found', `The container ${spec.name} was removed by somebody else.`);
  }
  const root = await attempt(async () =>
    engineCall('look at a path', signal, async (call) => containers.lookAt?.(id, '/', { signal: call })),
  );
  return root === 'directory' ? 'unseen' : null;
}

/**
 * Most engines refuse to mount what is not there. They may refuse for other reasons: only one that takes the same without the folder in between, and
 * refuses it twice, does not see it.
 */
async function createMounted(options: ProofOptions): Promise<{ readonly id: string } | 'unseen'> {
  const { spec, remove, signal } = options;
  const create = async (what: ContainerSpec) => createContainer({ ...options, spec: what });
  const first = await attempt(async () => create(spec));
  if (typeof first !== 'string') return first;
  // A proxy may say so of what was made all the same.
  await remove(signal);
  await create({ ...spec, mounts: [] });
  await remove(signal);
  const second = await attempt(async () => create(spec));
  return typeof second === 'string' ? 'unseen' : second;
}

async function attempt<T>(work: () => Promise<T>): Promise<T | 'missing' | 'refused'> {
  try {
    return await work();
  } catch (error) {
    if (!JobRuntimeError.isInstance(error)) throw error;
    if (error.code === 'engine.not_found') return 'missing';
    if (error.code === 'engine.failed') return 'refused';
    throw error;
  }
}

/** A file of another length is not the marker, whatever is in it. */
const MOST_BYTES = 1_024;

async function markerIn(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
  let text = '';
  await readTar(tar, signal, async (source) => {
    if (source.header.type !== 'file' || source.header.size > MOST_BYTES) return 'enough';
    for await (const chunk of source as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString();
    return 'more';
  });
  return text;
}

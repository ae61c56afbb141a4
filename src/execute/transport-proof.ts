/** Finds out whether an engine sees a folder of this host: something in it is read back through a container that has it mounted and is never started. */
import type { ContainerEngine } from '../engine/types.js';
import { JobRuntimeError } from '../errors.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { readTar } from '../workspace/read-tar.js';
import { engineCall } from './engine-call.js';

/** What is to be read back. */
export interface ProofOptions {
  readonly engine: ContainerEngine;
  /** Has the folder mounted; the caller removes it, also when this rejects. */
  readonly spec: ContainerSpec;
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
  get(engine: ContainerEngine): Proof | undefined;
  set(engine: ContainerEngine, proof: Proof): void;
}

/** Nothing found out yet. */
export function createTransportMemory(): TransportMemory {
  const known = new WeakMap<ContainerEngine, { readonly proof: Proof }>();
  return {
    get: (engine) => known.get(engine)?.proof,
    set: (engine, proof) => {
      known.set(engine, { proof });
    },
  };
}

/**
 * Reads the marker back.
 *
 * @throws `engine.unreachable` and the like: what says nothing about the folder; the signal's reason.
 */
export async function proveSeen({ engine, spec, path, marker, signal }: ProofOptions): Promise<Proof> {
  signal.throwIfAborted();
  const made = await attempt(async () =>
    engineCall('create', undefined, async (call) => engine.containers.create(spec, { signal: call })),
  );
  // Most engines refuse to mount what is not there.
  if (typeof made === 'string') return 'unseen';
  const found = await attempt(async () =>
    engineCall('copy out', signal, async (call) => {
      const tar = await engine.containers.copyOut?.(made.id, path, { signal: call });
      return { text: tar === undefined ? null : await markerIn(tar, call) };
    }),
  );
  if (found === 'refused' || (found !== 'missing' && found.text === null)) return null;
  return found !== 'missing' && found.text === marker ? 'seen' : 'unseen';
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

/** Attaches to a created container and makes sure that it is what was asked for, before anything runs in it. It neither starts nor removes it. */
import type { Attachment, ContainerEngine, ContainerInfo } from '../engine/types.js';
import { EngineError, PolicyError } from '../errors.js';
import { attest, type ImageDefaults, type SpecDifference } from '../plan/attestation.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { attachInTime } from './attach.js';
import { engineCall } from './engine-call.js';

/** What a container is attached to with, and what it has to be. */
export interface AttestedAttachment {
  readonly engine: ContainerEngine;
  readonly spec: ContainerSpec;
  /** What was inspected under `spec.image`; null: nothing is compared. */
  readonly image: ImageDefaults | null;
  readonly stdin: boolean;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
}

/** Differences a message tells in full; `details.differences` has them all. */
const TOLD = 5;

const SWAP = 'resources.swapBytes';

/**
 * Attaches while the container is compared with what was asked for, so that the comparison has to wait for nothing. Both have settled when
 * this does; of two failures the comparison's is the one told.
 *
 * @throws `policy.violated` with `details.differences`; `engine.not_found` if it is gone; else what the engine's calls throw.
 */
export async function attachAttested(id: string, parts: AttestedAttachment): Promise<Attachment> {
  const { engine, stdin } = parts;
  const attaching = attachInTime(engine, id, { stdin, signal: parts.signal });
  const [attached, attested] = await Promise.allSettled([attaching, attestContainer(id, parts)]);
  if (attested.status === 'rejected') {
    if (attached.status === 'fulfilled') attached.value.close();
    throw attested.reason;
  }
  if (attached.status === 'rejected') throw attached.reason;
  return attached.value;
}

/**
 * Where the engine's kernel cannot limit swap, open swap is a warning: the memory itself is limited, and nobody changed the request.
 */
async function attestContainer(
  id: string,
  { engine, spec, image, signal, onWarning }: AttestedAttachment,
): Promise<void> {
  if (image === null) return;
  const info = await engineCall('inspect', signal, (callSignal) =>
    engine.containers.inspect(id, { signal: callSignal }),
  );
  if (info === null) {
    throw new EngineError('engine.not_found', `container ${spec.name} was removed before its start`);
  }
  const differences = attest(spec, image, info);
  if (differences.length === 0) return;
  if (!(await isOpenSwapAlone(engine, differences, info, signal))) throw violation(spec, differences);
  onWarning('the engine cannot limit swap: the job may use more of it than it has memory');
}

/** Only unlimited swap: any other amount was somebody's choice. */
async function isOpenSwapAlone(
  engine: ContainerEngine,
  differences: readonly SpecDifference[],
  { applied }: ContainerInfo,
  signal: AbortSignal,
): Promise<boolean> {
  if (applied?.resources.swapBytes !== null || differences.some(({ field }) => field !== SWAP)) return false;
  const { limitsSwap } = await engineCall('info', signal, (callSignal) =>
    engine.info({ signal: callSignal }),
  );
  return !limitsSwap;
}

function violation(spec: ContainerSpec, differences: readonly SpecDifference[]): PolicyError {
  const told = differences
    .slice(0, TOLD)
    .map(({ field, wanted, found }) => `${field}: ${found} instead of ${wanted}`);
  const more = differences.length - told.length;
  if (more > 0) told.push(`and ${String(more)} more`);
  const message = `container ${spec.name} is not what was asked for, so it was not started: ${told.join('; ')}`;
  return new PolicyError('policy.violated', message, {
    hint: 'the engine cannot do what was asked, or something between berthkit and the engine changes requests; compare the warnings of `docker info`',
    details: { differences },
  });
}

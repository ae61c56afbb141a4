/** The story of one examination: ask the engine, choose an image, wait for a place, try limits, prove the transport, conclude. */
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { ContainerEngine, EngineInfo } from '../engine/types.js';
import { JobRuntimeError } from '../errors.js';
import type { Release } from '../execute/admission.js';
import { createStopSource, type StopSource } from '../execute/stop.js';
import type { ImageVerifier } from '../execute/verify-image.js';
import type { Owner } from '../host/file-content.js';
import { shortageOf } from '../workspace/disk-shortage.js';
import { type AskedEngine, askInfo, countNetworks, measureDisk } from './ask-system.js';
import { findImages, type ImageCandidates } from './choose-image.js';
import {
  addressPoolsCheck,
  clockCheck,
  diskCheck,
  endpointCheck,
  engineDiskCheck,
  engineChecks,
  imagesCheck,
  transportCheck,
  type TransportProofs,
  unreachableChecks,
} from './engine-checks.js';
import { proveTransport, unprovenBy, untriedBy } from './prove-transport.js';
import type { DoctorCheck, DoctorImage, DoctorReport } from './report.js';
import type { ProbeParts } from './run-probe.js';
import { rootFreeBytes } from './judge-limits.js';
import { limitChecks, type TriedLimits, tryLimits, untried, type UntriedLimits } from './try-limits.js';

/** What is examined, and with what. */
export interface Examination {
  readonly config: RuntimeConfig;
  readonly engine: () => Promise<ContainerEngine>;
  /** Null: chosen among those that are there. */
  readonly image: string | null;
  readonly verifier: ImageVerifier | undefined;
  /** Who jobs are. */
  readonly user: Owner;
  readonly identity: { readonly instance: string; readonly owner: string };
  readonly examinationId: string;
  /**
   * Waits for a place among runs, as its containers take what runs take.
   *
   * @throws what keeps a run from having one.
   */
  readonly admit: (stop: StopSource) => Promise<Release>;
  readonly stop: StopSource;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly monotonic: () => number;
  /** Something could not be removed. */
  readonly onLeftover: () => void;
}

/** How long it waits for a place among runs. */
const PLACE_MS = 60_000;

interface Tried {
  readonly limits: TriedLimits;
  readonly transport: TransportProofs;
}

/** Never rejects: what could not be found out is in the report. */
export async function examine(examination: Examination): Promise<DoctorReport> {
  const { config, now, monotonic, stop } = examination;
  const beganAt = now();
  const beganMs = monotonic();
  const leftovers: string[] = [];
  const { minFreeBytes, minFreeInodes } = config.workspace;
  const space = await measureDisk(config.workspaceRoot);
  const shortage =
    space === null ? null : shortageOf(space, config.workspaceRoot, { minFreeBytes, minFreeInodes });
  let engine: ContainerEngine | null = null;
  let asked: AskedEngine | null = null;
  let checks: readonly DoctorCheck[];
  let freeNetworks: number | null = null;
  let tried: Tried;
  try {
    engine = await examination.engine();
    asked = await askInfo(engine, now, stop.signal);
    const networks = await countNetworks(engine, asked.info, stop.signal);
    freeNetworks = networks.known ? networks.free : null;
    tried = await tryAll(examination, { engine, info: asked.info }, leftovers);
    checks = [
      endpointCheck(engine.location ?? null),
      ...engineChecks(asked.info, config.policy),
      clockCheck(asked.clockSkewMs, asked.uncertaintyMs),
      addressPoolsCheck(freeNetworks, networks.known ? '' : networks.why),
    ];
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const hint = JobRuntimeError.isInstance(error) ? error.hint : undefined;
    tried = nothingTried(config, problem);
    checks = [endpointCheck(engine?.location ?? null), ...unreachableChecks(problem, hint)];
  }
  const engineFreeBytes = rootFreeBytes(tried.limits.ends.bounds);
  const all = [
    ...checks,
    diskCheck(space?.bytes ?? null, config.workspaceRoot, shortage),
    engineDiskCheck(engineFreeBytes, minFreeBytes),
    imagesCheck(config.policy),
    transportCheck(tried.transport),
  ];
  const limits = limitChecks(tried.limits, config.policy.security.acceptUnenforced);
  return {
    schemaVersion: 1,
    at: new Date(beganAt).toISOString(),
    durationMs: Math.round(monotonic() - beganMs),
    healthy:
      all.every(({ status }) => status !== 'failed') &&
      limits.every(({ state, accepted }) => state === 'enforced' || accepted),
    endpoint: engine?.location ?? null,
    engine: asked?.info ?? null,
    image: tried.limits.image,
    checks: all,
    limits,
    measured: {
      freeBytes: space?.bytes ?? null,
      freeInodes: space?.inodes ?? null,
      engineFreeBytes,
      clockSkewMs: asked?.clockSkewMs ?? null,
      freeNetworks,
    },
    leftovers,
  };
}

/** Never rejects. */
async function tryAll(
  examination: Examination,
  { engine, info }: { readonly engine: ContainerEngine; readonly info: EngineInfo },
  leftovers: string[],
): Promise<Tried> {
  const { config, user, image: reference, verifier, stop } = examination;
  let release: Release | null = null;
  try {
    const candidates: ImageCandidates = await findImages({
      ...{ engine, reference, verifier },
      policy: config.policy,
      signal: stop.signal,
    });
    if (!candidates.found) return nothingTried(config, candidates.problem, 'image');
    release = await waitForPlace(examination);
    const partsFor = (image: DoctorImage): ProbeParts => probeParts(examination, engine, image, leftovers);
    const limits = await tryLimits(candidates.images, partsFor);
    const { image } = limits;
    if (image === null) return nothingSeen(config, limits);
    return { limits, transport: await proveTransport({ config, user, info, probe: partsFor(image) }) };
  } catch (error) {
    return nothingTried(config, error instanceof Error ? error.message : String(error));
  } finally {
    release?.();
  }
}

function nothingTried(
  config: Examination['config'],
  problem: string,
  cause: 'image' | 'container' = 'container',
): Tried {
  return nothingSeen(config, untried(problem, cause));
}

/** Without a container that runs, the transport is as unknown as the limits are. */
function nothingSeen({ workspace }: Examination['config'], limits: UntriedLimits): Tried {
  return { limits, transport: unprovenBy(workspace.transport, untriedBy(limits.why)) };
}

async function waitForPlace({ admit, stop, now }: Examination): Promise<Release> {
  const waiting = createStopSource(() => new Date(now()).toISOString(), stop);
  const timer = setTimeout(() => {
    const message = `there was no place among runs for its containers within ${String(PLACE_MS)} ms`;
    waiting.stop({ reason: 'queue_expired', by: 'deadline', message });
  }, PLACE_MS);
  try {
    return await admit(waiting);
  } finally {
    clearTimeout(timer);
  }
}

function probeParts(
  examination: Examination,
  engine: ContainerEngine,
  image: DoctorImage,
  leftovers: string[],
): ProbeParts {
  const { config, identity, examinationId, stop, now, onLeftover } = examination;
  const { runtime, init } = config.policy.security;
  return {
    ...{ engine, identity, examinationId, runtime, init, stop },
    imageId: image.id,
    labelPrefix: config.labelPrefix,
    timestamp: () => new Date(now()).toISOString(),
    onLeftover: (name, error) => {
      leftovers.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      onLeftover();
    },
  };
}

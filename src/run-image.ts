/** The step of a run that has its image: there, for its platform, by its digest, and accepted by whoever verifies images. */
import { createRedactor } from './base/redact.js';
import type { ContainerEngine } from './engine/types.js';
import { EngineError, ImageError } from './errors.js';
import { ensureImage, type EnsuredImage } from './execute/ensure-image.js';
import {
  findRegistryAuth,
  type FoundCredentials,
  secretOf,
  withLoginProblem,
} from './execute/registry-auth.js';
import { verifyImage } from './execute/verify-image.js';
import type { HeldImage } from './images/image-gc.js';
import { impossibleVolume } from './plan/image-volumes.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Cleanup } from './run-cleanup.js';
import type { Run } from './run-context.js';
import { requireNeeds } from './run-engine-needs.js';
import { REGISTRY_CREDENTIALS } from './run-leaks.js';

/** Has the image there, by pulling it if need be. */
export async function prepareImage(
  run: Run,
  plan: RunPlan,
  cleanup: Cleanup,
): Promise<EnsuredImage & { readonly engine: ContainerEngine }> {
  return run.timed('pullMs', 'pull', async () => {
    run.stop.signal.throwIfAborted();
    const engine = await run.engine();
    requireVerifiable(run, engine);
    await requireNeeds(run, plan, engine);
    const held = await holdImage(run, plan, cleanup);
    const problems: string[] = [];
    const image = await ensureImage({
      engine,
      pulls: run.pulls,
      image: plan.image,
      pullMs: plan.timeouts.pullMs,
      signal: run.stop.signal,
      monotonic: () => run.monotonic(),
      credentials: async (renew) => findCredentials(run, plan, renew, problems),
      onPullStart: () => {
        run.emit('pull_start', { reference: plan.image.reference });
      },
      onProgress: ({ layer, status, currentBytes, totalBytes }) => {
        run.emit('pull_progress', { layer, status: run.record.redact(status), currentBytes, totalBytes });
      },
      onFallback: (message) => {
        run.warn(message);
      },
    }).catch((error: unknown) => {
      throw withLoginProblem(error, problems.at(-1));
    });
    run.record.imageDigest = image.digest;
    run.record.image = image.info;
    await held.used(image.info.id);
    requireCoverable(plan, image);
    await verifyIfAsked(run, plan, image);
    run.emit('pull_end', { digest: image.digest, pulled: image.pulled });
    await run.note({ name: 'image_ready' });
    return { ...image, engine };
  });
}

/** Before anything is made for the run: a volume that nothing can cover is no passing trouble of the engine. */
function requireCoverable({ image: { reference } }: RunPlan, { info }: EnsuredImage): void {
  const volume = impossibleVolume(info.volumes);
  if (volume === undefined) return;
  const problem = `the image ${reference} declares VOLUME ${JSON.stringify(volume)}, which nothing can cover`;
  throw new ImageError('image.rejected', problem, {
    hint: 'build it without that VOLUME, or use another image',
    details: { volume },
  });
}

/** Beside the times of the steps up to the container: for the folders, the check of the image, and what is slow about an engine. */
const HOLD_MORE_MS = 600_000;

/** Until the run is over, or its time to have a container is; from then on that container keeps the image. */
async function holdImage(run: Run, { image, timeouts }: RunPlan, cleanup: Cleanup): Promise<HeldImage> {
  const { pullMs, stageMs, secretsMs } = timeouts;
  const held = await run.holdImage({
    reference: image.reference,
    forMs: pullMs + stageMs + secretsMs + HOLD_MORE_MS,
    signal: run.stop.signal,
    onProblem: (message) => {
      run.warn(message);
    },
  });
  // It never fails, so nobody will be told that it was the container.
  cleanup.add('container', async () => held.release());
  return held;
}

/** From here on the run knows them as secrets. `problems` gets what kept some away. */
async function findCredentials(
  run: Run,
  plan: RunPlan,
  renew: boolean,
  problems: string[],
): Promise<FoundCredentials | null> {
  const { record, options, ports, stop } = run;
  const { reference } = plan.image;
  const sources = {
    given: options.registryAuth,
    resolver: ports.resolveRegistryAuth,
    ambient: run.registryAuth,
  };
  const found = await findRegistryAuth(sources, {
    reference,
    renew,
    timeoutMs: plan.timeouts.secretsMs,
    signal: stop.signal,
    onProblem: (message) => {
      problems.push(message);
      run.warn(message);
    },
  });
  if (found !== null) {
    record.secrets.add(REGISTRY_CREDENTIALS, secretOf(found.credentials));
    record.redactor = createRedactor(record.secrets.values());
  }
  return found;
}

async function verifyIfAsked(run: Run, plan: RunPlan, { info, digest }: EnsuredImage): Promise<void> {
  const { verifyImage: verifier } = run.ports;
  if (verifier === undefined) return;
  const { reference } = plan.image;
  await verifyImage(verifier, { reference, digest, imageId: info.id }, run.stop.signal);
}

/** Before anything is done: whether the container will be compared with what was asked for before it starts. */
function requireVerifiable(run: Run, engine: ContainerEngine): void {
  if (engine.capabilities.verifiableSpec) return;
  const what = `engine "${engine.name}" cannot tell what it applied to a container`;
  if (!run.config.policy.security.requireAttestation) {
    run.warn(`${what}: this run was not compared with what was asked for before its start`);
    return;
  }
  throw new EngineError('engine.unsupported', `${what}, and policy.security.requireAttestation demands it`);
}

/** The step of a run that has its image: there, for its platform, by its digest, and accepted by whoever verifies images. */
import type { ContainerEngine } from './engine/types.js';
import { EngineError } from './errors.js';
import { ensureImage, type EnsuredImage } from './execute/ensure-image.js';
import { verifyImage } from './execute/verify-image.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Run } from './run-context.js';

/** Has the image there, by pulling it if need be. */
export async function prepareImage(
  run: Run,
  plan: RunPlan,
): Promise<EnsuredImage & { readonly engine: ContainerEngine }> {
  return run.timed('pullMs', 'pull', async () => {
    run.stop.signal.throwIfAborted();
    const engine = await run.engine();
    requireVerifiable(run, engine);
    const image = await ensureImage({
      engine,
      pulls: run.pulls,
      plan,
      signal: run.stop.signal,
      onPullStart: () => {
        run.emit('pull_start', { reference: plan.image.reference });
      },
      onProgress: ({ layer, status, currentBytes, totalBytes }) => {
        run.emit('pull_progress', { layer, status, currentBytes, totalBytes });
      },
      onFallback: (message) => {
        run.warn(message);
      },
    });
    run.record.imageDigest = image.digest;
    await verifyIfAsked(run, plan, image);
    run.emit('pull_end', { digest: image.digest, pulled: image.pulled });
    await run.note({ name: 'image_ready' });
    return { ...image, engine };
  });
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

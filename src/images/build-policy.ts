/** What a build may be: its request checked and judged before anything is sent, its Dockerfile before any step runs. It builds nothing. */
import { parseImageReference } from '../base/image-reference.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { BuildOptions, EngineImages } from '../engine/types.js';
import { ImageError, type PolicyError, ValidationError } from '../errors.js';
import { engineCall } from '../execute/engine-call.js';
import { allowedHint } from '../policy/hint.js';
import type { Policy } from '../policy/policy.js';
import { evaluateImagePolicy } from '../policy/rules/image.js';
import { effectiveNetworkMode, refusedNetworkMode } from '../policy/rules/network.js';
import type { BuildRequest } from './build-calls.js';
import { buildRequestIssues, dockerfileOf } from './build-request.js';
import { readDockerfile } from './dockerfile.js';
import { imageDenial } from './image-policy.js';

/** A request that may be built. */
export type CheckedBuild = Omit<BuildOptions, 'resources' | 'credentials' | 'signal' | 'onOutput'>;

/**
 * Checks and judges a request.
 *
 * @throws `validation.invalid_job`, naming each field; `policy.denied`.
 */
export function checkBuildRequest(
  request: BuildRequest,
  { labelPrefix, policy }: RuntimeConfig,
): CheckedBuild {
  const issues = buildRequestIssues(request, labelPrefix);
  if (issues.length > 0) {
    const lines = issues.map(({ path, message }) => `${path} ${message}`);
    throw new ValidationError('validation.invalid_job', lines.join('; '), { details: { issues } });
  }
  const { tag, networkMode = null, pull = false } = request;
  requireAllowedImage(tag, policy, 'build.tag');
  const refusal = networkMode === null ? null : refusedNetworkMode(networkMode, policy.network);
  if (refusal !== null) throw denied('policy.network', 'build.networkMode', refusal.message, refusal.hint);
  const { allowedPullPolicies } = policy.images;
  if (pull && !allowedPullPolicies.includes('always'))
    throw denied(
      'policy.pull_policy',
      'build.pull',
      'base images may not be pulled again',
      allowedHint(allowedPullPolicies, 'always', 'policy.images.allowedPullPolicies'),
    );
  return {
    tag,
    dockerfile: dockerfileOf(request),
    buildArgs: request.buildArgs ?? {},
    labels: request.labels ?? {},
    target: request.target ?? null,
    platform: request.platform ?? null,
    noCache: request.noCache ?? false,
    pull,
    networkMode: effectiveNetworkMode(networkMode, policy.network),
  };
}

const denied = (
  rule: Parameters<typeof imageDenial>[0],
  path: string,
  message: string,
  hint: string | null,
): PolicyError => imageDenial(rule, path, `the image may not be built: ${message}`, hint);

function requireAllowedImage(reference: string, { images }: Policy, path: string): void {
  const { allowed, reason } = evaluateImagePolicy(reference, images);
  if (allowed) return;
  throw denied('policy.image', path, reason, allowedHint(images.allow, reference, 'policy.images'));
}

/** Where sources stand: what is in the Dockerfile is named by the field that names it. */
const SOURCES = 'build.dockerfile';

/**
 * Judges what a Dockerfile takes from elsewhere.
 *
 * @throws `policy.denied`; `image.not_found` for what is not here where nothing may be pulled.
 */
export async function requireAllowedSources(
  text: string,
  { buildArgs, networkMode }: Pick<CheckedBuild, 'buildArgs' | 'networkMode'>,
  {
    policy,
    images,
    signal,
  }: {
    readonly policy: Policy;
    readonly images: Pick<EngineImages, 'inspect'>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { allow, deny, requireDigest, allowedPullPolicies } = policy.images;
  const found = readDockerfile(text, buildArgs);
  const isJudged = allow.length > 0 || deny.length > 0 || requireDigest;
  const [unclear] = found.unclear;
  if (isJudged && unclear !== undefined)
    throw denied(
      'policy.image',
      SOURCES,
      `it cannot be said which image ${JSON.stringify(unclear)} takes`,
      'name it in full',
    );
  const [address] = found.addresses;
  // The engine itself would fetch it, whatever network the steps have.
  if (networkMode === 'none' && address !== undefined)
    throw denied(
      'policy.network',
      SOURCES,
      `it adds ${JSON.stringify(address)}, and has no network`,
      'put it into the context',
    );
  for (const image of found.images) {
    requireAllowedImage(image, policy, SOURCES);
    const parsed = parseImageReference(image);
    if (requireDigest && parsed.ok && parsed.reference.digest === null)
      throw denied(
        'policy.image_digest',
        SOURCES,
        `${image} has no digest, and policy.images.requireDigest demands one`,
        'write the image as name@sha256:…',
      );
    if (allowedPullPolicies.some((each) => each !== 'never')) continue;
    const here = await engineCall('image inspect', signal, async (inner) =>
      images.inspect(image, { signal: inner }),
    );
    if (here === null)
      throw new ImageError('image.not_found', `the base image ${image} is not here, and none may be pulled`);
  }
}

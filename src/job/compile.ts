/** Compiles a valid definition and the caller's options into a request: the front door of job definitions. Pure. */
import { freezeMade } from '../base/deep-freeze.js';
import { normalizeAbsolutePath } from '../base/paths.js';
import type {
  EnvironmentVariable,
  InputRequest,
  InputSource,
  OutputDestination,
  PullPolicy,
  ResourceRequest,
  RetryRequest,
  RunRequest,
  TimeoutsRequest,
} from '../plan/container-spec.js';
import type { SecretEntry } from './definition.js';
import type { ParsedJob } from './schema.js';
import type { ValidJob } from './valid-job.js';

/** What the caller's options add to a definition. */
export interface CompileOptions {
  /** Merged over `defaultParameters`, key by key. JSON-safe. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  /** Shorthand for `timeouts.runMs`; wins over the definition's. */
  readonly timeoutMs?: number | undefined;
  readonly timeouts?: TimeoutsRequest | undefined;
  /** Wins over the definition's, key by key. */
  readonly retry?: RetryRequest | undefined;
}

type Docker = ParsedJob['docker'];

/** The request of a job. */
export function compileJob(job: ValidJob, options: CompileOptions = {}): RunRequest {
  const { docker } = job;
  const runMs = options.timeouts?.runMs ?? options.timeoutMs ?? job.timeoutMs;
  return freezeMade({
    job: {
      slug: job.slug ?? null,
      id: job.id ?? null,
      version: job.version ?? null,
    },
    container: {
      image: docker.image,
      platform: docker.platform ?? null,
      pullPolicies: pullPoliciesOf(docker),
      entryPoint: docker.entryPoint ?? [],
      command: [...(docker.command ?? []), ...(docker.args ?? [])],
      workingDirectory: docker.workingDirectory ?? null,
      workspaceMountPath: normalizeAbsolutePath(docker.workspaceMountPath ?? '/workspace'),
      environment: environmentOf(docker),
      ...(isMap(docker) ? { environmentForm: 'map' } : {}),
      networkMode: docker.networkMode ?? null,
      requiresGpu: docker.requiresGpu ?? false,
      resources: resourcesOf(docker),
      runtime: docker.security?.runtime ?? null,
      user: docker.user ?? null,
      tmpfs: (docker.tmpfs ?? []).map(({ path, sizeBytes }) => ({
        path: normalizeAbsolutePath(path),
        ...(sizeBytes === undefined ? {} : { sizeBytes }),
      })),
      stdin: docker.stdin ?? null,
    },
    inputs: (docker.inputs ?? []).map(inputOf),
    outputs: (docker.outputs ?? []).map((output) => ({
      id: output.id ?? null,
      workspacePath: output.workspacePath,
      upload: destinationOf(output.upload),
      optional: output.optional ?? false,
      when: output.when ?? 'always',
      specialFiles: output.specialFiles ?? 'skip',
    })),
    configFile:
      docker.configFile === undefined
        ? null
        : {
            filename: docker.configFile.filename,
            mountPath: normalized(docker.configFile.mountPath),
            format: docker.configFile.format ?? 'json',
          },
    // Frozen on the surface only: what lies in it is the caller's own.
    parameters: Object.freeze({ ...job.defaultParameters, ...withoutUndefined(options.parameters) }),
    timeouts: withoutUndefined({ ...options.timeouts, runMs }),
    retry: retryOver(retryOf(job), options.retry),
  });
}

/** Keys that were not given stay absent: the request is JSON-safe, and a default is not hidden by `undefined`. */
function withoutUndefined<T extends object>(options: T | undefined): Partial<T> {
  const given = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<T>;
}

/** A request with what the caller's options add to it, as {@link compileJob} adds it to a definition. */
export function requestOver(request: RunRequest, options: CompileOptions): RunRequest {
  const runMs = options.timeouts?.runMs ?? options.timeoutMs;
  const { parameters } = options;
  return {
    ...request,
    parameters:
      parameters === undefined
        ? request.parameters
        : { ...(request.parameters as object | null), ...withoutUndefined(parameters) },
    timeouts: { ...request.timeouts, ...withoutUndefined({ ...options.timeouts, runMs }) },
    retry: retryOver(request.retry, options.retry),
  };
}

/** What the caller asks for in the way of further attempts over what the request does, key by key. */
function retryOver(lower: RetryRequest, upper: RetryRequest | undefined): RetryRequest {
  return { ...lower, ...withoutUndefined(upper) };
}

function retryOf({ retry, retryPolicy }: ValidJob): RetryRequest {
  if (retryPolicy === undefined) return withoutUndefined(retry);
  const { strategy, ...rest } = retryPolicy;
  return withoutUndefined({ ...rest, backoff: strategy });
}

function pullPoliciesOf({ imagePullPolicy = [] }: Docker): readonly PullPolicy[] {
  return typeof imagePullPolicy === 'string' ? [imagePullPolicy] : imagePullPolicy;
}

const normalized = (path: string | undefined): string | null =>
  path === undefined ? null : normalizeAbsolutePath(path);

const isMap = ({ environment = [] }: Docker): boolean => !Array.isArray(environment);

function environmentOf({ environment = [] }: Docker): readonly EnvironmentVariable[] {
  if (!Array.isArray(environment)) {
    return Object.entries(environment).map(([name, value]) =>
      typeof value === 'string' ? { name, value } : secretVariable(name, value),
    );
  }
  return environment.map(({ name, value, secret, as }) =>
    secret === undefined ? { name, value: value ?? '' } : secretVariable(name, { secret, as }),
  );
}

function secretVariable(name: string, { secret, as }: SecretEntry): EnvironmentVariable {
  return { name, secret, ...(as === undefined ? {} : { as }) };
}

function resourcesOf({ resources = {} }: Docker): ResourceRequest {
  const { gpu, ...rest } = withoutUndefined(resources);
  return gpu === undefined ? rest : { ...rest, gpu: withoutUndefined(gpu) };
}

function inputOf(input: NonNullable<Docker['inputs']>[number]): InputRequest {
  return {
    id: input.id ?? null,
    source: sourceOf(input.source),
    workspacePath: input.workspacePath,
    mountPath: normalized(input.mountPath),
    optional: input.optional ?? false,
  };
}

function sourceOf(source: NonNullable<Docker['inputs']>[number]['source']): InputSource {
  switch (source.type) {
    case 'filestorePath':
      return { type: source.type, backendMountId: String(source.backendMountId), path: source.path };
    case 'filestoreNode':
      return { type: source.type, nodeId: String(source.nodeId) };
    case 'inline':
      return { type: source.type, content: source.content, encoding: source.encoding ?? 'utf8' };
  }
}

function destinationOf(upload: NonNullable<Docker['outputs']>[number]['upload']): OutputDestination | null {
  if (upload === undefined || upload === 'caller') return upload ?? null;
  return {
    backendMountId: String(upload.backendMountId),
    pathTemplate: upload.pathTemplate,
    contentType: upload.contentType ?? null,
    mode: upload.mode ?? null,
    overwrite: upload.overwrite ?? false,
  };
}

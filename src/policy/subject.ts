/** What policy looks at: a projection of a request. No judgement here. */
import { fillJobVariables } from '../base/path-template.js';
import type {
  ContainerDraft,
  InputSource,
  NetworkMode,
  PullPolicy,
  ResourceRequest,
  RetryRequest,
  RunRequest,
  SecretDelivery,
  SecretReference,
  TimeoutsRequest,
  TmpfsRequest,
} from '../plan/container-spec.js';

/** One environment variable; a literal's value is nobody's business here. */
export interface EnvironmentSubject {
  readonly name: string;
  /** Where it stands in the definition: `docker.environment.0` in a list, `docker.environment.TOKEN` in a map. */
  readonly path: string;
  /** Where its name stands there: `docker.environment.0.name`, or the same in a map. */
  readonly namePath: string;
  readonly secret: SecretReference | null;
  /** How the job gets the secret; null for a literal. */
  readonly as: SecretDelivery | null;
}

/** One input: where from and where to. */
export interface InputSubject {
  readonly source: InputSource;
  readonly workspacePath: string;
  readonly mountPath: string | null;
}

/** One output that is stored; `template` is its path with what is known of the job filled in. */
export interface OutputSubject {
  readonly workspacePath: string;
  readonly destination: { readonly backendMountId: string; readonly template: string } | 'caller' | null;
}

/** Everything rules may judge by. */
export interface PolicySubject {
  readonly image: string;
  readonly platform: string | null;
  /** In the order they are gone by; empty: `ifNotPresent`. */
  readonly pullPolicies: readonly PullPolicy[];
  readonly entryPoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string | null;
  readonly workspaceMountPath: string;
  readonly environment: readonly EnvironmentSubject[];
  readonly networkMode: NetworkMode | null;
  readonly requiresGpu: boolean;
  readonly resources: ResourceRequest;
  readonly runtime: string | null;
  readonly user: string | null;
  readonly tmpfs: readonly TmpfsRequest[];
  readonly stdin: boolean;
  readonly inputs: readonly InputSubject[];
  readonly outputs: readonly OutputSubject[];
  readonly configFileMountPath: string | null;
  readonly timeouts: TimeoutsRequest;
  readonly retry: RetryRequest;
}

/** One entry for every field of a draft, but for one that is in the paths of the variables: a new field without one does not compile. */
const PROJECTION = {
  image: (draft) => draft.image,
  platform: (draft) => draft.platform,
  pullPolicies: (draft) => draft.pullPolicies,
  entryPoint: (draft) => draft.entryPoint,
  command: (draft) => draft.command,
  workingDirectory: (draft) => draft.workingDirectory,
  workspaceMountPath: (draft) => draft.workspaceMountPath,
  environment: (draft) =>
    draft.environment.map((variable, index) => {
      const { name } = variable;
      const isNamed = draft.environmentForm === 'map';
      const path = `docker.environment.${isNamed ? name : String(index)}`;
      const place = { name, path, namePath: isNamed ? path : `${path}.name` };
      return 'secret' in variable
        ? { ...place, secret: variable.secret, as: variable.as ?? 'env' }
        : { ...place, secret: null, as: null };
    }),
  networkMode: (draft) => draft.networkMode,
  requiresGpu: (draft) => draft.requiresGpu,
  resources: (draft) => draft.resources,
  runtime: (draft) => draft.runtime,
  user: (draft) => draft.user,
  tmpfs: (draft) => draft.tmpfs,
  stdin: (draft) => draft.stdin !== null,
} as const satisfies {
  readonly [K in Exclude<keyof ContainerDraft, 'environmentForm'>]: (
    draft: ContainerDraft,
  ) => PolicySubject[K];
};

/** The subject of a request. */
export function toPolicySubject(request: RunRequest): PolicySubject {
  const { container } = request;
  return {
    image: PROJECTION.image(container),
    platform: PROJECTION.platform(container),
    pullPolicies: PROJECTION.pullPolicies(container),
    entryPoint: PROJECTION.entryPoint(container),
    command: PROJECTION.command(container),
    workingDirectory: PROJECTION.workingDirectory(container),
    workspaceMountPath: PROJECTION.workspaceMountPath(container),
    environment: PROJECTION.environment(container),
    networkMode: PROJECTION.networkMode(container),
    requiresGpu: PROJECTION.requiresGpu(container),
    resources: PROJECTION.resources(container),
    runtime: PROJECTION.runtime(container),
    user: PROJECTION.user(container),
    tmpfs: PROJECTION.tmpfs(container),
    stdin: PROJECTION.stdin(container),
    inputs: request.inputs.map(({ source, workspacePath, mountPath }) => ({
      source,
      workspacePath,
      mountPath,
    })),
    outputs: request.outputs.map(({ workspacePath, upload }) => ({
      workspacePath,
      destination:
        upload === null || upload === 'caller'
          ? upload
          : {
              backendMountId: upload.backendMountId,
              template: fillJobVariables(upload.pathTemplate, {
                jobSlug: request.job.slug,
                jobDefinitionId: request.job.id,
                jobVersion: request.job.version,
              }),
            },
    })),
    configFileMountPath: request.configFile?.mountPath ?? null,
    timeouts: request.timeouts,
    retry: request.retry,
  };
}

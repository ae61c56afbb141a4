/** For each way a built-in rule refuses: a request it refuses, and the same request as its hint would have it. */
import type {
  ContainerDraft,
  InputRequest,
  OutputRequest,
  RunRequest,
} from '../../src/plan/container-spec.js';
import type { EvaluateOptions } from '../../src/policy/evaluate.js';
import type { PolicyInput } from '../../src/policy/policy.js';
import { requestWith } from './requests.js';

/** One way to be refused. */
export interface Refusal {
  readonly name: string;
  readonly rule: string;
  readonly policy?: PolicyInput;
  readonly options?: EvaluateOptions;
  readonly request: RunRequest;
  /** Whatever the mode. */
  readonly isAlwaysEnforced?: boolean;
  /** What the hint must name: an allowed value, or the key of the operator's. */
  readonly hint: RegExp;
  /** What a job asks for that follows the hint. */
  readonly instead: RunRequest;
}

const DIGEST = `sha256:${'a'.repeat(64)}`;
const asking = (container: Partial<ContainerDraft>): RunRequest => requestWith(container);
const input = (fields: Partial<InputRequest>): RunRequest =>
  requestWith(
    {},
    {
      inputs: [
        {
          id: null,
          source: { type: 'inline', content: '', encoding: 'utf8' },
          workspacePath: 'a',
          mountPath: null,
          optional: false,
          ...fields,
        },
      ],
    },
  );
const output = (backendMountId: string, pathTemplate: string): RunRequest => {
  const upload: OutputRequest['upload'] = {
    backendMountId,
    pathTemplate,
    contentType: null,
    mode: null,
    overwrite: false,
  };
  return requestWith(
    {},
    {
      outputs: [
        { id: null, workspacePath: 'o', optional: false, when: 'always', specialFiles: 'skip', upload },
      ],
    },
  );
};
const secret = (key: string): RunRequest =>
  asking({ environment: [{ name: 'T', secret: { source: 'store', key } }] });

/** All of them. */
export const REFUSALS: readonly Refusal[] = [
  {
    name: 'an image that is not listed',
    rule: 'policy.image',
    policy: { images: { allow: ['alpine:*', 'busybox:1'] } },
    request: asking({ image: 'busybox:2' }),
    hint: /^images that may run: busybox:1, alpine:\*; .*policy\.images\.allow/,
    instead: asking({ image: 'busybox:1' }),
  },
  {
    name: 'an image that is denied',
    rule: 'policy.image',
    policy: { images: { deny: ['busybox'] } },
    request: asking({ image: 'busybox:1' }),
    isAlwaysEnforced: true,
    hint: /policy\.images\.deny/,
    instead: asking({ image: 'alpine:1' }),
  },
  {
    name: 'an image without a digest',
    rule: 'policy.image_digest',
    policy: { images: { requireDigest: true } },
    request: asking({ image: 'busybox:1' }),
    hint: /name@sha256:/,
    instead: asking({ image: `busybox@${DIGEST}` }),
  },
  {
    name: 'a pull policy',
    rule: 'policy.pull_policy',
    policy: { images: { allowedPullPolicies: ['ifNotPresent'] } },
    request: asking({ pullPolicies: ['always'] }),
    hint: /use "ifNotPresent"/,
    instead: asking({ pullPolicies: ['ifNotPresent'] }),
  },
  {
    name: 'a network mode that is not in the list',
    rule: 'policy.network',
    policy: { network: { allowedModes: ['none'] } },
    request: asking({ networkMode: 'bridge' }),
    hint: /allowed: none/,
    instead: asking({ networkMode: 'none' }),
  },
  {
    name: 'a network under isolation',
    rule: 'policy.network',
    request: asking({ networkMode: 'bridge' }),
    hint: /set it to "none".*policy\.network\.enforceIsolation/,
    instead: asking({ networkMode: 'none' }),
  },
  {
    name: 'a network other than the default',
    rule: 'policy.network',
    policy: { network: { enforceIsolation: false } },
    request: asking({ networkMode: 'bridge' }),
    hint: /leave networkMode out.*policy\.network\.allowOverride/,
    instead: asking({ networkMode: null }),
  },
  {
    name: 'a runtime no job may ask for',
    rule: 'policy.runtime',
    policy: { security: { runtime: 'runsc', allowedRuntimes: ['kata'] } },
    request: asking({ runtime: 'runc' }),
    hint: /allowed: runsc, kata/,
    instead: asking({ runtime: 'kata' }),
  },
  {
    name: 'a GPU',
    rule: 'policy.gpu',
    request: asking({ requiresGpu: true }),
    hint: /policy\.gpu\.enabled/,
    instead: asking({ requiresGpu: false }),
  },
  {
    name: 'more cores than the maximum',
    rule: 'policy.resources',
    request: asking({ resources: { cpus: 5 } }),
    hint: /at most 4/,
    instead: asking({ resources: { cpus: 4 } }),
  },
  {
    name: 'a ulimit above the maximum',
    rule: 'policy.resources',
    request: asking({ resources: { ulimits: [{ name: 'nofile', soft: 1, hard: 70_000 }] } }),
    hint: /at most 65536/,
    instead: asking({ resources: { ulimits: [{ name: 'nofile', soft: 1, hard: 65_536 }] } }),
  },
  {
    name: 'a ulimit that is not listed',
    rule: 'policy.resources',
    request: asking({ resources: { ulimits: [{ name: 'memlock', soft: 1, hard: 1 }] } }),
    hint: /leave it out.*policy\.limits\.max\.ulimits/,
    instead: asking({}),
  },
  {
    name: 'more tmpfs than the maximum',
    rule: 'policy.resources',
    policy: { limits: { max: { tmpfsBytes: 1024 } } },
    request: asking({ tmpfs: [{ path: '/a', sizeBytes: 1025 }] }),
    hint: /at most 1024/,
    instead: asking({ tmpfs: [{ path: '/a', sizeBytes: 1024 }] }),
  },
  {
    name: 'a longer time than the maximum',
    rule: 'policy.timeouts',
    options: { maxTimeouts: { runMs: 1000 } },
    request: requestWith({}, { timeouts: { runMs: 1001 } }),
    hint: /at most 1000/,
    instead: requestWith({}, { timeouts: { runMs: 1000 } }),
  },
  {
    name: 'more attempts than the maximum',
    rule: 'policy.retry',
    options: { maxRetry: { maxAttempts: 2, maxDelayMs: 1000 } },
    request: requestWith({}, { retry: { maxAttempts: 3 } }),
    hint: /at most 2/,
    instead: requestWith({}, { retry: { maxAttempts: 2 } }),
  },
  {
    name: 'root',
    rule: 'policy.user',
    request: asking({ user: '0:0' }),
    hint: /1000:1000/,
    instead: asking({ user: '1000:1000' }),
  },
  {
    name: 'root, asked of a caller who is not',
    rule: 'policy.user',
    options: { caller: { uid: 501, gid: 20 } },
    request: asking({ user: '0:0' }),
    hint: /501:20/,
    instead: asking({ user: '501:20' }),
  },
  {
    name: 'another user than a caller of the root group',
    rule: 'policy.user',
    options: { caller: { uid: 501, gid: 0 } },
    request: asking({ user: '501:0' }),
    hint: /^leave the user out$/,
    instead: asking({ user: null }),
  },
  {
    name: 'a user by name',
    rule: 'policy.user',
    request: asking({ user: 'root' }),
    hint: /1000:1000/,
    instead: asking({ user: '1000:1000' }),
  },
  {
    name: 'a mount outside the roots',
    rule: 'policy.mounts',
    policy: { security: { mountRoots: ['/data'] } },
    request: input({ mountPath: '/srv/a' }),
    hint: /beneath one of: \/data/,
    instead: input({ mountPath: '/data/a' }),
  },
  {
    name: 'a variable that is denied',
    rule: 'policy.environment',
    policy: { security: { deniedEnvironment: ['LD_*'] } },
    request: asking({ environment: [{ name: 'LD_PRELOAD', value: 'x' }] }),
    hint: /leave the variable out.*policy\.security\.deniedEnvironment/,
    instead: asking({}),
  },
  {
    name: 'a variable of a reserved name',
    rule: 'policy.environment',
    policy: {},
    request: asking({ environment: [{ name: 'Berthkit_RUN', value: 'x' }] }),
    hint: /use a name that does not begin with BERTHKIT_/,
    instead: asking({ environment: [{ name: 'RUN_BERTHKIT_', value: 'x' }] }),
  },
  {
    name: 'a secret',
    rule: 'policy.secrets',
    policy: { secrets: { allow: ['store:team/*'] } },
    request: secret('other/a'),
    hint: /allowed: store:team\/\*/,
    instead: secret('team/a'),
  },
  {
    name: 'any secret',
    rule: 'policy.secrets',
    policy: { secrets: { allow: [] } },
    request: secret('a'),
    hint: /nothing is allowed.*policy\.secrets\.allow/,
    instead: asking({}),
  },
  {
    name: 'a secret in a variable',
    rule: 'policy.secret_delivery',
    policy: { secrets: { delivery: 'file' } },
    request: secret('a'),
    hint: /as: "file"/,
    instead: asking({ environment: [{ name: 'T', secret: { source: 'store', key: 'a' }, as: 'file' }] }),
  },
  {
    name: 'reading elsewhere',
    rule: 'policy.storage',
    policy: { storage: { read: ['7'] } },
    request: input({ source: { type: 'filestorePath', backendMountId: '8', path: '/a' } }),
    hint: /allowed: 7/,
    instead: input({ source: { type: 'filestorePath', backendMountId: '7', path: '/a' } }),
  },
  {
    name: 'writing elsewhere',
    rule: 'policy.storage',
    policy: { storage: { write: ['7:reports'] } },
    request: output('7', 'other/x'),
    hint: /allowed: 7:reports/,
    instead: output('7', 'reports/x'),
  },
];

/** Definitions and configurations nobody thought of: between them they vary every field of a plan's container that anybody has a say in. */
import fc from 'fast-check';
import type { JobDefinition, RuntimeConfigInput } from 'berthkit';

/** What the image has besides busybox; nothing of it ever runs. */
export const IMAGE_CHANGES = [
  // One is masked, and one is a folder of the usual workspace.
  'VOLUME ["/data", "/workspace/cache"]',
  'ENV FROM_IMAGE=1 HOME=/image',
  'ENTRYPOINT ["/of/the/image"]',
  'CMD ["its", "words"]',
  'WORKDIR /tmp',
  'USER 77:78',
  'LABEL of.image=1',
  'EXPOSE 80',
];

/** The storage inputs come from; what is `not-there` is not. */
export const STORED = { 'a-file': 'bytes', 'a-folder/with': 'bytes' };

/** The value of every secret. */
export const SECRET = 'hunter2-hunter2';

/** What stands in the configuration of Docker's client. */
export const PROXIES = { httpProxy: 'http://proxy.example:3128', noProxy: 'localhost' };

const MIB = 1024 ** 2;

const name = fc
  .stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/)
  .filter((each) => !['PATH', 'HOME', 'IN_VARIABLE', 'IN_FILE'].includes(each) && !each.endsWith('_PROXY'));
const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((each) => !each.includes('\0'));
const words = fc.array(
  text.filter((each) => each !== ''),
  { minLength: 1, maxLength: 3 },
);
const folder = fc.stringMatching(/^[a-z]{1,6}$/);
const id = fc.integer({ min: 1, max: 60_000 });
const user = fc.oneof(
  fc.tuple(id, id).map((ids) => ids.join(':')),
  id.map(String),
);

const environment = fc.uniqueArray(fc.record({ name, value: text }), {
  selector: (each) => each.name,
  maxLength: 4,
});
const secrets = fc.subarray([
  { name: 'IN_VARIABLE', secret: { source: 'env' as const, key: 'ONE' } },
  { name: 'IN_FILE', secret: { source: 'env' as const, key: 'TWO' }, as: 'file' as const },
]);

const stored = (path: string) => ({ type: 'filestorePath' as const, backendMountId: 'named', path });
const source = fc.constantFrom(
  { type: 'inline' as const, content: 'bytes' },
  ...['/a-file', '/a-folder', '/not-there'].map(stored),
);
const inputs = fc
  .uniqueArray(fc.tuple(folder, source, fc.option(folder)), { selector: ([path]) => path, maxLength: 3 })
  .map((all) =>
    all.map(([path, from, mount], index) => ({
      source: from,
      workspacePath: `in/${path}`,
      mountPath: mount === null ? undefined : `/mnt/${String(index)}/${mount}`,
      optional: true,
    })),
  );

const resources = fc.record(
  {
    cpus: fc.integer({ min: 1, max: 200 }).map((hundredths) => hundredths / 100),
    memoryBytes: fc.integer({ min: 64 * MIB, max: 256 * MIB }),
    pidsLimit: fc.integer({ min: 16, max: 512 }),
    shmBytes: fc.integer({ min: MIB, max: 64 * MIB }),
    ulimits: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('nofile', 'nproc', 'core'),
        soft: fc.integer({ min: 64, max: 256 }),
        hard: fc.integer({ min: 256, max: 512 }),
      }),
      { selector: (each) => each.name },
    ),
  },
  { requiredKeys: [] },
);
const capabilities = fc.constantFrom(['compute' as const], ['utility' as const, 'video' as const], undefined);
const gpu = fc.oneof(
  fc.record({ count: fc.integer({ min: 1, max: 64 }), capabilities }),
  fc.record({ ids: fc.constantFrom(['0'], ['GPU-fef8089b', '1']), capabilities }),
);

const tmpfs = fc.uniqueArray(
  fc.record({
    path: fc.constantFrom('/tmp', '/data', '/scratch/deep', '/var/scratch'),
    sizeBytes: fc.option(fc.integer({ min: MIB, max: 8 * MIB }), { nil: undefined }),
  }),
  { selector: ({ path }) => path, maxLength: 3 },
);

/** Definitions of jobs on an image. */
export const definitionsOn = (image: string): fc.Arbitrary<JobDefinition> =>
  fc
    .record({
      slug: fc.constantFrom('explained', 'explained-too', undefined),
      docker: fc.record({
        platform: fc.constantFrom(undefined, 'linux/amd64'),
        entryPoint: fc.option(words, { nil: undefined }),
        command: fc.option(words, { nil: undefined }),
        args: fc.option(words, { nil: undefined }),
        inputs,
        tmpfs,
        user: fc.option(user, { nil: undefined }),
        stdin: fc.option(text, { nil: undefined }),
        networkMode: fc.constantFrom(undefined, 'none' as const, 'bridge' as const),
        workingDirectory: fc.constantFrom(undefined, '/tmp', '/workspace/'),
        workspaceMountPath: fc.constantFrom(undefined, '/work/here'),
        configFile: fc.constantFrom(undefined, { filename: 'run.json', mountPath: '/mnt/run.json' }),
        requiresGpu: fc.constantFrom(undefined, true),
        security: fc.constantFrom(undefined, { runtime: 'runc' }),
      }),
      environment,
      secrets,
      resources,
      gpu: fc.option(gpu, { nil: undefined, freq: 2 }),
    })
    .map(({ slug, docker, ...parts }) => ({
      slug,
      docker: {
        image,
        ...docker,
        // A command that is empty is no command.
        ...(docker.command === undefined && docker.entryPoint === undefined ? { args: undefined } : {}),
        requiresGpu: parts.gpu === undefined ? docker.requiresGpu : undefined,
        environment: [...parts.environment, ...parts.secrets],
        resources: { ...parts.resources, gpu: parts.gpu },
      },
    }));

/** Configurations under which all of them are allowed. */
export const configurations: fc.Arbitrary<RuntimeConfigInput> = fc
  .record({
    security: fc.record({
      readOnlyRootFilesystem: fc.boolean(),
      noNewPrivileges: fc.boolean(),
      init: fc.boolean(),
      capabilities: fc.subarray(['CHOWN', 'KILL', 'SETUID']),
      tmpExec: fc.boolean(),
      tmpBytes: fc.integer({ min: MIB, max: 8 * MIB }),
      tmpInodes: fc.integer({ min: 64, max: 4_096 }),
      volumeBytes: fc.integer({ min: MIB, max: 8 * MIB }),
      user: fc.option(user),
      runtime: fc.constantFrom(null, null, 'runc'),
    }),
    isolated: fc.boolean(),
    dockerProxies: fc.boolean(),
    transport: fc.constantFrom('bind' as const, 'bind' as const, 'volume' as const),
  })
  .map(({ security, isolated, dockerProxies, transport }) => ({
    engine: { dockerProxies },
    workspace: { transport },
    policy: {
      security: { ...security, allowedRuntimes: ['runc'] },
      gpu: { enabled: true, preflight: false },
      limits: { max: { ulimits: { nofile: 512, nproc: 512, core: 512 } } },
      secrets: { allowDisk: true },
      storage: { read: ['named'] },
      network: {
        enforceIsolation: false,
        allowOverride: true,
        defaultMode: isolated ? ('none' as const) : ('bridge' as const),
      },
    },
  }));

/** The same without files outside of the workspace: not every engine mounts parts of volumes. */
export function withoutMountedFiles(definition: JobDefinition): JobDefinition {
  const { inputs, configFile } = definition.docker;
  const isFolder = (from: object): boolean => 'path' in from && from.path === '/a-folder';
  return {
    ...definition,
    docker: {
      ...definition.docker,
      inputs: inputs?.map((input) => (isFolder(input.source) ? input : { ...input, mountPath: undefined })),
      configFile: configFile && { ...configFile, mountPath: undefined },
    },
  };
}

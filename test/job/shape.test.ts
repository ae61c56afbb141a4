import { describe, expect, it } from 'vitest';
import type { Issue } from '../../src/errors.js';
import { parseJobShape } from '../../src/job/validate.js';

const IMAGE = 'busybox:1';

const issuesOf = (definition: unknown): readonly Issue[] => {
  const validation = parseJobShape(definition);
  return validation.ok ? [] : validation.issues;
};

const issuesFor = (docker: Readonly<Record<string, unknown>>): readonly Issue[] =>
  issuesOf({ docker: { image: IMAGE, ...docker } });

const inline = { type: 'inline', content: 'x' };
const input = (rest: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  inputs: [{ source: inline, workspacePath: 'in.txt', ...rest }],
});
const from = (source: unknown): Readonly<Record<string, unknown>> => input({ source });
const to = (upload: unknown): Readonly<Record<string, unknown>> => ({
  outputs: [{ workspacePath: 'out.txt', upload }],
});
const variables = (count: number): readonly unknown[] =>
  Array.from({ length: count }, (_, index) => ({ name: `V${String(index)}`, value: '' }));
const secret = { source: 'env', key: 'TOKEN' };

describe('parseJobShape accepts', () => {
  it.each<[Readonly<Record<string, unknown>>]>([
    [{}],
    [{ image: `reg.example/${'a'.repeat(243)}` }],
    [{ image: 'reg.example:5000/team/app:1' }],
    [{ platform: 'linux/arm64' }],
    [{ platform: 'linux/arm/v7' }],
    [{ entryPoint: ['/bin/sh'], command: ['-c', ' true '], args: ['x'] }],
    [{ command: Array.from({ length: 128 }, () => 'x'.repeat(400)) }],
    [{ command: ['echo', ' ', '\t'] }],
    [{ workingDirectory: '//work//dir/' }],
    [{ workspaceMountPath: '/jobs/space' }],
    [{ environment: [] }],
    [{ environment: {} }],
    [{ environment: [{ name: 'EMPTY', value: '' }] }],
    [{ environment: { EMPTY: '', _x1: 'y'.repeat(4096), TOKEN: { secret } } }],
    [{ environment: variables(200) }],
    [{ environment: [{ name: 'N'.repeat(128), secret: { source: 'store', key: 'k', version: '3' } }] }],
    [input({ writable: false, optional: true, id: 'A.b_c-1' })],
    [input({ mountPath: '/data/in.txt' })],
    [input({ mountPath: '/workspace/in.txt' })],
    [input({ workspacePath: 'a/b'.repeat(30) })],
    [from({ type: 'filestorePath', backendMountId: 3, path: '/x' })],
    [from({ type: 'filestorePath', backendMountId: '3', path: '/x' })],
    [from({ type: 'filestorePath', backendMountId: 'corpus-2', path: '/x' })],
    [from({ type: 'filestoreNode', nodeId: 7 })],
    [from({ type: 'filestoreNode', nodeId: 'n'.repeat(64) })],
    [from({ type: 'inline', content: '' })],
    [from({ type: 'inline', content: 'x'.repeat(1024 ** 2) })],
    [from({ type: 'inline', encoding: 'base64', content: Buffer.alloc(1024 ** 2).toString('base64') })],
    [to('caller')],
    [to(undefined)],
    [to({ backendMountId: 5, pathTemplate: 'reports/${runId}/${attempt}.pdf', mode: 'directory' })],
    [{ outputs: [{ workspacePath: 'out' }, { workspacePath: 'out/part' }] }],
    [{ configFile: { filename: 'run.json' } }],
    [{ configFile: { filename: 'run.json', mountPath: '/cfg/run.json', format: 'yaml' } }],
    [{ resources: { cpus: 0.5, memoryBytes: '512m', pidsLimit: 1, shmBytes: 1024 } }],
    [{ resources: { ulimits: [{ name: 'nofile', soft: 1, hard: 1 }] } }],
    [{ resources: { gpu: { count: 2 } } }],
    [{ resources: { gpu: { count: 64, capabilities: ['compute', 'utility'] } } }],
    [{ resources: { gpu: { ids: ['0', '0:1', 'GPU-fef8089b-1', 'MIG-GPU-1/2/0'], capabilities: [] } } }],
    [{ security: {} }],
    [{ security: { runtime: 'io.containerd.runsc.v1' } }],
    [{ user: '1000' }],
    [{ user: '1000:1000' }],
    [{ stdin: '' }],
    [{ tmpfs: [{ path: '/scratch' }, { path: '/workspace/scratch', sizeBytes: '1m' }] }],
    [{ networkMode: 'bridge', requiresGpu: true }],
  ])('case %# is taken', (docker) => {
    expect(issuesFor(docker)).toEqual([]);
  });

  it.each([
    [{ slug: 'Nightly_report-1', id: 'x', version: 2, timeoutMs: 1000, retry: { maxAttempts: 10 } }],
    [
      {
        retry: { backoff: 'none', jitter: 'equal', initialDelayMs: 0, maxDelayMs: 86_400_000, on: ['user'] },
      },
    ],
    [
      {
        retryPolicy: { maxAttempts: 2, strategy: 'fixed', jitter: 'full', initialDelayMs: 5, maxDelayMs: 9 },
      },
    ],
    [{ version: '1.0', timeoutMs: 86_400_000, defaultParameters: { a: [1, null, { b: 'c' }] } }],
    [{ anything: () => 1, schedule: { cron: '* * * * *' } }],
  ])('beside docker: %j', (beside) => {
    expect(issuesOf({ ...beside, docker: { image: IMAGE } })).toEqual([]);
  });
});

describe('parseJobShape refuses', () => {
  it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    ['image', { image: undefined }, /is missing/],
    ['image', { image: '' }, /1 to 512/],
    ['image', { image: ' ' }, /./],
    ['image', { image: `a/${'b'.repeat(511)}` }, /1 to 512/],
    ['image', { image: 'Upper:1' }, /./],
    ['image', { image: 'sha256:'.padEnd(71, 'a') }, /image id/],
    ['image', { image: 5 }, /^must be text: put quotes around the number$/],
    ['imagePullPolicy', { imagePullPolicy: 'missing' }, /"always", "ifNotPresent" or "never", or a list/],
    ['imagePullPolicy', { imagePullPolicy: [] }, /at least one/],
    ['imagePullPolicy', { imagePullPolicy: ['always', 'always'] }, /twice/],
    ['imagePullPolicy.1', { imagePullPolicy: ['always', 'missing'] }, /"ifNotPresent"/],
    ['platform', { platform: 'Linux' }, /os\/architecture/],
    ['platform', { platform: `linux/${'a'.repeat(80)}` }, /os\/architecture/],
    ['command', { command: 'ls -l' }, /array of words, for example/],
    ['entryPoint', { entryPoint: '/bin/sh' }, /array of words/],
    ['args', { args: [] }, /at least one item/],
    ['args', { args: [' ', '\t'] }, /not blank/],
    ['args.1', { args: ['a', ''] }, /1 to 400/],
    ['args.0', { args: ['x'.repeat(401)] }, /1 to 400/],
    ['args.0', { args: ['a\0b'] }, /NUL/],
    ['args.0', { args: [5] }, /^must be text: put quotes around the number$/],
    ['args.0', { args: [true] }, /^must be text: put quotes around the boolean$/],
    ['args.0', { args: [null] }, /^must be text$/],
    ['platform', { platform: 386 }, /put quotes around the number/],
    ['user', { user: 1000 }, /put quotes around the number/],
    ['workingDirectory', { workingDirectory: 5 }, /put quotes around the number/],
    ['args', { args: Array.from({ length: 129 }, () => 'x') }, /128/],
    ['workingDirectory', { workingDirectory: 'work' }, /absolute/],
    ['workingDirectory', { workingDirectory: '/a/../b' }, /segments/],
    ['workingDirectory', { workingDirectory: '/a\\b' }, /backslash/],
    ['workingDirectory', { workingDirectory: `/${'a/'.repeat(600)}` }, /./],
    ['workspaceMountPath', { workspaceMountPath: '/' }, /./],
    ['workspaceMountPath', { workspaceMountPath: '/etc//' }, /\/etc/],
    ['workspaceMountPath', { workspaceMountPath: '/proc/self' }, /\/proc/],
    ['networkMode', { networkMode: 'host' }, /"none" or "bridge"/],
    ['requiresGpu', { requiresGpu: 'yes' }, /true or false/],
    ['requiresGpu', { requiresGpu: true, resources: { gpu: { count: 1 } } }, /all GPUs.*resources\.gpu/],
    ['requiresGpu', { requiresGpu: false, resources: { gpu: { count: 1 } } }, /no GPU.*resources\.gpu/],
    ['security.runtime', { security: { runtime: '' } }, /name of a runtime/],
    ['security.runtime', { security: { runtime: '/bin/sh' } }, /name of a runtime/],
    ['security.runtime', { security: { runtime: 'a'.repeat(129) } }, /name of a runtime/],
    ['security.privileged', { security: { privileged: true } }, /not allowed here/],
    ['resources.gpu', { resources: { gpu: {} } }, /count or ids/],
    ['resources.gpu', { resources: { gpu: { capabilities: ['compute'] } } }, /count or ids/],
    ['resources.gpu.driver', { resources: { gpu: { count: 1, driver: 'x' } } }, /not allowed here/],
    ['resources.gpu.ids', { resources: { gpu: { count: 1, ids: ['0'] } } }, /beside count/],
    ...[0, -1, 65, 1.5, '1', 'all', null].map(
      (count): [string, Readonly<Record<string, unknown>>, RegExp] => [
        'resources.gpu.count',
        { resources: { gpu: { count } } },
        /from 1 to 64/,
      ],
    ),
    ['resources.gpu.ids', { resources: { gpu: { ids: [] } } }, /at least one/],
    ['resources.gpu.ids', { resources: { gpu: { ids: '0' } } }, /list of ids/],
    ['resources.gpu.ids', { resources: { gpu: { ids: ['0', '0'] } } }, /twice/],
    [
      'resources.gpu.ids',
      { resources: { gpu: { ids: Array.from({ length: 65 }, (_, index) => String(index)) } } },
      /64/,
    ],
    ['resources.gpu.ids.0', { resources: { gpu: { ids: [0] } } }, /text such as/],
    ...['', '0,1', 'all', 'NONE', 'void', ' 0', '-1', 'a'.repeat(129)].map(
      (id): [string, Readonly<Record<string, unknown>>, RegExp] => [
        'resources.gpu.ids.0',
        { resources: { gpu: { ids: [id] } } },
        /128 of|id of one GPU/,
      ],
    ),
    [
      'resources.gpu.capabilities.0',
      { resources: { gpu: { count: 1, capabilities: ['gpu'] } } },
      /one of compute/,
    ],
    [
      'resources.gpu.capabilities',
      { resources: { gpu: { count: 1, capabilities: ['video', 'video'] } } },
      /twice/,
    ],
    ['environment', { environment: 'A=1' }, /list of/],
    ['environment', { environment: variables(201) }, /200/],
    [
      'environment',
      {
        environment: Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`V${String(index)}`, ''])),
      },
      /200/,
    ],
    ['environment.0.name', { environment: [{ name: '1A', value: '' }] }, /letter or "_"/],
    ['environment.0.name', { environment: [{ name: 'N'.repeat(129), value: '' }] }, /128/],
    ['environment.0.name', { environment: [{ value: '' }] }, /missing/],
    ['environment.0.value', { environment: [{ name: 'A', value: 'x'.repeat(4097) }] }, /4096/],
    ['environment.0.value', { environment: [{ name: 'A', value: 'a\0' }] }, /NUL/],
    ['environment.0.value', { environment: [{ name: 'A', value: 5 }] }, /quotes around the number/],
    ['environment.0.value', { environment: [{ name: 'A', value: true }] }, /quotes around the boolean/],
    ['environment.A', { environment: { A: 5 } }, /quotes around the number/],
    ['environment.A', { environment: { A: 'x'.repeat(4097) } }, /4096/],
    ['environment.A', { environment: { A: null } }, /text or/],
    ['environment.1A', { environment: { '1A': '' } }, /letter or "_"/],
    ['environment.A.secret.key', { environment: { A: { secret: { source: 'env', key: '' } } } }, /1 to 256/],
    ['environment.0', { environment: [{ name: 'A' }] }, /either a value or a secret/],
    [
      'environment.0.value',
      { environment: [{ name: 'A', value: '', secret }] },
      /^Secret environment variables must not include inline values$/,
    ],
    [
      'environment.0.secret.version',
      { environment: [{ name: 'A', secret: { ...secret, version: '1' } }] },
      /allowed/,
    ],
    [
      'environment.0.secret.source',
      { environment: [{ name: 'A', secret: { source: 'vault', key: 'k' } }] },
      /store/,
    ],
    [
      'environment.1.name',
      {
        environment: [
          { name: 'Ab', value: '' },
          { name: 'aB', secret },
        ],
      },
      /^Duplicate environment variable: aB$/,
    ],
    ['environment.aB', { environment: { Ab: '', aB: '' } }, /^Duplicate environment variable: aB$/],
    ['inputs', { inputs: {} }, /list/],
    ['inputs.0.source', { inputs: [{ workspacePath: 'a' }] }, /missing/],
    ['inputs.0.source.type', from({ type: 's3' }), /filestorePath/],
    [
      'inputs.0.source.backendMountId',
      from({ type: 'filestorePath', backendMountId: 0, path: '/x' }),
      /positive/,
    ],
    [
      'inputs.0.source.backendMountId',
      from({ type: 'filestorePath', backendMountId: -1, path: '/x' }),
      /positive/,
    ],
    [
      'inputs.0.source.backendMountId',
      from({ type: 'filestorePath', backendMountId: 'Up', path: '/x' }),
      /a-z/,
    ],
    [
      'inputs.0.source.backendMountId',
      from({ type: 'filestorePath', backendMountId: `a${'b'.repeat(64)}`, path: '/x' }),
      /64/,
    ],
    ['inputs.0.source.path', from({ type: 'filestorePath', backendMountId: 1, path: 'x' }), /absolute/],
    ['inputs.0.source.nodeId', from({ type: 'filestoreNode', nodeId: 0 }), /positive/],
    ['inputs.0.source.nodeId', from({ type: 'filestoreNode', nodeId: '' }), /64/],
    ['inputs.0.source.nodeId', from({ type: 'filestoreNode', nodeId: 'n'.repeat(65) }), /64/],
    ['inputs.0.source.content', from({ type: 'inline', encoding: 'base64', content: 'a=b' }), /base64/],
    ['inputs', from({ type: 'inline', content: 'x'.repeat(1024 ** 2 + 1) }), /1048576/],
    ['inputs', from({ type: 'inline', content: 'é'.repeat(1024 ** 2 / 2 + 1) }), /1048576/],
    [
      'inputs',
      from({ type: 'inline', encoding: 'base64', content: Buffer.alloc(1024 ** 2 + 1).toString('base64') }),
      /1048576/,
    ],
    ['inputs.0.workspacePath', input({ workspacePath: '/abs' }), /relative/],
    ['inputs.0.workspacePath', input({ workspacePath: 'a//b' }), /empty/],
    ['inputs.0.workspacePath', input({ workspacePath: './a' }), /segments/],
    ['inputs.0.workspacePath', input({ workspacePath: 'a/..' }), /segments/],
    ['inputs.0.workspacePath', input({ workspacePath: 'a\\b' }), /backslash/],
    ['inputs.0.workspacePath', input({ workspacePath: 'a/'.repeat(256) + 'b' }), /512/],
    ['inputs.0.mountPath', input({ mountPath: '/usr/lib/x' }), /\/usr/],
    ['inputs.0.mountPath', input({ mountPath: '/var/run/docker.sock' }), /./],
    ['inputs.0.id', input({ id: 'with blank' }), /1 to 100/],
    ['inputs.0.id', input({ id: 'x'.repeat(101) }), /1 to 100/],
    [
      'inputs.0.writable',
      input({ writable: true }),
      /^Input mounts are read-only; set writable=false or omit the field$/,
    ],
    ['inputs.0.optional', input({ optional: 1 }), /true or false/],
    ['outputs.0.upload', to('s3'), /"caller"/],
    ['outputs.0.upload.pathTemplate', to({ backendMountId: 1, pathTemplate: '' }), /1 to 1024/],
    ['outputs.0.upload.pathTemplate', to({ backendMountId: 1, pathTemplate: 'a'.repeat(1025) }), /1 to 1024/],
    ['outputs.0.upload.pathTemplate', to({ backendMountId: 1, pathTemplate: 'a/b..c' }), /"\.\."/],
    ['outputs.0.upload.pathTemplate', to({ backendMountId: 1, pathTemplate: 'a/${secret}' }), /./],
    [
      'outputs.0.upload.contentType',
      to({ backendMountId: 1, pathTemplate: 'a', contentType: '' }),
      /1 to 200/,
    ],
    [
      'outputs.0.upload.contentType',
      to({ backendMountId: 1, pathTemplate: 'a', contentType: 'text/plain\r\nX-Own: 1' }),
      /printable ASCII/,
    ],
    ['outputs.0.upload.mode', to({ backendMountId: 1, pathTemplate: 'a', mode: 'link' }), /"directory"/],
    ['outputs.0.workspacePath', { outputs: [{ upload: 'caller' }] }, /missing/],
    ['configFile.filename', { configFile: { filename: '/run.json' } }, /relative/],
    ['configFile.format', { configFile: { filename: 'a', format: 'xml' } }, /"yaml"/],
    ['resources.cpus', { resources: { cpus: 0 } }, /at least/],
    ['resources.memoryBytes', { resources: { memoryBytes: '512M' } }, /MiB/],
    ['resources.memoryBytes', { resources: { memoryBytes: '5m' } }, /at least/],
    ['resources.pidsLimit', { resources: { pidsLimit: 0 } }, /at least 1/],
    ['resources.ulimits.0.soft', { resources: { ulimits: [{ name: 'nofile', soft: 2, hard: 1 }] } }, /hard/],
    ['user', { user: 'root' }, /numeric/],
    ['user', { user: 1000 }, /text/],
    ['user', { user: '2147483648' }, /up to 2147483647/],
    ['user', { user: '1:2147483648' }, /up to 2147483647/],
    ['stdin', { stdin: 'x'.repeat(1024 ** 2 + 1) }, /1 MiB/],
    ['tmpfs.0.path', { tmpfs: [{ path: '/dev/shm' }] }, /\/dev/],
    ['volumes', { volumes: [] }, /not allowed here/],
    ['netwrokMode', { netwrokMode: 'none' }, /did you mean "networkMode"/],
    ['inputs.0.workspacepath', input({ workspacepath: 'a' }), /did you mean "workspacePath"/],
    [
      'outputs.0.upload.overwritten',
      to({ backendMountId: 1, pathTemplate: 'a', overwritten: true }),
      /did you mean "overwrite"/,
    ],
  ])('docker.%s, case %#', (path, docker, message) => {
    const issues = issuesFor(docker);
    expect(issues.map((issue) => issue.path)).toEqual([`docker.${path}`]);
    expect(issues[0]?.message).toMatch(message);
    expect(issues[0]?.code).toMatch(/^validation\./);
  });

  it.each<[string, unknown, RegExp]>([
    ['docker', {}, /missing/],
    ['docker', { docker: [] }, /object/],
    ['slug', { slug: '-x' }, /letters, digits/],
    ['slug', { slug: 'x'.repeat(101) }, /1 to 100/],
    ['version', { version: '' }, /1 to 128/],
    ['version', { version: Number.NaN }, /text or a whole number/],
    ['version', { version: 1.1 }, /^must be text or a whole number: put quotes around the number$/],
    ['version', { version: 2 ** 53 }, /whole number: put quotes/],
    ['version', { version: true }, /whole number: put quotes around the boolean/],
    ['slug', { slug: 2026 }, /^must be text: put quotes around the number$/],
    ['id', { id: 7 }, /^must be text: put quotes around the number$/],
    ['timeoutMs', { timeoutMs: 999 }, /1000/],
    ['timeoutMs', { timeoutMs: 86_400_001 }, /86400000/],
    ['timeoutMs', { timeoutMs: '10s' }, /whole milliseconds/],
    ['retry.maxAttempts', { retry: { maxAttempts: 0 } }, /at least 1/],
    ['retry.maxAttempts', { retry: { maxAttempts: 11 } }, /not be more than 10/],
    ['retry.backoff', { retry: { backoff: 'linear' } }, /"none", "fixed" or "exponential"/],
    ['retry.jitter', { retry: { jitter: true } }, /"none", "full" or "equal"/],
    ['retry.initialDelayMs', { retry: { initialDelayMs: -1 } }, /not be negative/],
    ['retry.maxDelayMs', { retry: { maxDelayMs: 86_400_001 } }, /86400000/],
    ['retry.on', { retry: { on: [] } }, /at least one/],
    ['retry.on.0', { retry: { on: ['caller'] } }, /"user", "limit" or "infrastructure"/],
    ['retryPolicy.strategy', { retryPolicy: { strategy: 'linear' } }, /"none", "fixed" or "exponential"/],
    ['retryPolicy', { retry: {}, retryPolicy: {} }, /same as retry/],
    ['defaultParameters.a', { defaultParameters: { a: () => 1 } }, /./],
    ['defaultParameters', { defaultParameters: [] }, /object of JSON values/],
  ])('%s in %j', (path, definition, message) => {
    const given = path === 'docker' ? definition : { docker: { image: IMAGE }, ...(definition as object) };
    const issues = issuesOf(given);
    expect(issues.map((issue) => issue.path)).toEqual([path]);
    expect(issues[0]?.message).toMatch(message);
  });

  it.each([undefined, null, 5, 'text', [], true, () => 1])('%j instead of a definition', (definition) => {
    expect(issuesOf(definition)).toMatchObject([{ path: '' }]);
  });

  it('lists every issue at once', () => {
    expect(
      issuesOf({ timeoutMs: 1, docker: { image: '', command: 'x', volumes: 1 } }).map(({ path }) => path),
    ).toEqual(expect.arrayContaining(['timeoutMs', 'docker.image', 'docker.command', 'docker.volumes']));
  });

  it('never repeats a value, which could be a secret', () => {
    const canary = 'c4n4ry-value';
    const issues = issuesOf({
      docker: {
        image: `${canary}:UPPER:x`,
        environment: [{ name: canary, value: `${canary}\0`, secret: { source: 'env', key: 'k' } }],
        stdin: [canary],
        command: canary,
      },
    });
    expect(issues.length).toBeGreaterThan(3);
    expect(JSON.stringify(issues)).not.toContain(canary);
  });
});

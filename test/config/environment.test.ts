import { describe, expect, it } from 'vitest';
import { configFromEnv, type Environment } from '../../src/config/environment.js';
import { ENVIRONMENT_VARIABLES } from '../../src/config/environment-variables.js';
import { parseConfig } from '../../src/config/parse.js';
import type { RuntimeConfig } from '../../src/config/runtime-config.js';
import { ConfigError, type Issue, issuesOf } from '../../src/errors.js';

const prefixed = (variables: Environment, prefix = 'CATALOG_'): Environment =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [prefix + name, value]));

const configOf = (variables: Environment): RuntimeConfig => parseConfig(configFromEnv(prefixed(variables)));

function issuesFor(env: Environment, prefix?: string): readonly Issue[] {
  try {
    configFromEnv(env, { prefix });
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return issuesOf(error);
  }
  return [];
}

const OPEN = { DOCKER_ENFORCE_NETWORK_ISOLATION: 'false' };

describe('configFromEnv: what it gives', () => {
  it('gives only what is set, and what differs from an explicit configuration', () => {
    expect(configFromEnv({})).toEqual({
      enabled: false,
      workspaceRoot: '/tmp/apphub-docker-workspaces',
      policy: { network: { defaultMode: 'none', allowOverride: false } },
    });
    expect(configFromEnv(prefixed(OPEN))).toEqual({
      enabled: false,
      workspaceRoot: '/tmp/apphub-docker-workspaces',
      policy: { network: { enforceIsolation: false } },
    });
  });

  it.each([
    ['/var/tmp', '/var/tmp/apphub-docker-workspaces'],
    ['/var/tmp/', '/var/tmp/apphub-docker-workspaces'],
    ['', '/tmp/apphub-docker-workspaces'],
  ])('puts the workspace root beneath TMPDIR=%j', (folder, expected) => {
    expect(configFromEnv({ TMPDIR: folder }).workspaceRoot).toBe(expected);
  });

  it.each<[Environment, (config: RuntimeConfig) => unknown, unknown]>([
    [{ ENABLE_DOCKER_JOBS: 'true' }, ({ enabled }) => enabled, true],
    [{ ENABLE_DOCKER_JOBS: ' YES ' }, ({ enabled }) => enabled, true],
    [{ ENABLE_DOCKER_JOBS: 'On' }, ({ enabled }) => enabled, true],
    [{ ENABLE_DOCKER_JOBS: '1' }, ({ enabled }) => enabled, true],
    [{ ENABLE_DOCKER_JOBS: 'off' }, ({ enabled }) => enabled, false],
    [{ ENABLE_DOCKER_JOBS: '  ' }, ({ enabled }) => enabled, false],
    [{ DOCKER_WORKSPACE_ROOT: ' /data/w ' }, ({ workspaceRoot }) => workspaceRoot, '/data/w'],
    [
      { DOCKER_IMAGE_ALLOWLIST: ' b:1 ,, a:1,b:1 ' },
      ({ policy }) => policy.images.allow,
      ['b:1', 'a:1', 'b:1'],
    ],
    [{ DOCKER_IMAGE_DENYLIST: 'bad/*' }, ({ policy }) => policy.images.deny, ['bad/*']],
    [{ DOCKER_MAX_WORKSPACE_BYTES: '' }, ({ maxWorkspaceBytes }) => maxWorkspaceBytes, 10_737_418_240],
    [{ DOCKER_MAX_WORKSPACE_BYTES: '0' }, ({ maxWorkspaceBytes }) => maxWorkspaceBytes, null],
    [{ DOCKER_MAX_WORKSPACE_BYTES: 'Unlimited' }, ({ maxWorkspaceBytes }) => maxWorkspaceBytes, null],
    [{ DOCKER_MAX_WORKSPACE_BYTES: '4096' }, ({ maxWorkspaceBytes }) => maxWorkspaceBytes, 4096],
    [{ DOCKER_MAX_WORKSPACE_BYTES: '10GB' }, ({ maxWorkspaceBytes }) => maxWorkspaceBytes, 10_000_000_000],
    [{ DOCKER_ENABLE_GPU: 'yes' }, ({ policy }) => policy.gpu.enabled, true],
    [{ DOCKER_PERSIST_LOG_TAIL: 'no' }, ({ persistLogTail }) => persistLogTail, false],
    [{ DOCKER_MAX_LOG_CHARS: '2048' }, ({ maxLogChars }) => maxLogChars, 2048],
    [{ DOCKER_KILL_GRACE_MS: '2s' }, ({ stopGraceMs }) => stopGraceMs, 2000],
    [
      { DOCKER_FILESTORE_MAX_DOWNLOAD_BYTES: '1g' },
      ({ maxDownloadBytes }) => maxDownloadBytes,
      1_073_741_824,
    ],
    [{ DOCKER_FILESTORE_MAX_UPLOAD_BYTES: '7' }, ({ maxUploadBytes }) => maxUploadBytes, 7],
    [{ DOCKER_FILESTORE_MAX_FILE_BYTES: '7kB' }, ({ maxFileBytes }) => maxFileBytes, 7000],
    [
      { ...OPEN, DOCKER_DEFAULT_NETWORK_MODE: ' Bridge ', DOCKER_ALLOW_NETWORK_OVERRIDE: '1' },
      ({ policy: { network } }) => [network.defaultMode, network.allowOverride],
      ['bridge', true],
    ],
    [
      { ...OPEN, DOCKER_ALLOWED_NETWORK_MODES: 'NONE, none' },
      ({ policy }) => policy.network.allowedModes,
      ['none'],
    ],
    [
      { DOCKER_ALLOWED_NETWORK_MODES: ' , ' },
      ({ policy }) => policy.network.allowedModes,
      ['none', 'bridge'],
    ],
    [
      { DOCKER_ALLOW_NETWORK_OVERRIDE: 'true' },
      ({ policy: { network } }) => [network.enforceIsolation, network.defaultMode, network.allowOverride],
      [true, 'none', false],
    ],
    [{ DOCKER_ENGINE_HOST: 'unix:///run/x.sock' }, ({ engine }) => engine.host, 'unix:///run/x.sock'],
    [{ DOCKER_TIMEOUTS_DEFAULT_RUN_MS: '5m' }, ({ timeouts }) => timeouts.default.runMs, 300_000],
    [
      { DOCKER_POLICY_LIMITS_MAX_MEMORY_BYTES: 'unlimited' },
      ({ policy }) => policy.limits.max.memoryBytes,
      null,
    ],
    [
      { DOCKER_POLICY_LIMITS_MAX_OUTPUT_BYTES: '1m' },
      ({ policy }) => policy.limits.max.outputBytes,
      1_048_576,
    ],
    [{ DOCKER_POLICY_LIMITS_DEFAULT_CPUS: '1.5' }, ({ policy }) => policy.limits.default.cpus, 1.5],
    [
      { DOCKER_POLICY_SECURITY_DENIED_ENVIRONMENT: 'LD_*,PATH' },
      ({ policy }) => policy.security.deniedEnvironment,
      ['LD_*', 'PATH'],
    ],
  ])('%j', (variables, read, expected) => {
    expect(read(configOf(variables))).toEqual(expected);
  });

  it('goes beneath what the application says', () => {
    const env = configFromEnv(prefixed({ DOCKER_MAX_LOG_CHARS: '2048' }));
    expect(parseConfig(env, { enabled: true, maxLogChars: 4096 })).toMatchObject({
      enabled: true,
      maxLogChars: 4096,
    });
  });

  it('takes another prefix, and then passes over the default one', () => {
    const env = { CORE_ENABLE_DOCKER_JOBS: '1', CATALOG_DOCKER_MAX_LOG_CHARS: 'x' };
    expect(configFromEnv(env, { prefix: 'CORE_' })).toMatchObject({ enabled: true });
  });

  it("leaves Docker's own variables alone when there is no prefix", () => {
    const env = { DOCKER_HOST: 'unix:///x', DOCKER_BUILDKIT: '1', ENABLE_DOCKER_JOBS: '1' };
    expect(configFromEnv(env, { prefix: '' })).toMatchObject({ enabled: true });
  });

  it('reads a variable again each time', () => {
    expect(configOf({ DOCKER_MAX_LOG_CHARS: '2048' }).maxLogChars).toBe(2048);
    expect(configOf({ DOCKER_MAX_LOG_CHARS: '4096' }).maxLogChars).toBe(4096);
  });
});

describe('configFromEnv: what it refuses', () => {
  it.each<[string, Environment]>([
    ['CATALOG_ENABLE_DOCKER_JOBS', { ENABLE_DOCKER_JOBS: 'maybe' }],
    ['CATALOG_DOCKER_WORKSPACE_ROOT', { DOCKER_WORKSPACE_ROOT: 'work/jobs' }],
    ['CATALOG_DOCKER_MAX_WORKSPACE_BYTES', { DOCKER_MAX_WORKSPACE_BYTES: '-5' }],
    ['CATALOG_DOCKER_MAX_WORKSPACE_BYTES', { DOCKER_MAX_WORKSPACE_BYTES: '10 apples' }],
    ['CATALOG_DOCKER_MAX_LOG_CHARS', { DOCKER_MAX_LOG_CHARS: '100' }],
    ['CATALOG_DOCKER_MAX_LOG_CHARS', { DOCKER_MAX_LOG_CHARS: '1e4' }],
    ['CATALOG_DOCKER_KILL_GRACE_MS', { DOCKER_KILL_GRACE_MS: '10' }],
    ['CATALOG_DOCKER_FILESTORE_MAX_FILE_BYTES', { DOCKER_FILESTORE_MAX_FILE_BYTES: '0' }],
    ['CATALOG_DOCKER_IMAGE_ALLOWLIST', { DOCKER_IMAGE_ALLOWLIST: 'ok:1,Upper:1' }],
    ['CATALOG_DOCKER_ALLOWED_NETWORK_MODES', { DOCKER_ALLOWED_NETWORK_MODES: 'host,macvlan' }],
    ['CATALOG_DOCKER_ALLOWED_NETWORK_MODES', { DOCKER_ALLOWED_NETWORK_MODES: 'bridge' }],
    ['CATALOG_DOCKER_DEFAULT_NETWORK_MODE', { DOCKER_DEFAULT_NETWORK_MODE: 'bridge' }],
    ['CATALOG_DOCKER_DEFAULT_NETWORK_MODE', { ...OPEN, DOCKER_DEFAULT_NETWORK_MODE: 'host' }],
    [
      'CATALOG_DOCKER_DEFAULT_NETWORK_MODE',
      { ...OPEN, DOCKER_DEFAULT_NETWORK_MODE: 'bridge', DOCKER_ALLOWED_NETWORK_MODES: 'none' },
    ],
    ['CATALOG_DOCKER_POLICY_LIMITS_MAX_CPUS', { DOCKER_POLICY_LIMITS_MAX_CPUS: '0.5' }],
    [
      'CATALOG_DOCKER_POLICY_LIMITS_MAX_CPUS',
      { DOCKER_POLICY_LIMITS_MAX_CPUS: '0.5', DOCKER_ALLOWED_NETWORK_MODES: 'none' },
    ],
    ['CATALOG_DOCKER_TIMEOUTS_MAX_RUN_MS', { DOCKER_TIMEOUTS_MAX_RUN_MS: '1m' }],
    ['CATALOG_DOCKER_IMAGE_ALOWLIST', { DOCKER_IMAGE_ALOWLIST: 'a:1' }],
  ])('%s in %j', (name, variables) => {
    const issues = issuesFor(prefixed(variables));
    expect(issues.map(({ path }) => path)).toEqual([name]);
    const own = prefixed(variables)[name];
    if (issues[0]?.code !== 'config.unknown_variable') {
      expect(issues[0]?.message).toContain(JSON.stringify(own));
    }
  });

  it('lists every bad variable in one error', () => {
    const issues = issuesFor(
      prefixed({
        ENABLE_DOCKER_JOBS: 'maybe',
        DOCKER_WORKSPACE_ROOT: 'rel',
        DOCKER_MAX_LOG_CHARS: '1',
        DOCKER_DEFAULT_NETWORK_MODE: 'host',
        DOCKER_ENABLE_GPUS: '1',
      }),
    );
    expect(issues.map(({ path }) => path).sort()).toEqual([
      'CATALOG_DOCKER_DEFAULT_NETWORK_MODE',
      'CATALOG_DOCKER_ENABLE_GPUS',
      'CATALOG_DOCKER_MAX_LOG_CHARS',
      'CATALOG_DOCKER_WORKSPACE_ROOT',
      'CATALOG_ENABLE_DOCKER_JOBS',
    ]);
  });

  it('names the allowed words and the nearest variable', () => {
    expect(issuesFor({ CATALOG_ENABLE_DOCKER_JOBS: 'maybe' })[0]?.message).toMatch(
      /1, true, yes, on.*"maybe"/,
    );
    expect(issuesFor({ CATALOG_DOCKER_ENABLE_GPUS: '1' })[0]?.message).toContain(
      'CATALOG_DOCKER_ENABLE_GPU?',
    );
    expect(issuesFor({ CATALOG_DOCKER_DEFAULT_NETWORK_MODE: 'host' })[0]?.message).toContain(
      'Allowed values: none, bridge',
    );
  });

  it('says which entries of a list are bad, and shows one that is all of it as it was written', () => {
    const said = (variables: Environment): readonly string[] =>
      issuesFor(prefixed(variables)).map(({ message }) => message.replace(/^.*; got /, 'got '));
    expect(said({ DOCKER_IMAGE_ALLOWLIST: 'a.b*' })).toEqual(['got "a.b*"']);
    expect(said({ DOCKER_IMAGE_ALLOWLIST: 'busybox:*, a.b*,tools/*' })).toEqual([
      'got "a.b*" in "busybox:*, a.b*,tools/*"',
    ]);
    expect(said({ DOCKER_IMAGE_DENYLIST: 'ok:1,http://u:secret@h/x' }).join()).not.toContain('secret');
    expect(said({ ...OPEN, DOCKER_ALLOWED_NETWORK_MODES: 'none,host,macvlan' })).toEqual([
      'got "host", "macvlan" in "none,host,macvlan"',
    ]);
  });

  it.each<[unknown, unknown, string]>([
    [undefined, undefined, 'env: must be an object of variables'],
    ['A=b', undefined, 'env: must be an object of variables'],
    [{}, null, 'options: must be an object'],
    [{}, { prefxi: 'MY_' }, 'options.prefxi: is unknown; known is prefix'],
    [{}, { prefix: 5 }, 'options.prefix: must be text'],
  ])('an environment or options that are none: %j, %j', (env, options, message) => {
    expect(() => configFromEnv(env as Environment, options as object | undefined)).toThrow(
      expect.objectContaining({
        code: 'config.invalid',
        message: `Invalid configuration:\n- ${message}`,
      }) as Error,
    );
  });

  it('names TMPDIR where the workspace root came from it', () => {
    expect(issuesFor({ TMPDIR: 'tmp' })).toMatchObject([{ path: 'TMPDIR' }]);
  });
});

describe('ENVIRONMENT_VARIABLES', () => {
  it('has one variable per name and per key', () => {
    const names = ENVIRONMENT_VARIABLES.map(({ name }) => name);
    const paths = ENVIRONMENT_VARIABLES.map(({ path }) => path.join('.'));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(paths).size).toBe(paths.length);
  });
});

/** `policy test` and `policy diff`, and `--profile` of the other commands, from their words to output and exit code. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PolicyRule } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CliIo } from '../../src/cli/io.js';
import { type Outcome, runWith, temporaryFolder } from './fixture.js';

let folder = '';
beforeEach(async () => {
  folder = await temporaryFolder();
});

const cli = async (args: string, stdin: unknown = '', changes?: Partial<CliIo>): Promise<Outcome> =>
  runWith(folder, args.split(' '), stdin, changes);
const put = async (name: string, content: unknown): Promise<void> =>
  writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
const parsed = (text: string): unknown => JSON.parse(text);
const job = (image: string, more: object = {}): object => ({
  slug: image.split(':')[0],
  docker: { image, ...more },
});

const ALLOW_BUSYBOX = { policy: { images: { allow: ['busybox:*'] } } };

describe('policy test', () => {
  const CASES = `
- name: busybox runs
  definition: { docker: { image: busybox:1 } }
  allowed: true
- definition: jobs/evil.yaml
  allowed: false
  rules: [policy.image]
- definition: { docker: { image: busybox:1, networkMode: bridge } }
  allowed: false
  rules: [policy.network]
`;
  beforeEach(async () => {
    await mkdir(join(folder, 'tests/jobs'), { recursive: true });
    await put('tests/jobs/evil.yaml', 'docker: { image: evil:1 }');
    await put('tests/cases.yaml', CASES);
    await put('config.json', ALLOW_BUSYBOX);
  });

  it('exits 0 when all hold, and names each case', async () => {
    expect(await cli('policy test tests/cases.yaml --config config.json')).toEqual({
      code: 0,
      stdout: 'ok      busybox runs\nok      tests/jobs/evil.yaml\nok      case 3\n3 passed, 0 failed\n',
      stderr: '',
    });
  });

  it('exits 1 when one does not, and says why', async () => {
    const { code, stdout } = await cli('policy test tests/cases.yaml');
    expect(code).toBe(1);
    expect(stdout).toContain('not ok  tests/jobs/evil.yaml: expected denied, but it is allowed\n');
    expect(stdout).toMatch(/\n2 passed, 1 failed\n$/);
  });

  it('gives the results as JSON', async () => {
    const { code, stdout } = await cli('policy test tests/cases.yaml --json');
    expect(code).toBe(1);
    expect(parsed(stdout)).toEqual({
      ok: false,
      cases: [
        { name: 'busybox runs', passed: true, problem: null },
        { name: 'tests/jobs/evil.yaml', passed: false, problem: 'expected denied, but it is allowed' },
        { name: 'case 3', passed: true, problem: null },
      ],
    });
  });

  it('takes an absolute path of a definition as it is', async () => {
    const definition = join(folder, 'tests/jobs/evil.yaml');
    await put('tests/absolute.json', [{ definition, allowed: true }]);
    expect(await cli('policy test tests/absolute.json')).toMatchObject({
      code: 0,
      stdout: `ok      ${definition}\n1 passed, 0 failed\n`,
    });
  });

  it('reads cases from standard input, with policy from the environment, a profile and own rules', async () => {
    const rule: PolicyRule = {
      id: 'acme.x',
      evaluate: ({ image }) => [
        { rule: 'acme.x', path: 'docker.image', message: image, severity: 'warning', hint: null },
      ],
    };
    await put('profile.yaml', 'policy: { profiles: { open: { images: { deny: [] } } } }');
    const cases = {
      cases: [
        { definition: job('evil:1'), allowed: true, warned: ['acme.x'] },
        {
          definition: { ...job('busybox:1'), timeoutMs: 86_400_000 },
          allowed: false,
          rules: ['policy.timeouts'],
        },
      ],
    };
    const env = {
      CATALOG_DOCKER_IMAGE_DENYLIST: 'evil',
      CATALOG_DOCKER_TIMEOUTS_MAX_RUN_MS: '2h',
    };
    const outcome = await cli('policy test - --config profile.yaml --profile open', cases, {
      env,
      ports: { rules: [rule] },
    });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
  });

  it.each<[string, unknown, RegExp]>([
    ['no list', { docker: {} }, /cases\.json: must be a list of cases, or an object with one under "cases"/],
    ['an empty list', [], /must be a list of cases/],
    ['a case that is no object', [5], /cases\.0: must be an object/],
    [
      'an expectation that is no answer',
      [{ definition: {}, allowed: 'yes' }],
      /cases\.0\.allowed: must be true or false/,
    ],
    [
      'a misspelt key',
      [{ definition: {}, alowed: true, allowed: true }],
      /cases\.0\.alowed: is no known key; known keys: name, /,
    ],
    [
      'a definition that is a list',
      [{ definition: [], allowed: true }],
      /cases\.0\.definition: must be a definition or the path of one/,
    ],
    ['standard input within a case', [{ definition: '-', allowed: true }], /cases\.0\.definition: must be/],
    [
      'rules that are no list',
      [{ definition: {}, allowed: false, rules: 'policy.image' }],
      /cases\.0\.rules: must be a list of rule ids/,
    ],
    [
      'a blank profile',
      [{ definition: {}, allowed: false, profile: ' ' }],
      /cases\.0\.profile: must be the name/,
    ],
    ['a file that is not there', [{ definition: 'gone.yaml', allowed: true }], /gone\.yaml: no such file/],
  ])('exits 2 for %s', async (_name, content, message) => {
    await put('cases.json', content);
    const { code, stdout, stderr } = await cli('policy test cases.json');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it('lists everything that is wrong with the cases', async () => {
    await put('cases.json', [{ definition: {} }, { allowed: true }]);
    const { code, stderr } = await cli('policy test cases.json');
    expect(code).toBe(2);
    expect(stderr).toContain('cases.0.allowed: ');
    expect(stderr).toContain('cases.1.definition: ');
  });
});

describe('policy diff', () => {
  beforeEach(async () => {
    await put('old.json', ALLOW_BUSYBOX);
    await put('jobs.json', [
      job('busybox:1'),
      job('evil:1'),
      { docker: {} },
      job('busybox:2', { resources: { cpus: 1 } }),
    ]);
    await put('one.yaml', 'slug: one\ndocker: { image: busybox:3 }\n');
  });

  it('exits 0 when nothing differs', async () => {
    await put('new.json', { policy: { images: { allow: ['docker.io/library/busybox:*'] } } });
    const { code, stdout } = await cli('policy diff old.json new.json one.yaml jobs.json');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^jobs\.json\[2\]: passed over: docker\.image: .*\n5 definitions: no difference\n$/,
    );
  });

  it('exits 1 and says what would be refused, let pass and changed, and why; a policy alone will do', async () => {
    await put(
      'new.yaml',
      'images: { allow: [busybox:2, busybox:3, evil] , deny: []}\nlimits: { default: { cpus: 2 }, max: { cpus: 2 } }\n',
    );
    const { code, stdout } = await cli('policy diff old.json new.yaml jobs.json one.yaml');
    expect(code).toBe(1);
    expect(stdout).toContain(
      'jobs.json[0] (busybox): newly denied\n' +
        '  docker.image: docker.io/library/busybox:1 matches no pattern of images.allow\n' +
        '    hint: images that may run: busybox:2, busybox:3, evil; the operator may add to policy.images.allow\n',
    );
    expect(stdout).toContain('one.yaml (one): changed\n  container.resources.cpus: 1 becomes 2\n');
    expect(stdout).not.toContain('jobs.json[3]');
    expect(stdout).toMatch(/\n5 definitions: 1 newly denied, 1 changed\n$/);
  });

  it('gives the report as JSON', async () => {
    await put('new.json', { policy: { images: { allow: ['evil:*'] }, modes: { 'policy.image': 'warn' } } });
    const { code, stdout } = await cli('policy diff old.json new.json jobs.json --json');
    expect(code).toBe(1);
    expect(parsed(stdout)).toMatchObject({
      definitions: 4,
      differences: [
        {
          source: 'jobs.json[0]',
          slug: 'busybox',
          change: 'newly_warned',
          violations: [{ rule: 'policy.image' }],
        },
        { source: 'jobs.json[1]', change: 'newly_allowed' },
        { source: 'jobs.json[3]', change: 'newly_warned', changes: [] },
      ],
      invalid: [{ source: 'jobs.json[2]', issues: [{ path: 'docker.image' }] }],
    });
  });

  it('compares the longest times of the two configurations, for one profile, from standard input', async () => {
    await put('old.json', { policy: { profiles: { ci: {} } } });
    await put('new.json', {
      timeouts: { default: { runMs: '1m' }, max: { runMs: '1m' } },
      policy: { profiles: { ci: {} } },
    });
    const { code, stdout } = await cli('policy diff old.json new.json - --profile ci', {
      ...job('busybox:1'),
      timeoutMs: 120_000,
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^- \(busybox\): newly denied\n {2}timeoutMs: /);
  });

  it.each([
    ['policy diff old.json', "missing required argument 'new'"],
    ['policy diff old.json old.json', "missing required argument 'definitions'"],
    ['policy diff old.json gone.json one.yaml', 'gone.json: no such file'],
    ['policy diff old.json old.json gone.yaml', 'gone.yaml: no such file'],
    ['policy diff old.json bad.json one.yaml', 'policy.imags: is no known key; did you mean "images"?'],
    ['policy diff old.json old.json one.yaml --profile ci', '"ci" is a profile of neither policy'],
    ['policy tst cases.yaml', "unknown command 'tst'"],
  ])('%s exits 2', async (args, message) => {
    await put('bad.json', { policy: { imags: {} } });
    const { code, stdout, stderr } = await cli(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    const json = await cli(`${args} --json`);
    expect([json.code, json.stderr]).toEqual([2, '']);
    expect(parsed(json.stdout)).toHaveProperty('error');
  });

  it('does not let a definition steer the terminal', async () => {
    await put('new.json', { policy: { images: { allow: ['other'] } } });
    const { stdout } = await cli('policy diff old.json new.json -', { docker: { ['\u001b[2J']: 1 } });
    expect(stdout).not.toContain('\u001b');
  });
});

describe('--profile', () => {
  beforeEach(async () => {
    await put('config.json', {
      policy: { images: { allow: ['busybox:*'] }, profiles: { open: { images: { allow: ['evil:*'] } } } },
    });
  });

  it.each(['validate', 'explain', 'run'])('chooses the policy of %s', async (command) => {
    const ports = { engine: fakeEngine({}) };
    const line = `${command} - --config config.json`;
    expect((await cli(line, job('evil:1'), { ports })).code).toBe(2);
    expect((await cli(`${line} --profile open`, job('evil:1'), { ports })).code).toBe(0);
    const unknown = await cli(`${line} --profile opne`, job('evil:1'), { ports });
    expect(unknown.code).toBe(2);
    expect(unknown.stdout + unknown.stderr).toContain(
      'options.profile: must be one of policy.profiles (open); did you mean "open"?',
    );
  });

  it('is not found in a definition', async () => {
    const { code } = await cli('validate - --config config.json', { ...job('evil:1'), profile: 'open' });
    expect(code).toBe(2);
  });
});

it('validate shows what a rule merely warns of', async () => {
  await put('config.json', { policy: { images: { allow: ['busybox:*'] }, mode: 'warn' } });
  const { code, stdout } = await cli('validate - --config config.json', job('evil:1'));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^-: valid\n {2}warning: docker\.image: .* matches no pattern/);
  const explained = await cli('explain - --config config.json', job('evil:1'));
  expect(explained.stdout).toMatch(/ {2}policy\.image +warned /);
});

/** The three commands from their words to output and exit code, on an engine without containers. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunResult } from 'berthkit';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CliIo } from '../../src/cli/io.js';
import { runCli } from '../../src/cli/program.js';
import { type Outcome, runWith, temporaryFolder, testProcess } from './fixture.js';

let folder = '';
beforeEach(async () => {
  folder = await temporaryFolder();
});

const JOB = { slug: 'job', docker: { image: 'busybox:1', command: ['work'] } };
const onEngine = (script: FakeEngineScript): Partial<CliIo> => ({ ports: { engine: fakeEngine(script) } });
const cli = async (args: string, definition: unknown = JOB, changes?: Partial<CliIo>): Promise<Outcome> =>
  runWith(folder, args.split(' '), definition, changes);
const parsed = (text: string): unknown => JSON.parse(text);

describe('validate', () => {
  it('says that a definition is valid', async () => {
    expect(await cli('validate -')).toEqual({ code: 0, stdout: '-: valid\n', stderr: '' });
  });

  it('names each issue with its path', async () => {
    const { code, stdout } = await cli('validate -', 'docker:\n  image: 3\n  comand: [a]\n');
    expect(code).toBe(2);
    expect(stdout).toContain('-: not valid\n');
    expect(stdout).toContain('  docker.image: ');
    expect(stdout).toContain('"command"');
  });

  it('refuses what YAML takes for a number or a boolean where text is asked for, with the way out', async () => {
    const yaml =
      'version: 1.10\nslug: 2026\ndocker:\n  image: busybox:1\n  command: [sleep, 5]\n  environment: { DEBUG: true }\n';
    const { code, stdout } = await cli('validate -', yaml);
    expect(code).toBe(2);
    expect(stdout).toContain('version: must be text or a whole number: put quotes around the number');
    expect(stdout).toContain('slug: must be text: put quotes around the number');
    expect(stdout).toContain('docker.command.1: must be text: put quotes around the number');
    expect(stdout).toContain('docker.environment.DEBUG: must be text: put quotes around the boolean');
    await writeFile(join(folder, 'config.yaml'), 'instanceId: 5\n');
    const { stderr } = await cli('validate - --config config.yaml');
    expect(stderr).toContain('instanceId: must be text: put quotes around the number');
  });

  it('judges by the policy of the configuration, and says what is allowed', async () => {
    await writeFile(join(folder, 'config.yaml'), 'policy:\n  images:\n    allow: ["approved/*"]\n');
    const { code, stdout } = await cli('validate - --config config.yaml');
    expect(code).toBe(2);
    expect(stdout).toContain('docker.image: ');
    expect(stdout).toContain('approved/*');
  });

  it('gives the validation as JSON', async () => {
    const { code, stdout } = await cli('validate - --json', { docker: {} });
    expect(code).toBe(2);
    expect(parsed(stdout)).toMatchObject({ ok: false, issues: [{ path: 'docker.image' }] });
  });

  it('shows a warning of a definition that is valid', async () => {
    const { code, stdout } = await cli('validate -', { ...JOB, timeoutMS: 3 });
    expect(code).toBe(0);
    expect(stdout).toContain('  warning: timeoutMS: ');
  });

  it('does not let a definition steer the terminal', async () => {
    const { stdout } = await cli('validate -', { docker: { image: 'a', ['\u001b[2J']: 1 } });
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain('\\u{1b}[2J');
  });
});

describe('explain', () => {
  it('shows decision, plan and docker line', async () => {
    const { code, stdout, stderr } = await cli('explain - --param depth=3', {
      docker: { ...JOB.docker, configFile: { filename: 'c.json', mountPath: '/workspace/c.json' } },
    });
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain('Policy: allowed');
    expect(stdout).toMatch(/ {2}policy\.image +allowed/);
    expect(stdout).toContain('parameters:\n    depth: 3');
    expect(stdout).toMatch(/docker run .* busybox:1 work\n/);
  });

  it('shows the decision alone when denied', async () => {
    await writeFile(join(folder, 'config.json'), '{"policy":{"images":{"deny":["busybox:*"]}}}');
    const { code, stdout } = await cli('explain - --config config.json');
    expect(code).toBe(2);
    expect(stdout).toContain('Policy: denied');
    expect(stdout).not.toContain('docker run');
  });

  it('gives the explanation as JSON', async () => {
    const { stdout } = await cli('explain - --json');
    expect(parsed(stdout)).toMatchObject({ decision: { allowed: true }, validation: { ok: true } });
  });
});

describe('run', () => {
  it('passes on both streams and is otherwise quiet in a pipe', async () => {
    const script: FakeEngineScript = {
      run: async (job) => {
        await job.stdout('to stdout\n');
        await job.stderr('to stderr\n');
        return { exitCode: 0 };
      },
    };
    expect(await cli('run -', JOB, onEngine(script))).toEqual({
      code: 0,
      stdout: 'to stdout\n',
      stderr: 'to stderr\n',
    });
  });

  it('exits as the job did, and says why on a line of its own', async () => {
    const script: FakeEngineScript = {
      run: async (job) => {
        await job.stderr('no end');
        return { exitCode: 3 };
      },
    };
    const { code, stdout, stderr } = await cli('run -', JOB, onEngine(script));
    expect(code).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^no end\nberthkit: Docker job exited with code 3 /);
  });

  it('takes files in, hands outputs out, and gives parameters', async () => {
    await writeFile(join(folder, 'local.txt'), 'one two');
    const script: FakeEngineScript = {
      run: async (job) => {
        const config = Buffer.from(await job.readFile('/workspace/c.json')).toString();
        const input = Buffer.from(await job.readFile('/workspace/in/a.txt')).toString();
        await job.writeFile('/workspace/out.txt', `${input} ${config}`);
        return { exitCode: 0 };
      },
    };
    const definition = {
      docker: {
        image: 'busybox:1',
        configFile: { filename: 'c.json', mountPath: '/workspace/c.json' },
        outputs: [{ workspacePath: 'out.txt', upload: 'caller' }],
      },
    };
    const args = 'run - --file in/a.txt=local.txt --param n=3 --output results';
    const { code, stderr } = await cli(args, definition, onEngine(script));
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(await readFile(join(folder, 'results', 'out.txt'), 'utf8')).toMatch(/^one two [^]*"n":\s*3/);
  });

  it('runs nothing where the folder for outputs is a file', async () => {
    await writeFile(join(folder, 'taken'), '');
    const { code, stderr } = await cli('run - --output taken', JOB, onEngine({}));
    expect(code).toBe(2);
    expect(stderr).toContain('--output: taken: is a file, not a folder');
  });

  it('says which flag is missing for an output that goes to the caller', async () => {
    const docker = { ...JOB.docker, outputs: [{ workspacePath: 'out.txt', upload: 'caller' }] };
    const { code, stderr } = await cli('run -', { docker }, onEngine({}));
    expect(code).toBe(2);
    expect(stderr).toContain('hint: give a folder with --output DIR');
  });

  it('with --json gives the result and nothing else, also of a failure', async () => {
    const script: FakeEngineScript = {
      run: async (job) => {
        await job.stdout('{"not":"ours"}\n');
        return { exitCode: 3 };
      },
    };
    const { code, stdout, stderr } = await cli('run - --json', JOB, onEngine(script));
    const result = parsed(stdout) as RunResult;
    expect(code).toBe(3);
    expect(result).toMatchObject({ status: 'failed', reason: 'non_zero_exit', exitCode: 3 });
    expect(result.stdout.text).toBe('{"not":"ours"}\n');
    expect(stderr).toBe('');
  });

  it('shows progress on a terminal, and begins it on a line of its own', async () => {
    const script: FakeEngineScript = {
      run: async (job) => {
        await job.stdout('no end');
        return { exitCode: 0 };
      },
    };
    const terminal = { isTerminal: true, isOutputTerminal: true };
    const { stderr, stdout } = await cli('run -', JOB, { ...onEngine(script), ...terminal });
    expect(stdout).toBe('no end');
    expect(stderr).toMatch(/^running +\S+\n\nexited +with code 0\nsucceeded +in [\d.]+ s\n$/);
  });

  it('exits 124 after a timeout', async () => {
    const script: FakeEngineScript = { run: async (job) => job.sleepUntilKilled() };
    const { code } = await cli('run -', { ...JOB, timeoutMs: 1000 }, onEngine(script));
    expect(code).toBe(124);
  });

  it('exits 125 when the engine fails, with the error as JSON', async () => {
    const changes = { ports: { engine: fakeEngine({ fail: [{ call: 'containers.create' }] }) } };
    const { code, stdout } = await cli('run - --json', JOB, changes);
    expect(code).toBe(125);
    expect(parsed(stdout)).toMatchObject({ error: { kind: 'engine' } });
  });

  it('exits 2 when policy denies, before the engine is asked anything', async () => {
    await writeFile(join(folder, 'config.json'), '{"policy":{"images":{"deny":["busybox:*"]}}}');
    const engine = fakeEngine({});
    const { code, stderr } = await cli('run - --config config.json', JOB, { ports: { engine } });
    expect(code).toBe(2);
    expect(stderr).toContain('docker.image');
    expect(engine.calls.filter(({ call }) => call !== 'close')).toEqual([]);
  });
});

describe('configuration', () => {
  it('comes from the environment, the file over it', async () => {
    const env = { CATALOG_DOCKER_IMAGE_DENYLIST: 'busybox:*' };
    expect((await cli('validate -', JOB, { env })).code).toBe(2);
    await writeFile(join(folder, 'config.json'), '{"policy":{"images":{"deny":[]}}}');
    expect((await cli('validate - --config config.json', JOB, { env })).code).toBe(0);
  });

  it.each([
    [{}, 0],
    [{ CATALOG_ENABLE_DOCKER_JOBS: '' }, 0],
    [{ CATALOG_ENABLE_DOCKER_JOBS: 'true' }, 0],
    [{ CATALOG_ENABLE_DOCKER_JOBS: 'false' }, 2],
  ])('is switched on unless the environment says otherwise: %j', async (env, code) => {
    expect((await cli('validate -', JOB, { env })).code).toBe(code);
  });

  it.each([
    ['[1, 2]', 'config.yaml: must be an object'],
    ['', 'config.yaml: must be an object'],
    ['policy:\n  image: {}\n', 'policy.image: is no known key; did you mean "images"?'],
    ['a: [', 'config.yaml:1:'],
  ])('%j is refused', async (text, message) => {
    await writeFile(join(folder, 'config.yaml'), text);
    const { code, stderr } = await cli('run - --config config.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it('lists bad variables', async () => {
    const env = { CATALOG_DOCKER_MAX_LOG_CHARS: 'many', CATALOG_DOCKER_MAX_LOG_CHAR: '3' };
    const { code, stderr } = await cli('run -', JOB, { env });
    expect(code).toBe(2);
    expect(stderr).toContain('CATALOG_DOCKER_MAX_LOG_CHARS: ');
    expect(stderr).toContain('did you mean CATALOG_DOCKER_MAX_LOG_CHARS?');
  });
});

describe('what is typed wrong', () => {
  it.each([
    ['run job.yaml', 'job.yaml: no such file or folder'],
    ['run .', '.: is a folder, not a file'],
    ['run - --config gone.yaml', 'gone.yaml: no such file or folder'],
    ['run - --file a.txt=gone', '--file a.txt: gone: no such file or folder'],
    ['run - --parm a=1', "unknown option '--parm'\n(Did you mean --param?)"],
    ['rum -', "unknown command 'rum'\n(Did you mean run?)"],
    ['run', "missing required argument 'definition'"],
    ['run - other', 'too many arguments'],
    ['run - --output', "option '--output <dir>' argument missing"],
    ['run - --file ../a=config.json', '../a'],
  ])('%s', async (args, message) => {
    await writeFile(join(folder, 'config.json'), '{}');
    const { code, stdout, stderr } = await cli(args, JOB, onEngine({}));
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    const json = await cli(args.replace(/^\S+/, '$& --json'), JOB, onEngine({}));
    expect(json.code).toBe(2);
    expect(json.stderr).toBe('');
    expect(parsed(json.stdout)).toMatchObject({
      error: { kind: expect.stringMatching(/^(validation|config)$/) as string },
    });
  });

  it('a definition that is not text, or has no end', async () => {
    const { io, stderr } = testProcess(folder);
    await writeFile(join(folder, 'job.yaml'), Buffer.from([0x61, 0xff, 0xfe]));
    expect(await runCli(['validate', 'job.yaml'], io)).toBe(2);
    expect(await runCli(['validate', '/dev/zero'], io)).toBe(2);
    expect(stderr()).toContain('job.yaml: is not UTF-8 text');
    expect(stderr()).toContain('/dev/zero: is larger than');
  });
});

describe('help and version', () => {
  it.each([
    ['--help', 'validate'],
    ['run --help', '--output <dir>'],
    ['--version', '1.2.3'],
  ])('%s exits 0', async (args, text) => {
    const { code, stdout } = await cli(args);
    expect(code).toBe(0);
    expect(stdout).toContain(text);
  });

  it('no command at all is a mistake', async () => {
    const { io, stdout, stderr } = testProcess(folder);
    expect(await runCli([], io)).toBe(2);
    expect(stdout()).toBe('');
    expect(stderr()).toContain('Usage: berthkit');
  });
});

/** `doctor` from its words to output and exit code, on the fake engine. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RuntimePorts } from 'berthkit';
import { fakeEngine, type FakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.js';
import { answering, ENFORCED } from '../doctor/doctor-jobs.js';
import { runWith, temporaryFolder, testProcess } from './fixture.js';

async function setUp(script: FakeEngineScript = {}, policy: object = { images: { allow: ['busybox:*'] } }) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'app.json'), JSON.stringify({ policy, workspaceRoot: join(folder, 'root') }));
  const engine: FakeEngine = fakeEngine({ images: { 'busybox:1': {} }, run: answering(), ...script });
  const ports: RuntimePorts = { engine };
  const cli = async (args: string) =>
    runWith(folder, [...args.split(' '), '--config', 'app.json'], '', { ports });
  return { folder, engine, ports, cli };
}

it('shows each check and limit, and exits 0 where all is well', async () => {
  const { cli, engine } = await setUp();
  const { code, stdout, stderr } = await cli('doctor');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^ok +engine +fake 1\.0\.0, API 1\.41, linux\/amd64/m);
  expect(stdout).toMatch(/^limits, tried in containers of \S*busybox:1 \(sha256:[0-9a-f]+\):$/m);
  expect(stdout).toMatch(/^enforced +memory +a process that took more than 25165824 bytes was killed$/m);
  expect(stdout).toMatch(/^not checked +clock +/m);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('healthy');
  expect(engine.leftovers()).toEqual([]);
});

it('exits 1 where a limit is not enforced, with what to do, and 0 where it is accepted', async () => {
  const run = answering({ ...ENFORCED, pids: ['forked 32\n', { exitCode: 0 }] });
  const strict = await (await setUp({ run })).cli('doctor --image busybox:1');
  expect(strict.code).toBe(1);
  expect(strict.stdout).toMatch(/^not enforced +pids +32 processes ran where 12 may\n +remedy: .*"pids"/m);
  expect(strict.stdout).toMatch(
    /^not healthy: 0 checks failed, 1 limits are not enforced, 0 were not seen$/m,
  );
  const lax = await setUp({ run }, { security: { acceptUnenforced: ['pids'] } });
  const accepted = await lax.cli('doctor --image busybox:1');
  expect(accepted.code).toBe(0);
  expect(accepted.stdout).toMatch(/^not enforced +pids +.* \(accepted by policy\)$/m);
});

it('exits 1 where nothing could be seen', async () => {
  const { cli } = await setUp();
  const { code, stdout } = await cli('doctor --image absent:1');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^limits, not tried:$/m);
  expect(stdout).toMatch(/10 were not seen/);
});

it('gives the report as JSON', async () => {
  const { cli } = await setUp();
  const { code, stdout } = await cli('doctor --json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, healthy: true, leftovers: [] });
});

it('refuses a limit in the policy that there is not', async () => {
  const { cli } = await setUp({}, { security: { acceptUnenforced: ['ram'] } });
  const { code, stderr } = await cli('doctor');
  expect(code).toBe(2);
  expect(stderr).toMatch(/policy\.security\.acceptUnenforced\.0.*must be one of memory, pids/);
});

it('is ended by a signal, and what it made is removed', async () => {
  let began: () => void = () => undefined;
  const running = new Promise<void>((resolve) => (began = resolve));
  const { folder, engine, ports } = await setUp({
    run: async (job) => {
      began();
      return job.sleepUntilKilled();
    },
  });
  const { io, send, stderr } = testProcess(folder, { ports });
  const code = runCli(['doctor', '--config', 'app.json'], io);
  await running;
  send('SIGINT');
  expect(await code).toBe(130);
  expect(stderr()).toMatch(/SIGINT: stopping the examination/);
  expect(engine.leftovers()).toEqual([]);
});

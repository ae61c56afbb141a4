/** Signals: the first cancels and waits for the clean-up, the second does not wait. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fakeEngine } from 'berthkit/testing';
import { expect, it } from 'vitest';
import { listenForCancel } from '../../src/cli/cancellation.js';
import { runCli } from '../../src/cli/program.js';
import { temporaryFolder, testProcess } from './fixture.js';

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s cancels the run and exits %i when all is cleaned up', async (signal, code) => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'job.yaml'), 'docker: { image: busybox:1 }');
  const engine = fakeEngine({
    run: async (job) => {
      test.send(signal);
      return job.sleepUntilKilled();
    },
  });
  const test = testProcess(folder, { ports: { engine } });
  expect(await runCli(['run', 'job.yaml', '--json'], test.io)).toBe(code);
  const result: unknown = JSON.parse(test.stdout());
  expect(result).toMatchObject({ status: 'cancelled', reason: 'cancelled' });
  expect(test.stdout()).toContain(`the command got ${signal}`);
  expect(test.stderr()).toContain(`${signal}: stopping the job`);
  expect(engine.leftovers()).toEqual([]);
  expect(await readdir(join(folder, 'root'))).toEqual([]);
  expect(test.isListening()).toBe(false);
  expect(test.exits).toEqual([]);
});

it('leaves at the second signal', async () => {
  const test = testProcess(await temporaryFolder());
  const cancellation = listenForCancel(test.io, () => undefined);
  test.send('SIGINT');
  expect(cancellation.signal.aborted).toBe(true);
  expect(test.exits).toEqual([]);
  test.send('SIGTERM');
  expect(test.exits).toEqual([143]);
  expect(cancellation.received()).toBe('SIGINT');
  cancellation.stop();
  expect(test.isListening()).toBe(false);
});

it('hears nothing while a definition is read and after a failure', async () => {
  const test = testProcess(await temporaryFolder());
  expect(await runCli(['run', 'gone.yaml'], test.io)).toBe(2);
  expect(test.isListening()).toBe(false);
});

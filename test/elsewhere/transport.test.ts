/** How runs have their files in containers on a system other than Linux: in volumes, unless the engine is in this process. */
import type { EngineCall } from 'berthkit/testing';
import { expect, it } from 'vitest';
import { DEFINITION, type Setup, setUp, setUpUnseen } from '../run-fixture.js';

const calls = ({ engine }: Setup, name: EngineCall): number =>
  engine.calls.filter(({ call }) => call === name).length;
const made = (setup: Setup): object => ({
  containers: calls(setup, 'containers.create'),
  volumes: calls(setup, 'volumes.create'),
});

it('is by volumes, and nobody tries whether folders are seen', async () => {
  const setup = setUpUnseen();
  expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
  // The helper that fills the workspace and the inputs, and the job.
  expect(made(setup)).toEqual({ containers: 2, volumes: 2 });
  await setup.runtime.close();
  expect(setup.engine.leftovers()).toEqual([]);
});

it('is refused where folders would have to be mounted, before anything is made', async () => {
  const setup = setUpUnseen({}, { workspace: { transport: 'bind' } });
  await expect(setup.runtime.runJob(DEFINITION)).rejects.toMatchObject({
    code: 'workspace.unsupported_platform',
    hint: expect.stringContaining('volume') as string,
    details: { field: 'workspace.transport' },
  });
  expect(made(setup)).toEqual({ containers: 0, volumes: 0 });
  await setup.runtime.close();
});

it('is by folders with an engine in this process, as tests have it', async () => {
  const setup = setUp();
  expect(await setup.runtime.runJob(DEFINITION)).toMatchObject({ status: 'succeeded' });
  expect(made(setup)).toEqual({ containers: 1, volumes: 0 });
  await setup.runtime.close();
});

/** A runtime on the fake engine with storages, a secret and an input, and proof that a run of it left nothing behind. */
import { mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRuntime,
  type JobDefinition,
  JobRuntimeError,
  memoryStorage,
  type RunEvent,
  type RunOptions,
  type RunResult,
  type Runtime,
  type RuntimeConfigInput,
  type RuntimePorts,
  staticSecrets,
} from 'berthkit';
import { fakeEngine, type FakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { expect } from 'vitest';
import { afterEveryTest } from './each-test.js';

let folder: string | null = null;

/** The folder of the test that runs. */
export const testFolder = (): string => (folder ??= mkdtempSync(join(tmpdir(), 'berthkit-fail-')));

afterEveryTest(async () => {
  if (folder === null) return;
  await rm(folder, { recursive: true, force: true });
  folder = null;
});

/** The value of the job’s secret. */
export const SECRET = 'hunter2-hunter2';
/** A job with an input, a secret and an output. */
export const DEFINITION: JobDefinition = {
  slug: 'job',
  docker: {
    image: 'busybox:1',
    command: ['work'],
    environment: [{ name: 'TOKEN', secret: { source: 'store', key: 'token' } }],
    inputs: [{ source: { type: 'filestorePath', backendMountId: 'in', path: '/a' }, workspacePath: 'a' }],
    outputs: [
      { workspacePath: 'out.txt', upload: { backendMountId: 'out', pathTemplate: '${runId}/out.txt' } },
    ],
  },
};

export interface Setup {
  readonly engine: FakeEngine;
  readonly runtime: Runtime;
  readonly events: RunEvent[];
  readonly out: ReturnType<typeof memoryStorage>;
}

/** The runtime; the job says its secret and writes its output. */
export function setUp(
  script: FakeEngineScript = {},
  ports: RuntimePorts = {},
  config: RuntimeConfigInput = {},
): Setup {
  const events: RunEvent[] = [];
  const out = memoryStorage();
  const engine = fakeEngine({
    run: async (job) => {
      await job.stdout(`token ${job.environment['TOKEN'] ?? ''}\n`);
      await job.writeFile('/workspace/out.txt', 'result');
      return { exitCode: 0 };
    },
    ...script,
  });
  const runtime = createRuntime(
    {
      workspaceRoot: join(testFolder(), 'root'),
      secretsRoot: join(testFolder(), 'secrets'),
      stopGraceMs: 1000,
      ...config,
    },
    {
      engine,
      storage: { in: memoryStorage({ a: 'input' }), out },
      resolveSecret: staticSecrets({ token: SECRET }),
      onEvent: (event) => events.push(event),
      ...ports,
    },
  );
  return { engine, runtime, events, out };
}

/** The same on an engine of which nobody knows what it sees, whose job leaves the output that is asked for. `changed`: what its containers do otherwise. */
export function setUpUnseen(
  script: FakeEngineScript = {},
  config: RuntimeConfigInput = {},
  changed: (engine: FakeEngine) => Partial<FakeEngine['containers']> = () => ({}),
): Setup {
  const engine = fakeEngine({
    run: async (job) => {
      await job.writeFile('/workspace/out.txt', 'result');
      return { exitCode: 0 };
    },
    ...script,
  });
  const capabilities = { ...engine.capabilities, seesFiles: undefined };
  const containers = { ...engine.containers, ...changed(engine) };
  return { ...setUp({}, { engine: { ...engine, capabilities, containers } }, config), engine };
}

/** Runs the job to its end, closes the runtime, and checks what holds for every run. */
export async function settle(
  { runtime, engine, events }: Setup,
  options: RunOptions = {},
  definition: JobDefinition = DEFINITION,
): Promise<RunResult | JobRuntimeError> {
  const outcome = await runtime.runJob(definition, options).catch((error: unknown) => error);
  await runtime.close();
  expect(engine.leftovers()).toEqual([]);
  expect(await readdir(join(testFolder(), 'root')).catch(() => [])).toEqual([]);
  expect(events.filter(({ type }) => type === 'run_start')).toHaveLength(1);
  expect(events.filter(({ type }) => type === 'run_end')).toHaveLength(1);
  expect(engine.protocolErrors).toEqual([]);
  expect(JSON.stringify([outcome, events])).not.toContain(SECRET);
  if (JobRuntimeError.isInstance(outcome))
    expect(outcome).toMatchObject({ runId: expect.any(String) as string, attempt: 1 });
  return outcome as RunResult | JobRuntimeError;
}

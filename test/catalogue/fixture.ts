/** What the catalogue asserts of every refusal: said by validation and by the run alike, before any engine call, with nothing made. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRuntime,
  type Issue,
  issuesOf,
  JobRuntimeError,
  parseConfig,
  type RunOptions,
  type RunResult,
  type Runtime,
  type RuntimeConfigInput,
  type RuntimePorts,
  validateJob,
  violationsOf,
} from 'berthkit';
import { fakeEngine, type FakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { expect } from 'vitest';

/** A refusal as its author meets it. */
export interface Refusal {
  /** `validation.invalid_job` or `policy.denied`. */
  readonly code: string;
  readonly paths: readonly string[];
  readonly messages: readonly string[];
  /** Everything anybody is told of it, as one text, for proof of what it does not hold. */
  readonly told: string;
}

/** Has a definition refused, and gives why. Fails unless it is refused everywhere, before anything was done. */
export async function refusalOf(definition: unknown, config: RuntimeConfigInput = {}): Promise<Refusal> {
  const validation = validateJob(definition, parseConfig(config));
  if (validation.ok) throw new Error(`accepted: ${JSON.stringify(definition)}`);
  const told: unknown[] = [validation];
  return withRuntime({}, { onEvent: (event) => told.push(event) }, config, async (runtime, engine, root) => {
    const error: unknown = await runtime.runJob(definition).catch((reason: unknown) => reason);
    if (!JobRuntimeError.isInstance(error)) throw new Error(`not refused: ${JSON.stringify(error)}`);
    expect(engine.calls).toEqual([]);
    expect(await listed(root)).toEqual([]);
    const issues: readonly Issue[] = validation.issues;
    const said = (problems: readonly Pick<Issue, 'path' | 'message'>[]): unknown =>
      problems.map(({ path, message }) => ({ path, message }));
    expect(said(issuesOf(error))).toEqual(said(issues));
    // A refusal by policy says the same to whoever asks for its violations.
    if (error.code === 'policy.denied') expect(said(violationsOf(error))).toEqual(said(issues));
    told.push(error, error.message, error.stack);
    return {
      code: error.code,
      paths: issues.map(({ path }) => path),
      messages: issues.map(({ message }) => message),
      told: told.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join('\n'),
    };
  });
}

/** What a run on the fake engine came to. */
export interface Trial {
  readonly outcome: RunResult | JobRuntimeError;
  readonly engine: FakeEngine;
  /** Outcome and events as one text. */
  readonly told: string;
}

/** Everything a run may be given. */
export interface TrialSetup {
  readonly script?: FakeEngineScript | undefined;
  readonly ports?: RuntimePorts | undefined;
  readonly config?: RuntimeConfigInput | undefined;
  readonly options?: RunOptions | undefined;
}

/** Runs a job on the fake engine. Fails if a container or a file stays behind. */
export async function trial(definition: unknown, setup: TrialSetup = {}): Promise<Trial> {
  const { script = {}, ports = {}, config = {}, options = {} } = setup;
  const told: unknown[] = [];
  const onEvent = (event: unknown): unknown => told.push(event);
  return withRuntime(script, { ...ports, onEvent }, config, async (runtime, engine, root) => {
    const outcome = await runtime.runJob(definition, options).catch((error: unknown) => {
      if (JobRuntimeError.isInstance(error)) return error;
      throw error;
    });
    await runtime.close();
    expect(engine.leftovers()).toEqual([]);
    expect(engine.protocolErrors).toEqual([]);
    expect(await listed(root)).toEqual([]);
    if (outcome instanceof Error) told.push(outcome.message, outcome.stack);
    told.push(outcome);
    return { outcome, engine, told: told.map((part) => JSON.stringify(part)).join('\n') };
  });
}

async function withRuntime<T>(
  script: FakeEngineScript,
  ports: RuntimePorts,
  config: RuntimeConfigInput,
  work: (runtime: Runtime, engine: FakeEngine, root: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-catalogue-'));
  const root = config.workspaceRoot ?? join(folder, 'root');
  const engine = fakeEngine(script);
  try {
    const runtime = createRuntime({ ...config, workspaceRoot: root }, { engine, ...ports });
    try {
      return await work(runtime, engine, root);
    } finally {
      await runtime.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const listed = async (root: string): Promise<readonly string[]> => readdir(root).catch(() => []);

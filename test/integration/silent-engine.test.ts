/** Every call a run makes to its engine, on a connection that dies without a word: the run still ends, once, in a state that is true. */
import { createRuntime, JobRuntimeError, type RunEvent, type RunOptions, type RunResult } from 'berthkit';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import type { EngineCall } from '../proxy/engine-call.js';
import { startEngineProxy } from '../proxy/engine-proxy.js';
import type { Fault } from '../proxy/faults.js';
import { temporaryFolder } from './setup.js';
import { connectToEngine, testEngine } from './test-engine.js';
import { testWorkspace } from './test-workspace.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

/** A deadline that lies far off comes this many times sooner: all of them are timers. A busy engine must still be in time. */
const HURRY = 4;
const FAR_MS = 20_000;
const { setTimeout: realSetTimeout } = globalThis;
beforeEach(() => {
  const hurried = (callback: () => void, milliseconds = 0): NodeJS.Timeout =>
    realSetTimeout(callback, milliseconds >= FAR_MS ? milliseconds / HURRY : milliseconds);
  globalThis.setTimeout = Object.assign(hurried, realSetTimeout);
});
afterEach(() => {
  globalThis.setTimeout = realSetTimeout;
});

/** One call of a run, by what it looks like on the wire. */
interface Spoiled {
  readonly name: string;
  readonly is: (call: EngineCall) => boolean;
  /** Of several such calls, how many are left alone. */
  readonly skip?: number;
  readonly options?: RunOptions;
  readonly script?: string;
  readonly pullPolicy?: 'always';
  /** The run is cancelled once the call is made. */
  readonly isCancelled?: true;
}

const called =
  (method: string, path: RegExp) =>
  (call: EngineCall): boolean =>
    call.method === method && path.test(call.path);
const create = called('POST', /^\/containers\/create$/);
const inspect = called('GET', /^\/containers\/[^/]+\/json$/);
const stopped = {
  script: 'echo begun; exec sleep 600',
  options: { timeouts: { runMs: 1_500, stopMs: 1_000 } },
};

const CALLS: readonly Spoiled[] = [
  { name: 'info', is: called('GET', /^\/info$/) },
  { name: 'image inspect', is: called('GET', /^\/images\/.*json$/) },
  {
    name: 'pull',
    is: called('POST', /^\/images\/create$/),
    pullPolicy: 'always',
    options: { timeouts: { pullMs: 3_000 } },
  },
  { name: 'create', is: create },
  { name: 'create of a run that is cancelled', is: create, isCancelled: true },
  { name: 'attach', is: called('POST', /\/attach$/) },
  { name: 'inspect before the start', is: inspect },
  { name: 'start', is: called('POST', /\/start$/) },
  {
    name: 'start of a job that would be over before the call is given up',
    is: called('POST', /\/start$/),
    ...stopped,
    script: 'echo begun; exec sleep 10',
  },
  { name: 'wait', is: called('POST', /\/wait$/) },
  { name: 'inspect after the end', is: inspect, skip: 1 },
  { name: 'the inspect after that', is: inspect, skip: 2 },
  { name: 'stats', is: called('GET', /\/stats$/) },
  { name: 'kill', is: called('POST', /\/kill$/), ...stopped },
  { name: 'inspect of a run that is stopped', is: inspect, skip: 1, ...stopped },
  { name: 'events', is: called('GET', /^\/events$/) },
  { name: 'remove', is: called('DELETE', /^\/containers\//) },
];

/** What the job of these tests comes to where nothing keeps it from that: whoever says it succeeded lies. */
const SCRIPT = 'echo begun; sleep 1; echo done; kill -9 $$';

async function perform(spoiled: Spoiled, fault: Fault) {
  let seen = 0;
  let hit = 0;
  const proxy = await startEngineProxy({
    engine: connectToEngine,
    spoil: (call) => {
      if (!spoiled.is(call)) return null;
      seen += 1;
      if (seen !== (spoiled.skip ?? 0) + 1) return null;
      hit += 1;
      return fault;
    },
  });
  const events: RunEvent[] = [];
  const runtime = createRuntime(
    {
      workspaceRoot: `${await temporaryFolder()}/root`,
      engine: { host: proxy.host },
      workspace: testWorkspace,
      ...(spoiled.isCancelled === true ? { stopGraceMs: 1_000 } : {}),
    },
    { onEvent: (event) => events.push(event) },
  );
  try {
    const docker = {
      image,
      command: ['sh', '-c', spoiled.script ?? SCRIPT],
      imagePullPolicy: spoiled.pullPolicy,
    };
    const run = runtime.startJob({ docker }, spoiled.options);
    const settled = run.result.catch((error: unknown) => error);
    if (spoiled.isCancelled === true) {
      await expect.poll(() => hit).toBe(1);
      run.cancel();
    }
    const outcome = await settled;
    return { outcome, events, hit, instance: runtime.config.instanceId ?? '' };
  } finally {
    await runtime.close();
    await proxy.close();
  }
}

function requireTrue(outcome: unknown, spoiled: Spoiled): void {
  if (JobRuntimeError.isInstance(outcome)) {
    expect(outcome.code).toMatch(/^(engine\.(unreachable|failed)|image\.(pull_timed_out|pull_failed))$/);
    return;
  }
  const { reason, logsComplete, stdout } = outcome as RunResult;
  if (spoiled.isCancelled === true) {
    expect(reason).toBe('cancelled');
    return;
  }
  if (spoiled.script !== undefined) {
    expect(reason).toBe('timed_out');
    return;
  }
  // A kill that is not ours; where the engine was lost on the way, that may have been its doing.
  expect(['signaled', 'interrupted']).toContain(reason);
  if (logsComplete) expect(stdout.text).toBe('begun\ndone\n');
}

describe.each(['no_answer', 'half_close'] as const)('a connection that ends in %s', (kind) => {
  it.each(CALLS)('at $name', { timeout: 240_000 }, async (spoiled) => {
    const { outcome, events, hit, instance } = await perform(spoiled, { kind });
    expect(hit).toBe(1);
    requireTrue(outcome, spoiled);
    expect(events.filter(({ type }) => type === 'run_start')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'run_end')).toHaveLength(1);
    const engine = testEngine();
    try {
      const left = await engine.containers.list({ 'berthkit.instance': instance });
      for (const { id } of left) await engine.containers.remove(id);
      // Gone, or else whoever runs this was told.
      if (left.length > 0) expect(events.map(({ type }) => type)).toContain('cleanup_error');
    } finally {
      await engine.close();
    }
  });
});

describe('a creation that the engine hears of only when its run was cancelled', () => {
  it('leaves nothing behind once the runtime has closed', { timeout: 240_000 }, async () => {
    const spoiled: Spoiled = { name: 'create', is: create, isCancelled: true };
    const { outcome, hit, instance } = await perform(spoiled, { kind: 'delay', milliseconds: 8_000 });
    expect(hit).toBe(1);
    requireTrue(outcome, spoiled);
    const engine = testEngine();
    try {
      expect(await engine.containers.list({ 'berthkit.instance': instance })).toEqual([]);
    } finally {
      await engine.close();
    }
  });
});

describe('a connection that carries output and falls silent', () => {
  it('is replaced by another, and the job is not blamed for its silence', { timeout: 240_000 }, async () => {
    const attach: Spoiled = {
      name: 'attach',
      is: called('POST', /\/attach$/),
      script: 'i=0; while [ $i -lt 60 ]; do i=$((i + 1)); echo line $i; sleep 0.2; done',
      options: { timeouts: { idleOutputMs: 4_000 } },
    };
    const { outcome, hit } = await perform(attach, { kind: 'falls_silent', afterMs: 1_500 });
    expect(hit).toBe(1);
    expect(outcome).toMatchObject({
      ...{ status: 'succeeded', logsComplete: false, lastLog: { line: 'line 60' } },
      warnings: ['the connection that carried the output was lost: what was written meanwhile is missing'],
    });
  });
});

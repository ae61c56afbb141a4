/** Who ended a run, on a real engine: each row is an end, what it is called, and the evidence that is given for it. */
import { text } from 'node:stream/consumers';
import { type ContainerEngine, type Evidence, type RunOptions, type RunResult } from 'berthkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { testRuntime } from './setup.js';
import { connectToEngine, testEngine } from './test-engine.js';

let image = '';
let engine: ContainerEngine;
beforeAll(async () => {
  image = await ensureImage('busybox');
  engine = testEngine();
});
afterAll(async () => {
  await engine.close();
});

/** What somebody else does to the container once it says `ready`. */
type Act = (id: string) => Promise<void>;

interface Row {
  readonly script?: string;
  readonly entryPoint?: readonly string[];
  readonly options?: RunOptions;
  readonly memoryBytes?: number;
  /** Default: long enough for a job on a loaded machine to answer a signal. */
  readonly stopGraceMs?: number;
  readonly act?: Act;
}

async function run(row: Row): Promise<RunResult> {
  const { script = 'true', entryPoint, options, memoryBytes, stopGraceMs = 30_000, act } = row;
  const runtime = await testRuntime({ stopGraceMs });
  const handle = runtime.startJob(
    {
      slug: 'verdict',
      docker: {
        image,
        ...(entryPoint === undefined ? {} : { entryPoint }),
        command: ['sh', '-c', script],
        resources: memoryBytes === undefined ? {} : { memoryBytes },
      },
    },
    options,
  );
  let name = '';
  for await (const event of handle.events) {
    if (event.type === 'container_created') name = event.containerName;
    if (act === undefined || event.type !== 'output' || !event.text.includes('ready')) continue;
    const info = await engine.containers.inspect(name);
    await act(info?.id ?? '');
  }
  return handle.result;
}

const told = ({ evidence }: RunResult): readonly string[] => evidence.map(({ by, what }) => `${by}: ${what}`);

const kill =
  (signal: string): Act =>
  async (id) =>
    engine.containers.kill(id, signal);

const remove: Act = async (id) => engine.containers.remove(id);

/** By a connection of its own: berthkit has no such call. */
const restart: Act = async (id) => {
  const socket = connectToEngine();
  socket.write(`POST /containers/${id}/restart?t=0 HTTP/1.1\r\nhost: engine\r\nconnection: close\r\n\r\n`);
  expect(await text(socket)).toContain('204 No Content');
  socket.destroy();
};

// The engine learns of a kill for lack of memory by a watch it sets up after the start; a job that eats all of it at once is too quick for it.
const EAT = 'sleep 3; dd if=/dev/zero of=/tmp/fill bs=1M count=60';
const MEMORY_BYTES = 16 * 1024 ** 2;

describe('an end', () => {
  it.each<[string, Row, Partial<RunResult>, readonly string[]]>([
    ['exit 0', {}, { status: 'succeeded', reason: 'completed', exitCode: 0 }, ['job: exit code 0']],
    [
      'exit 3',
      { script: 'exit 3' },
      { status: 'failed', reason: 'non_zero_exit', exitCode: 3 },
      ['job: exit code 3'],
    ],
    [
      'exit 0 with a child killed for lack of memory',
      { script: `(${EAT}); exit 0`, memoryBytes: MEMORY_BYTES },
      { status: 'succeeded', reason: 'completed', exitCode: 0, oomKilled: true },
      ['job: exit code 0', 'kernel: the engine reports that a process was killed for lack of memory'],
    ],
    [
      'exit 3 with a child killed for lack of memory',
      { script: `(${EAT}); exit 3`, memoryBytes: MEMORY_BYTES },
      { status: 'failed', reason: 'non_zero_exit', exitCode: 3, oomKilled: true },
      ['job: exit code 3', 'kernel: the engine reports that a process was killed for lack of memory'],
    ],
    [
      'the main process killed for lack of memory',
      { script: EAT.replace('dd', 'exec dd'), memoryBytes: MEMORY_BYTES },
      { status: 'failed', reason: 'oom_killed', exitCode: 137, category: 'limit', oomKilled: true },
      [
        'kernel: exit code 137: killed for lack of memory',
        'kernel: the engine noticed a kill for lack of memory',
      ],
    ],
    [
      'docker kill',
      { script: 'echo ready; exec sleep 60', act: kill('SIGKILL') },
      { status: 'failed', reason: 'signaled', signal: 'SIGKILL', exitCode: 137, oomKilled: false },
      [
        'stranger: exit code 137: killed through the engine',
        'stranger: SIGKILL was sent through the engine, not by us',
      ],
    ],
    [
      'docker kill with SIGTERM',
      { script: 'echo ready; exec sleep 60', act: kill('SIGTERM') },
      { status: 'failed', reason: 'signaled', signal: 'SIGTERM', exitCode: 143 },
      ['stranger: ended by SIGTERM', 'stranger: SIGTERM was sent through the engine, not by us'],
    ],
    [
      'SIGKILL by itself',
      { script: 'kill -KILL $$' },
      { status: 'failed', reason: 'signaled', exitCode: 137, oomKilled: false },
      ['stranger: exit code 137: killed from outside, or unseen for lack of memory'],
    ],
    [
      'a fault',
      { script: 'kill -SEGV $$' },
      { status: 'failed', reason: 'signaled', signal: 'SIGSEGV', exitCode: 139 },
      ['job: ended by SIGSEGV'],
    ],
    [
      'docker rm -f',
      { script: 'echo ready; exec sleep 60', act: remove },
      { status: 'failed', reason: 'externally_removed', retryable: true, exitCode: null },
      [
        'stranger: the container was removed while it ran',
        'stranger: SIGKILL was sent through the engine, not by us',
        'stranger: the container was removed through the engine, not by us',
      ],
    ],
    [
      'exit 0 after docker restart',
      // Deaf to SIGTERM: else it may be gone before the engine, which waits no second, sends SIGKILL.
      { script: 'trap "" TERM; echo ready; sleep 3', act: restart },
      { status: 'failed', reason: 'interrupted', retryable: true, exitCode: 0, logsComplete: false },
      [
        'stranger: the container was ended and started again while it ran',
        'stranger: the container was started again through the engine, not by us',
        'stranger: SIGTERM was sent through the engine, not by us',
        'stranger: SIGKILL was sent through the engine, not by us',
      ],
    ],
    [
      'a timeout',
      { script: 'exec sleep 60', options: { timeoutMs: 6_000 } },
      { status: 'timed_out', reason: 'timed_out', exitCode: 143 },
      ['deadline: exceeded its timeout of 6000 ms', 'deadline: SIGTERM was sent', 'deadline: exit code 143'],
    ],
    [
      'a timeout that the job takes note of',
      { script: 'trap "exit 0" TERM; while :; do sleep 0.1; done', options: { timeoutMs: 6_000 } },
      { status: 'timed_out', reason: 'timed_out', exitCode: 0 },
      ['deadline: exceeded its timeout of 6000 ms', 'deadline: SIGTERM was sent', 'job: exit code 0'],
    ],
    [
      'a timeout that the job ignores',
      {
        script: 'trap "" TERM; while :; do sleep 1; done',
        options: { timeoutMs: 6_000 },
        stopGraceMs: 1_000,
      },
      { status: 'timed_out', reason: 'timed_out', exitCode: 137 },
      [
        'deadline: exceeded its timeout of 6000 ms',
        'deadline: SIGTERM was sent',
        'deadline: SIGKILL was sent',
        'deadline: exit code 137',
      ],
    ],
  ])('%s', async (_name, row, expected, evidence) => {
    const result = await run(row);
    expect(result).toMatchObject(expected);
    expect(told(result)).toEqual(evidence);
    for (const { at } of result.evidence) expect(Date.parse(at)).not.toBeNaN();
  });

  it.each([
    [126, ['/etc/passwd']],
    [127, ['/no/such/program']],
  ])('an entry point that cannot be executed: %i', async (exitCode, entryPoint) => {
    const result = await run({ entryPoint });
    expect(result).toMatchObject({ status: 'failed', reason: 'start_failed', exitCode });
    expect(told(result)).toEqual([expect.stringContaining(entryPoint[0] ?? '')]);
  });

  it('cancelled by the caller: the recorded cause stands first', async () => {
    const controller = new AbortController();
    const result = await run({
      script: 'echo ready; exec sleep 60',
      options: { signal: controller.signal },
      act: async () => {
        controller.abort(new Error('enough'));
        return Promise.resolve();
      },
    });
    expect(result).toMatchObject({ status: 'cancelled', reason: 'cancelled', exitCode: 143 });
    expect(told(result)).toEqual(['caller: enough', 'caller: SIGTERM was sent', 'caller: exit code 143']);
  });

  it('too much output: the watcher says so', async () => {
    const runtime = await testRuntime({
      stopGraceMs: 1_000,
      policy: { limits: { max: { outputBytes: 10_000 } } },
    });
    const result = await runtime.runJob({ docker: { image, command: ['yes'] } });
    expect(result).toMatchObject({ status: 'failed', reason: 'log_limit_exceeded' });
    expect(result.evidence[0]).toMatchObject<Partial<Evidence>>({ by: 'watcher' });
  });
});

describe('a container that never ran is never a success', () => {
  /** The real engine, but something happens in the place of the start. */
  const instead = (act: (id: string) => Promise<void>): ContainerEngine => ({
    ...engine,
    containers: { ...engine.containers, start: act },
    close: async () => Promise.resolve(),
  });

  it('although the engine’s wait says 0 when it is removed', async () => {
    const runtime = await testRuntime({}, { engine: instead(remove) });
    expect(await runtime.runJob({ docker: { image, command: ['true'] } })).toMatchObject({
      status: 'failed',
      reason: 'externally_removed',
      exitCode: null,
    });
  });

  it('although the engine’s wait says 0 while it waits for its start', async () => {
    const runtime = await testRuntime(
      { stopGraceMs: 1_000 },
      { engine: instead(async () => Promise.resolve()) },
    );
    const result = await runtime.runJob({ docker: { image, command: ['true'] } }, { timeoutMs: 1_000 });
    expect(result).toMatchObject({ status: 'timed_out', exitCode: null });
  });
});

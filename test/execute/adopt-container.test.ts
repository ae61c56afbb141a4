/** A container that another process started is followed from now on: to its end, its remaining time, or a stop; its output is never complete. */
import { EngineError } from 'berthkit';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import type { ContainerEngine, OutputChunk } from '../../src/engine/types.js';
import { adoptContainer } from '../../src/execute/adopt-container.js';
import type { SightingFact } from '../../src/execute/sighting.js';
import { createStopSource } from '../../src/execute/stop.js';
import { specOf } from './spec-fixture.js';

/** The container of a run, started by nobody in particular. */
async function started(script: FakeEngineScript) {
  const engine = fakeEngine(script);
  const image = await engine.images.inspect('busybox:1');
  const { id } = await engine.containers.create({ ...specOf(), image: image?.id ?? '' });
  const attachment = await engine.containers.attach(id, { stdin: false });
  await engine.containers.start(id);
  // With the process that started it goes what that was attached to.
  attachment.close();
  return { engine, id };
}

interface Times {
  readonly runMs?: number;
  readonly ranMs?: number;
  readonly idleOutputMs?: number | null;
}

function adopting(
  engine: ContainerEngine,
  id: string,
  { runMs = 60_000, ranMs = 0, idleOutputMs = null }: Times = {},
) {
  const stop = createStopSource(() => 'now');
  const said: string[] = [];
  const seen: SightingFact['kind'][] = [];
  const ending = adoptContainer(
    {
      ...{ engine, stop, stopSignal: 'SIGTERM', stopGraceMs: 1_000, runMs, ranMs, idleOutputMs },
      onSighting: ({ kind }) => void seen.push(kind),
      onWarning: () => undefined,
      onOutput: async ({ bytes }) => Promise.resolve(void said.push(Buffer.from(bytes).toString())),
    },
    id,
  );
  return { stop, said, seen, ending };
}

/** The fake engine gives each container one attachment; this stands for a later one. */
function attachedLate(engine: ContainerEngine, text: string) {
  let closed = 0;
  const asked: unknown[] = [];
  const late: ContainerEngine = {
    ...engine,
    containers: {
      ...engine.containers,
      attach: async (id, { stdin }) => {
        asked.push([id, stdin]);
        async function* output(): AsyncGenerator<OutputChunk> {
          yield await Promise.resolve({ stream: 'stdout', bytes: Buffer.from(text) });
        }
        return Promise.resolve({ output: output(), stdin: null, close: () => void (closed += 1) });
      },
    },
  };
  return { late, asked, closed: () => closed };
}

describe('a container that is adopted', () => {
  it('is followed to its end, with what it writes from now on, and let go of', async () => {
    const { engine, id } = await started({ run: () => ({ exitCode: 3 }) });
    const { late, asked, closed } = attachedLate(engine, 'later');
    const { ending, said } = adopting(late, id);
    expect(await ending).toMatchObject({
      ...{ stop: null, startExitCode: null, logsComplete: false, info: { status: 'exited', exitCode: 3 } },
    });
    expect([said, asked, closed()]).toEqual([['later'], [[id, false]], 1]);
  });

  it('has what is left of its time', async () => {
    const { engine, id } = await started({ run: async (job) => job.sleepUntilKilled() });
    const { ending } = adopting(engine, id, { runMs: 3_600_000, ranMs: 3_600_000 - 50 });
    expect(await ending).toMatchObject({
      stop: { reason: 'timed_out', by: 'deadline', message: 'exceeded its timeout of 3600000 ms' },
    });
  });

  it('whose time is over is stopped at once', async () => {
    const { engine, id } = await started({ run: async (job) => job.sleepUntilKilled() });
    expect(await adopting(engine, id, { runMs: 10, ranMs: 20 }).ending).toMatchObject({
      stop: { reason: 'timed_out' },
    });
  });

  it('is stopped for its silence, counted from now on', async () => {
    const { engine, id } = await started({ run: async (job) => job.sleepUntilKilled() });
    expect(await adopting(engine, id, { idleOutputMs: 50 }).ending).toMatchObject({
      stop: { reason: 'idle_timed_out', by: 'deadline', message: 'wrote no output for 50 ms' },
    });
  });

  it('is stopped for whoever asks for it', async () => {
    const { engine, id } = await started({ run: async (job) => job.sleepUntilKilled() });
    const { ending, stop, seen } = adopting(engine, id);
    stop.stop({ reason: 'cancelled', by: 'caller', message: 'enough' });
    expect(await ending).toMatchObject({ stop: { reason: 'cancelled', at: 'now' } });
    expect(seen).toContain('signal_sent');
  });

  it('that has ended meanwhile, and takes no attachment, is known by its end', async () => {
    const { engine, id } = await started({ run: () => ({ exitCode: 5 }) });
    await engine.containers.wait(id);
    const refusing: ContainerEngine = {
      ...engine,
      containers: {
        ...engine.containers,
        attach: async () => Promise.reject(new EngineError('engine.conflict', 'not running')),
      },
    };
    const { ending, said } = adopting(refusing, id);
    expect(await ending).toMatchObject({ info: { exitCode: 5 }, logsComplete: false });
    expect(said).toEqual([]);
  });
});

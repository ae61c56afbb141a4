/** One container of the fake engine: its state, its streams and the job that runs in it. */
import type { ContainerInfo, ContainerStats, EngineEvent } from '../engine/types.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { createFakeFiles } from './fake-files.js';
import { createFakeOutput, type FakeOutput } from './fake-output.js';
import type { FakeEngineScript, FakeExit, FakeJob } from './fake-script.js';
import { createFakeStdin } from './fake-stdin.js';
import type { FakeVolume } from './fake-volumes.js';

/** A container as the fake keeps it. */
export interface FakeContainer {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly output: FakeOutput;
  readonly stdin: ReturnType<typeof createFakeStdin>;
  attached: boolean;
  removed: boolean;
  state: Pick<ContainerInfo, 'status' | 'startedAt' | 'finishedAt' | 'exitCode' | 'oomKilled' | 'error'>;
  /** What the job said it uses. */
  stats: ContainerStats;
  /** What it has written to its root file system. */
  writtenBytes(): number;
  /** Resolves when it has ended or is gone. */
  readonly ended: Promise<void>;
  start(): void;
  refuseStart(exitCode: number): void;
  signal(name: string): void;
  remove(): void;
}

/** What a container needs of its engine. */
export interface FakeSurroundings {
  /** The engine's time. */
  readonly stamp: () => string;
  /** Hears what befalls the container. */
  readonly onEvent: (event: EngineEvent) => void;
  /** No signal ends it. */
  readonly stuck: boolean;
  /** All volumes of the engine, by name. */
  readonly volumes: ReadonlyMap<string, FakeVolume>;
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
};
const TERMINATING = new Set(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGKILL', 'SIGUSR1', 'SIGUSR2']);
const INTERNAL_ERROR = 70;

/** A created container. */
export function createFakeContainer(
  id: string,
  spec: ContainerSpec,
  run: NonNullable<FakeEngineScript['run']>,
  { stamp, onEvent, stuck, volumes }: FakeSurroundings,
): FakeContainer {
  const output = createFakeOutput();
  const stdin = createFakeStdin();
  const killed = new AbortController();
  const handlers = new Map<string, () => void>();
  let resolveEnded: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve;
  });

  const finish = ({ exitCode, oomKilled = false, oomEvent = oomKilled === true }: FakeExit): void => {
    if (container.state.status !== 'running') return;
    if (oomEvent) onEvent({ type: 'oom', signal: null });
    onEvent({ type: 'die', signal: null });
    container.state = { ...container.state, status: 'exited', finishedAt: stamp(), exitCode, oomKilled };
    stdin.close();
    output.end();
    resolveEnded();
  };

  const files = createFakeFiles(spec, volumes);
  const bytesOf = (data: string | Uint8Array): Uint8Array =>
    typeof data === 'string' ? new TextEncoder().encode(data) : data;
  const job: FakeJob = {
    spec,
    environment: Object.fromEntries(spec.environment.map(({ name, value }) => [name, value])),
    stdin: stdin.bytes,
    stdout: async (data) => output.write({ stream: 'stdout', bytes: bytesOf(data) }),
    stderr: async (data) => output.write({ stream: 'stderr', bytes: bytesOf(data) }),
    readFile: async (path) => files.read(path),
    writeFile: async (path, content) => files.write(path, content),
    use({ memoryBytes, cpuTimeMs }) {
      const peakMemoryBytes = Math.max(memoryBytes, container.stats.peakMemoryBytes ?? 0);
      container.stats = { memoryBytes, cpuTimeMs, peakMemoryBytes };
    },
    onSignal(name, handler) {
      handlers.set(name, handler);
    },
    killed: killed.signal,
    sleepUntilKilled: async () =>
      new Promise<never>((_resolve, reject) => {
        const end = (): void => {
          reject(new Error('the job was killed'));
        };
        if (killed.signal.aborted) end();
        else killed.signal.addEventListener('abort', end, { once: true });
      }),
  };

  const container: FakeContainer = {
    id,
    spec,
    output,
    stdin,
    attached: false,
    removed: false,
    state: {
      status: 'created',
      startedAt: null,
      finishedAt: null,
      exitCode: null,
      oomKilled: false,
      error: '',
    },
    stats: { memoryBytes: null, cpuTimeMs: null, peakMemoryBytes: null },
    writtenBytes: () => files.rootBytes(),
    ended,
    start() {
      container.state = { ...container.state, status: 'running', startedAt: stamp() };
      onEvent({ type: 'start', signal: null });
      void (async (): Promise<void> => {
        try {
          // Nothing a job does happens before the call that started it has returned.
          await new Promise(setImmediate);
          finish((await run(job)) ?? { exitCode: 0 });
        } catch {
          finish({ exitCode: INTERNAL_ERROR });
        }
      })();
    },
    refuseStart(exitCode) {
      container.state = {
        ...container.state,
        error: `the entry point cannot be executed (${String(exitCode)})`,
      };
      output.end();
    },
    signal(name) {
      if (container.state.status !== 'running') return;
      onEvent({ type: 'kill', signal: SIGNALS[name] ?? null });
      if (stuck) return;
      const handler = name === 'SIGKILL' ? undefined : handlers.get(name);
      if (handler !== undefined) {
        handler();
        return;
      }
      if (!TERMINATING.has(name)) return;
      finish({ exitCode: 128 + (SIGNALS[name] ?? 0) });
      killed.abort();
    },
    remove() {
      container.signal('SIGKILL');
      container.removed = true;
      onEvent({ type: 'destroy', signal: null });
      output.end();
      stdin.close();
      resolveEnded();
    },
  };
  return container;
}

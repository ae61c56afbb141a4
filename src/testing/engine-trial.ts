/** What each case of `engineConformance` gets: an engine, an image on it, and the usual steps. It removes what the case made. */
import { randomUUID } from 'node:crypto';
import type { Attachment, ContainerEngine, ContainerInfo, EngineGap } from '../engine/types.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { check, within, type CaseOf } from './conformance-case.js';
import { readOutput, type OutputReader } from './output-reader.js';

/** What `engineConformance` tests: an engine, and the reference of an image with a POSIX `sh` and the usual small commands. */
export interface EngineUnderTest {
  readonly engine: ContainerEngine;
  /** For example `busybox:1`; pulled if it is not there. */
  readonly image: string;
  /** Called when the case is over. */
  cleanup?(): Promise<void>;
}

/** A container that was created, attached, waited for and started. */
interface Begun {
  readonly id: string;
  readonly attachment: Attachment;
  /** Reads from the start on, unless the case reads by itself. */
  readonly output: OutputReader;
  /** The `wait` that was called before `start`. */
  readonly waiting: Promise<void>;
}

/** A container that has ended. */
interface Ended {
  readonly id: string;
  readonly info: ContainerInfo;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** The means of one case. */
export interface EngineTrial {
  readonly engine: ContainerEngine;
  readonly reference: string;
  readonly imageId: string;
  /** What the engine says it lacks of the contract; a case holds it to the rest. */
  readonly gaps: ReadonlySet<EngineGap>;
  /** A label on everything this case makes. */
  readonly label: string;
  /** Bounds a step: an engine that hangs fails the case. */
  readonly within: <T>(what: string, work: Promise<T>) => Promise<T>;
  /** Passes a moment, for what must *not* happen meanwhile. */
  pause(): Promise<void>;
  /** A hardened container that runs a script; its name is new. */
  spec(script: string, overrides?: Partial<ContainerSpec>): ContainerSpec;
  create(script: string, overrides?: Partial<ContainerSpec>): Promise<string>;
  begin(
    script: string,
    overrides?: Partial<ContainerSpec>,
    options?: { readonly read?: boolean },
  ): Promise<Begun>;
  end(begun: Begun): Promise<Ended>;
  run(script: string, overrides?: Partial<ContainerSpec>): Promise<Ended>;
  inspect(id: string): Promise<ContainerInfo>;
}

/** A case of the suite. */
export const engineCase = (name: string, body: CaseOf<EngineTrial>['body']): CaseOf<EngineTrial> => ({
  name,
  body,
});

/** An id that no container has. */
export const NO_SUCH_ID = 'f0'.repeat(32);

const PAUSE_MS = 300;

/** Makes a trial; `tearDown` removes its containers and closes the engine. */
export async function createEngineTrial(
  { engine, image }: EngineUnderTest,
  timeoutMs: number,
): Promise<{ readonly trial: EngineTrial; readonly tearDown: () => Promise<void> }> {
  const label = `berthkit.conformance.${randomUUID()}`;
  const names: string[] = [];
  const bounded: EngineTrial['within'] = (what, work) => within(timeoutMs, what, work);

  const imageId = async (): Promise<string> => {
    const here = await engine.images.inspect(image);
    if (here !== null) return here.id;
    await engine.images.pull(image);
    const pulled = await engine.images.inspect(image);
    check(pulled !== null, `images.inspect: ${image} is not there after its pull`);
    return pulled.id;
  };
  const id = await bounded('finding the image', imageId());
  const { gaps = [] } = await bounded('info', engine.info());

  const trial: EngineTrial = {
    engine,
    label,
    reference: image,
    imageId: id,
    gaps: new Set(gaps),
    within: bounded,
    pause: () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS)),
    spec(script, overrides = {}) {
      const name = overrides.name ?? `berthkit-conformance-${randomUUID()}`;
      names.push(name);
      return {
        ...hardened(id),
        command: ['sh', '-c', script],
        labels: { [label]: 'yes' },
        ...overrides,
        name,
      };
    },
    async create(script, overrides) {
      const spec = trial.spec(script, overrides);
      const created = await bounded('create', engine.containers.create(spec));
      return created.id;
    },
    async begin(script, overrides = {}, { read = true } = {}) {
      const created = await trial.create(script, overrides);
      const stdin = overrides.stdin ?? false;
      const attachment = await bounded('attach', engine.containers.attach(created, { stdin }));
      const waiting = engine.containers.wait(created);
      // Looked at by the case, if at all.
      waiting.catch(() => undefined);
      const output = readOutput(attachment.output, read);
      await bounded('start', engine.containers.start(created));
      return { id: created, attachment, output, waiting };
    },
    async end(begun) {
      await bounded('wait', begun.waiting);
      const info = await trial.inspect(begun.id);
      const hasEnded = info.status === 'exited' || info.status === 'dead';
      check(hasEnded, `inspect after wait: expected a container that ended, got ${info.status}`);
      await bounded('the end of the output', begun.output.done());
      return { id: begun.id, info, ...begun.output.bytes() };
    },
    run: async (script, overrides) => trial.end(await trial.begin(script, overrides)),
    async inspect(created) {
      const info = await bounded('inspect', engine.containers.inspect(created));
      check(info !== null, 'inspect: the container is gone');
      return info;
    },
  };

  const removeAll = async (): Promise<void> => {
    for (const name of names) {
      const found = await engine.containers.inspect(name);
      if (found !== null) await engine.containers.remove(found.id);
    }
  };
  const tearDown = async (): Promise<void> => {
    // The case has already told what is wrong with the engine; here it is only asked to clean up.
    await bounded('cleaning up', removeAll()).catch(() => undefined);
    await bounded('close', engine.close()).catch(() => undefined);
  };
  return { trial, tearDown };
}

function hardened(image: string): Omit<ContainerSpec, 'name' | 'command' | 'labels'> {
  return {
    image,
    platform: null,
    entryPoint: null,
    workingDirectory: null,
    environment: [],
    user: '1000:1000',
    networkMode: 'none',
    readOnlyRootFilesystem: true,
    capabilitiesDropped: ['ALL'],
    capabilitiesAdded: [],
    noNewPrivileges: true,
    init: true,
    resources: {
      cpus: 1,
      memoryBytes: 134_217_728,
      // As jobs by default: in gVisor the threads of the sandbox count, about 60 of them.
      pidsLimit: 256,
      shmBytes: 16_777_216,
      ulimits: [{ name: 'core', soft: 0, hard: 0 }],
    },
    gpu: null,
    runtime: null,
    mounts: [],
    tmpfs: [],
    stopSignal: 'SIGTERM',
    stdin: false,
    log: { maxBytesPerFile: 10_000_000, maxFiles: 2 },
  };
}

/** Each of these faults of an engine is caught by a case that is about it. */
import { describe, expect, it } from 'vitest';
import type { AppliedSpec } from '../../src/engine/applied-spec.js';
import type {
  Attachment,
  ContainerEngine,
  ContainerInfo,
  ContainerStats,
  EngineContainers,
  EngineEvent,
  EngineSystem,
  EngineVolumes,
  NetworkSummary,
  OutputChunk,
} from '../../src/engine/types.js';
import { EngineError } from '../../src/errors.js';
import type { ContainerSpec } from '../../src/plan/container-spec.js';
import { conformancePrograms, engineConformance, fakeEngine } from '../../src/testing/index.js';
import { packEntries, readEntries, tarEntry, type TarEntry } from '../../src/testing/tar-entries.js';
import { failingCases } from './failing-cases.js';

type Mutate = (engine: ContainerEngine) => ContainerEngine;

const withContainers =
  (change: (containers: EngineContainers) => Partial<EngineContainers>): Mutate =>
  (engine) => ({ ...engine, containers: { ...engine.containers, ...change(engine.containers) } });

const withSpec = (change: (spec: ContainerSpec) => Partial<ContainerSpec>): Mutate =>
  withContainers(({ create }) => ({
    create: (spec, options) => create({ ...spec, ...change(spec) }, options),
  }));

const withInfo = (change: (info: ContainerInfo) => Partial<ContainerInfo>): Mutate =>
  withContainers(({ inspect }) => ({
    inspect: async (id, options) => {
      const info = await inspect(id, options);
      return info === null ? null : { ...info, ...change(info) };
    },
  }));

const withApplied = (change: (applied: AppliedSpec) => Partial<AppliedSpec>): Mutate =>
  withInfo(({ applied }) => ({ applied: applied === null ? null : { ...applied, ...change(applied) } }));

const withAttachment = (
  change: (attachment: Attachment, id: string, containers: EngineContainers) => Partial<Attachment>,
): Mutate =>
  withContainers((containers) => ({
    attach: async (id, options) => {
      const attachment = await containers.attach(id, options);
      return { ...attachment, ...change(attachment, id, containers) };
    },
  }));

const withOutput = (change: (output: AsyncIterable<OutputChunk>) => AsyncGenerator<OutputChunk>): Mutate =>
  withAttachment(({ output }) => ({ output: change(output) }));

const mapChunks = (change: (chunk: OutputChunk) => OutputChunk): Mutate =>
  withOutput(async function* (output) {
    for await (const chunk of output) yield change(chunk);
  });

const withStats = (change: (stats: ContainerStats) => Partial<ContainerStats>): Mutate =>
  withContainers(({ stats }) => ({
    stats: async (id, options) => {
      const found = (await stats?.(id, options)) ?? null;
      return found === null ? null : { ...found, ...change(found) };
    },
  }));

const withEvents =
  (
    change: (
      events: AsyncIterable<EngineEvent>,
      isGone: () => Promise<boolean>,
    ) => AsyncGenerator<EngineEvent>,
  ): Mutate =>
  (engine) => ({
    ...engine,
    events: (filter, options) =>
      change(
        engine.events!(filter, options),
        async () => (await engine.containers.inspect(filter.containerId)) === null,
      ),
  });

const notFound = () => new EngineError('engine.not_found', 'no such container');
const withoutSignal = (options: { readonly signal?: AbortSignal | undefined } | undefined) => ({
  ...options,
  signal: undefined,
});

/** Other volumes. */
const withVolumes =
  (change: (volumes: EngineVolumes) => Partial<EngineVolumes>): Mutate =>
  (engine) => ({ ...engine, volumes: { ...engine.volumes!, ...change(engine.volumes!) } });

const SYSTEM_CASE = 'info tells of its system in words that can be read, or not at all';
const NETWORK_CASE = 'networks are listed by name, with their addresses';

const withSystem =
  (change: Partial<EngineSystem>): Mutate =>
  (engine) => ({
    ...engine,
    info: async (options) => {
      const nothing = {
        cgroupVersion: null,
        storageDriver: null,
        securityOptions: null,
        time: null,
        addressPools: null,
      };
      return { ...(await engine.info(options)), system: { ...nothing, ...change } };
    },
  });

const withNetworks =
  (networks: readonly NetworkSummary[]): Mutate =>
  (engine) => ({ ...engine, networks: { list: () => Promise.resolve(networks) } });

/** A tar that comes out of a container, with its entries changed. */
const withEntriesOut = (change: (entry: TarEntry) => TarEntry | null): Mutate =>
  withContainers(({ copyOut }) => ({
    copyOut: async (id, path, options) => {
      const entries = await readEntries(await copyOut!(id, path, options));
      return packEntries(entries.flatMap((entry) => change(entry) ?? []));
    },
  }));

/** Other calls about images. */
const withImages =
  (
    change: (images: ContainerEngine['images']) => Partial<ContainerEngine['images']>,
  ): ((engine: ContainerEngine) => ContainerEngine) =>
  (engine) => ({ ...engine, images: { ...engine.images, ...change(engine.images) } });

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new Uint8Array());
}

const mutations: Readonly<Record<string, readonly [caughtBy: string, mutate: Mutate]>> = {
  'loses the first output': [
    'the first and the last byte of a short run arrive, every time',
    withOutput(async function* (output) {
      let isFirst = true;
      for await (const chunk of output) {
        if (!isFirst) yield chunk;
        isFirst = false;
      }
    }),
  ],
  'loses the last output': [
    'the first and the last byte of a short run arrive, every time',
    withOutput(async function* (output) {
      let held: OutputChunk | null = null;
      for await (const chunk of output) {
        if (held !== null) yield held;
        held = chunk;
      }
    }),
  ],
  'swaps the streams': [
    'standard output and standard error arrive apart',
    mapChunks(({ stream, bytes }) => ({ stream: stream === 'stdout' ? 'stderr' : 'stdout', bytes })),
  ],
  'merges the streams': [
    'standard output and standard error arrive apart',
    mapChunks(({ bytes }) => ({ stream: 'stdout', bytes })),
  ],
  'reads output as text': [
    'bytes arrive exactly',
    mapChunks(({ stream, bytes }) => ({ stream, bytes: Buffer.from(Buffer.from(bytes).toString()) })),
  ],
  'delivers output in another order': [
    'each stream keeps its order',
    withOutput(async function* (output) {
      const chunks: OutputChunk[] = [];
      for await (const chunk of output) chunks.unshift(chunk);
      yield* chunks;
    }),
  ],
  'keeps all output in memory': [
    'output that nobody reads holds the container back and is not lost',
    withAttachment(({ output }) => {
      const chunks: OutputChunk[] = [];
      const reading = (async () => {
        for await (const chunk of output) chunks.push(chunk);
      })();
      return {
        output: (async function* () {
          await reading;
          yield* chunks;
        })(),
      };
    }),
  ],
  'does not half-close standard input': [
    'standard input arrives exactly, is half-closed, and output still comes',
    withAttachment(({ stdin }) => ({
      stdin: stdin === null ? null : { ...stdin, end: () => Promise.resolve() },
    })),
  ],
  'stops the output when standard input is closed': [
    'standard input arrives exactly, is half-closed, and output still comes',
    withAttachment(({ stdin, close }) => ({
      stdin:
        stdin === null
          ? null
          : {
              ...stdin,
              end: async () => {
                await stdin.end();
                close();
              },
            },
    })),
  ],
  'takes input for a container that ended': [
    'standard input rejects once the container no longer reads, and its output is complete',
    withAttachment(({ stdin }) => ({
      stdin: stdin === null ? null : { ...stdin, write: () => Promise.resolve() },
    })),
  ],
  'kills a container when its attachment is closed': [
    'closing an attachment ends its output and does not touch the container',
    withAttachment(({ close }, id, containers) => ({
      close: () => {
        close();
        void containers.kill(id, 'SIGKILL');
      },
    })),
  ],
  'offers standard input to everybody': [
    'without standard input an attachment has none',
    withAttachment(() => ({ stdin: { write: () => Promise.resolve(), end: () => Promise.resolve() } })),
  ],
  'wakes whoever waits too early': [
    'wait, called before start, resolves when the container ends and not before',
    withContainers(() => ({ wait: () => Promise.resolve() })),
  ],
  'never wakes whoever waits': [
    'wait resolves for a container that has ended already',
    withContainers(() => ({ wait: () => new Promise(() => undefined) })),
  ],
  'does not know what to wait for': [
    'start, attach and wait of an unknown container are engine.not_found',
    withContainers(() => ({ wait: () => Promise.resolve() })),
  ],
  'starts what it creates': [
    'a created container has what it was given, and does not run',
    withContainers(({ create, attach, start }) => ({
      create: async (spec, options) => {
        const created = await create(spec, options);
        await attach(created.id, { stdin: false });
        await start(created.id);
        return created;
      },
    })),
  ],
  'shows an exit code before the end': [
    'a created container has what it was given, and does not run',
    withInfo(({ exitCode }) => ({ exitCode: exitCode ?? 0 })),
  ],
  'shows an exit code while running': [
    'a running container has a start and no end',
    withInfo(({ status, exitCode }) => ({ exitCode: status === 'running' ? 0 : exitCode })),
  ],
  'shortens exit codes': [
    'exit codes arrive unchanged',
    withInfo(({ exitCode }) => ({ exitCode: exitCode === null ? null : exitCode & 127 })),
  ],
  'forgets that an entry point was missing': [
    'an entry point that is not there fails the start with exit code 127, and never runs',
    withContainers(({ start }) => ({
      start: (id, options) =>
        start(id, options).catch((cause: unknown) => {
          throw new EngineError('engine.failed', 'could not start', { cause });
        }),
    })),
  ],
  'throws for a container that is not there': [
    'inspect takes a name, and gives null for what is not there',
    withContainers(({ inspect }) => ({
      inspect: async (id, options) => {
        const info = await inspect(id, options);
        if (info === null) throw notFound();
        return info;
      },
    })),
  ],
  'gives out a name twice': [
    'a name that is taken is engine.conflict, and its container is left alone',
    withContainers(({ create, inspect, remove }) => ({
      create: async (spec, options) => {
        const old = await inspect(spec.name);
        if (old !== null) await remove(old.id);
        return create(spec, options);
      },
    })),
  ],
  'has another code for a missing image': [
    'a missing image is engine.image_not_found, and nothing is made',
    withContainers(({ create }) => ({
      create: (spec, options) =>
        create(spec, options).catch((cause: unknown) => {
          throw new EngineError('engine.not_found', 'not found', { cause });
        }),
    })),
  ],
  'leaves the container there': [
    'a removed container is gone, and removing it again is success',
    withContainers(({ kill }) => ({ remove: (id) => kill(id, 'SIGKILL') })),
  ],
  'removes only what is there': [
    'a removed container is gone, and removing it again is success',
    withContainers(({ inspect, remove }) => ({
      remove: async (id, options) => {
        if ((await inspect(id)) === null) throw notFound();
        await remove(id, options);
      },
    })),
  ],
  'does not remove what runs': [
    'removing a running container kills it, and wakes whoever waits or reads',
    withContainers(({ inspect, remove }) => ({
      remove: async (id, options) => {
        if ((await inspect(id))?.status !== 'running') await remove(id, options);
      },
    })),
  ],
  'kills only what is there': [
    'kill of a container that does not run or is not there is success',
    withContainers(({ inspect, kill }) => ({
      kill: async (id, signal, options) => {
        if ((await inspect(id)) === null) throw notFound();
        await kill(id, signal, options);
      },
    })),
  ],
  'has one signal for all': [
    'kill sends the signal it is given',
    withContainers(({ kill }) => ({ kill: (id, _signal, options) => kill(id, 'SIGKILL', options) })),
  ],
  'looks at the first label only': [
    'list gives containers in any state that carry every label, and no others',
    withContainers(({ list }) => ({
      list: (labels, options) => list(Object.fromEntries(Object.entries(labels).slice(0, 1)), options),
    })),
  ],
  'lists what runs': [
    'list gives containers in any state that carry every label, and no others',
    withContainers(({ list, inspect }) => ({
      list: async (labels, options) => {
        const all = await list(labels, options);
        const infos = await Promise.all(all.map(({ id }) => inspect(id)));
        return all.filter((_, index) => infos[index]?.status === 'running');
      },
    })),
  ],
  'drops empty labels': [
    'labels come back as they were given',
    withSpec(({ labels }) => ({
      labels: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== '')),
    })),
  ],
  'does not look at signals': [
    'a call with an aborted signal rejects with its reason, and has no effect',
    withContainers(({ inspect }) => ({ inspect: (id, options) => inspect(id, withoutSignal(options)) })),
  ],
  'cannot be told to stop waiting': [
    'an aborted wait rejects with the reason, and the container goes on',
    withContainers(({ wait }) => ({ wait: (id, options) => wait(id, withoutSignal(options)) })),
  ],
  'has stats and does not say so': [
    'stats are there if the capabilities say so, and only then',
    (engine) => ({ ...engine, capabilities: { ...engine.capabilities, stats: false } }),
  ],
  'counts memory in kibibytes': [
    'stats of a running container tell what it uses, and never take anything back',
    withStats(({ memoryBytes, peakMemoryBytes }) => ({
      memoryBytes: Math.round((memoryBytes ?? 0) / 1024),
      peakMemoryBytes: Math.round((peakMemoryBytes ?? 0) / 1024),
    })),
  ],
  'tells processor time since the last look': [
    'stats of a running container tell what it uses, and never take anything back',
    (engine) => {
      let told = 0;
      return withStats(({ cpuTimeMs }) => {
        const since = (cpuTimeMs ?? 0) - told;
        told = cpuTimeMs ?? 0;
        return { cpuTimeMs: since };
      })(engine);
    },
  ],
  'has a peak below what is in use': [
    'stats of a running container tell what it uses, and never take anything back',
    withStats(() => ({ peakMemoryBytes: 4_500_000 })),
  ],
  'tells of what has ended that it uses nothing': [
    'stats are null for what does not run: created, ended, or not there',
    withContainers(({ stats }) => ({
      stats: async (id, options) =>
        (await stats?.(id, options)) ?? { memoryBytes: 0, peakMemoryBytes: 0, cpuTimeMs: 0 },
    })),
  ],
  'tells what was written and does not say so': [
    'written bytes are there if the capabilities say so, and only then',
    (engine) => ({ ...engine, capabilities: { ...engine.capabilities, writtenBytes: false } }),
  ],
  'counts what was written in kibibytes': [
    'written bytes are what a container wrote, while it runs and after its end',
    withContainers(({ writtenBytes }) => ({
      writtenBytes: async (id, options) => {
        const bytes = await writtenBytes?.(id, options);
        return bytes == null ? null : Math.round(bytes / 1024);
      },
    })),
  ],
  'forgets what was written when a container ends': [
    'written bytes are what a container wrote, while it runs and after its end',
    withContainers(({ writtenBytes, inspect }) => ({
      writtenBytes: async (id, options) => {
        const info = await inspect(id);
        return info?.status === 'running' ? ((await writtenBytes?.(id, options)) ?? null) : 0;
      },
    })),
  ],
  'has an answer for every container': [
    'written bytes are next to nothing where nothing was written, and null of no container',
    withContainers(({ writtenBytes }) => ({
      writtenBytes: async (id, options) => (await writtenBytes?.(id, options)) ?? 0,
    })),
  ],
  'can be closed once': [
    'close may be called again',
    (engine) => {
      let closed = false;
      return {
        ...engine,
        close: () => {
          if (closed) return Promise.reject(new EngineError('engine.failed', 'closed'));
          closed = true;
          return engine.close();
        },
      };
    },
  ],
  'drops the environment': ['the environment arrives exactly', withSpec(() => ({ environment: [] }))],
  'cuts environment values at an equals sign': [
    'the environment arrives exactly',
    withSpec(({ environment }) => ({
      environment: environment.map(({ name, value }) => ({ name, value: value.split('=')[0] ?? '' })),
    })),
  ],
  'splits words at blanks': [
    'entry point and command arrive word by word',
    withSpec(({ command }) => ({ command: command?.flatMap((word) => word.split(' ')) ?? null })),
  ],
  'ignores the working directory': [
    'the working directory is the one given',
    withSpec(() => ({ workingDirectory: null })),
  ],
  'runs everything as root': ['the user is the one given', withSpec(() => ({ user: '0:0' }))],
  'has a writable root': [
    'a read-only root file system refuses writes, another takes them',
    withSpec(() => ({ readOnlyRootFilesystem: false })),
  ],
  'mounts everything writable': [
    'a read-only mount refuses writes, and what is written to another appears on this host',
    withSpec(({ mounts }) => ({ mounts: mounts.map((mount) => ({ ...mount, readOnly: false })) })),
  ],
  'always has a network': [
    'network mode none leaves no route anywhere',
    withSpec(() => ({ networkMode: 'bridge' })),
  ],
  'keeps capabilities': [
    'dropped capabilities are gone, also for root, and no new privileges can be had',
    withSpec(() => ({ capabilitiesDropped: [] })),
  ],
  'has no limits': [
    'memory and processes are limited as given',
    withSpec(({ resources }) => ({ resources: { ...resources, memoryBytes: 0, pidsLimit: 0 } })),
  ],
  'has another kind of error for pulls': [
    'pulling what cannot be had is an error of kind image, and the image is not there',
    (engine) => ({
      ...engine,
      images: {
        ...engine.images,
        pull: () => Promise.reject(new EngineError('engine.failed', 'no')),
      },
    }),
  ],
  'says that any pull succeeded': [
    'pulling what cannot be had is an error of kind image, and the image is not there',
    (engine) => ({ ...engine, images: { ...engine.images, pull: () => Promise.resolve({ digest: null }) } }),
  ],
  'gives a name to nothing': [
    'another name is of the same image, and goes without it',
    withImages(() => ({ tag: () => Promise.resolve() })),
  ],
  'leaves a name out of its list': [
    'another name is of the same image, and goes without it',
    withImages(({ list }) => ({
      list: async () => (await list!()).map((image) => ({ ...image, repoTags: [] })),
    })),
  ],
  'keeps a name that was taken away': [
    'another name is of the same image, and goes without it',
    withImages(() => ({ remove: () => Promise.resolve() })),
  ],
  'removes an image that is used': [
    'an image a container was made of, and that has several names, does not go by its id',
    withImages(({ remove }) => ({
      remove: async (reference) => (reference.startsWith('sha256:') ? undefined : remove!(reference)),
    })),
  ],
  'has another error for an image that is not there': [
    'an image that is not there has no history, no other name and no way out',
    withImages(() => ({ history: () => Promise.reject(new EngineError('engine.not_found', 'no')) })),
  ],
  'has no history': [
    'the history of an image is its steps with what each added',
    withImages(() => ({ history: () => Promise.resolve([]) })),
  ],
  'does not say what it took in': [
    'an image that was sent out comes back, with its name and its id',
    withImages(({ import: take }) => ({
      import: async (tar) => {
        await take!(tar);
        return [];
      },
    })),
  ],
  'takes in anything': [
    'taking in what is no image fails, and a source that fails is what it fails by',
    withImages(() => ({ import: () => Promise.resolve([]) })),
  ],
  'hides why a source failed': [
    'taking in what is no image fails, and a source that fails is what it fails by',
    withImages(({ import: take }) => ({
      import: async (tar) => {
        try {
          return await take!(tar);
        } catch {
          throw new EngineError('engine.failed', 'no');
        }
      },
    })),
  ],
  'gives what it built no name': [
    'an image that was built within its limits is there under its name',
    withImages(({ build, inspect }) => ({
      build: async (context, options) => {
        await build!(context, { ...options, tag: 'elsewhere:1' });
        return (await inspect('elsewhere:1'))!;
      },
    })),
  ],
  'builds from a context that broke off': [
    'a context that breaks off is what its build fails by',
    withImages(({ build }) => ({
      build: async (_context, options) => build!(nothing(), options),
    })),
  ],
  'knows the digest of everything': [
    'what no registry takes or has is an error of kind image',
    withImages(() => ({ resolveDigest: () => Promise.resolve(`sha256:${'0'.repeat(64)}`) })),
  ],
  'says that any push succeeded': [
    'what no registry takes or has is an error of kind image',
    withImages(() => ({ push: () => Promise.resolve({ digest: null }) })),
  ],
  'does not tell what it applied': [
    'inspect tells all that was applied to a container',
    withInfo(() => ({ applied: null })),
  ],
  'tells what it cannot know': [
    'inspect tells nothing of this where the engine cannot',
    (engine) => ({ ...engine, capabilities: { ...engine.capabilities, verifiableSpec: false } }),
  ],
  'applies fewer limits than it was asked for': [
    'inspect tells all that was applied to a container',
    withSpec(({ resources }) => ({ resources: { ...resources, ulimits: resources.ulimits.slice(1) } })),
  ],
  'forgets a tmpfs': [
    'inspect tells all that was applied to a container',
    withSpec(({ tmpfs }) => ({ tmpfs: tmpfs.slice(1) })),
  ],
  'says that all capabilities are gone': [
    'inspect tells what was relaxed',
    withApplied(() => ({ capabilities: [] })),
  ],
  'says that the root is always read-only': [
    'inspect tells what was relaxed',
    withApplied(() => ({ readOnlyRootFilesystem: true })),
  ],
  'says that no new privileges can be had': [
    'inspect tells what was relaxed',
    withApplied(() => ({ noNewPrivileges: true })),
  ],
  'says that there is no network': [
    'inspect tells what was relaxed',
    withApplied(() => ({ networkMode: 'none' })),
  ],
  'does not tell what it took from the image': [
    'inspect tells what was left to the image',
    withApplied(() => ({ command: [] })),
  ],
  'says that every mount is read-only': [
    'inspect tells each mount',
    withApplied(({ mounts }) => ({ mounts: mounts.map((mount) => ({ ...mount, readOnly: true })) })),
  ],
  'hides a mount': ['inspect tells each mount', withApplied(({ mounts }) => ({ mounts: mounts.slice(1) }))],
  'has no events although it says so': [
    'what it remembers of a container is its own, in order, and ends',
    (engine) => {
      const mute = { ...engine };
      delete mute.events;
      return mute;
    },
  ],
  'remembers more than there was': [
    'what it remembers of a container is its own, in order, and ends',
    withEvents(async function* (events) {
      yield { type: 'oom', signal: null };
      yield* events;
    }),
  ],
  'never ends its events': [
    'what it remembers of a container is its own, in order, and ends',
    withEvents(async function* (events) {
      yield* events;
      await new Promise(() => undefined);
    }),
  ],
  'does not tell which signal': [
    'signals and the removal of a container are remembered, also when it is gone',
    withEvents(async function* (events) {
      for await (const event of events) yield { ...event, signal: null };
    }),
  ],
  'forgets a container that is gone': [
    'signals and the removal of a container are remembered, also when it is gone',
    withEvents(async function* (events, isGone) {
      if (!(await isGone())) yield* events;
    }),
  ],
  'does not heed the signal when it tells its events': [
    'reading what it remembers can be given up',
    (engine) => ({ ...engine, events: (filter) => engine.events!(filter) }),
  ],
  'copies and does not say so': [
    'copying and volumes are there if the capabilities say so, and only then',
    (engine) => ({ ...engine, capabilities: { ...engine.capabilities, copy: false } }),
  ],
  'has volumes and does not say so': [
    'copying and volumes are there if the capabilities say so, and only then',
    (engine) => ({ ...engine, capabilities: { ...engine.capabilities, volumes: false } }),
  ],
  'tells what volumes hold and does not say so': [
    'what volumes hold is told if the capabilities say so, and only then',
    (engine) => ({ ...engine, capabilities: { ...engine.capabilities, volumeBytes: false } }),
  ],
  'counts what volumes hold in kibibytes': [
    'what a volume holds is what a job wrote to it, while it runs',
    withVolumes(({ usedBytes }) => ({
      usedBytes: async (options) => {
        const found = await usedBytes!(options);
        return new Map([...found].map(([name, bytes]) => [name, bytes && Math.round(bytes / 1024)]));
      },
    })),
  ],
  'cannot tell what an empty volume holds': [
    'what a volume holds is what a job wrote to it, while it runs',
    withVolumes(({ usedBytes }) => ({
      usedBytes: async (options) =>
        new Map([...(await usedBytes!(options))].map(([name, bytes]) => [name, bytes === 0 ? null : bytes])),
    })),
  ],
  'remembers what volumes held that are gone': [
    'a volume that is gone holds nothing',
    withVolumes(({ usedBytes, create }) => {
      const names: string[] = [];
      return {
        create: async (spec, options) => {
          names.push(spec.name);
          await create(spec, options);
        },
        usedBytes: async (options) =>
          new Map([...names.map((name): [string, number] => [name, 0]), ...(await usedBytes!(options))]),
      };
    }),
  ],
  'does not heed the signal when it tells what volumes hold': [
    'asking what volumes hold can be given up',
    withVolumes(({ usedBytes }) => ({ usedBytes: async () => usedBytes!() })),
  ],
  'loses the owners of what is copied': [
    'files come out of a volume as they went in, links as links',
    withEntriesOut((entry) => ({ ...entry, uid: 0 })),
  ],
  'loses the modes of what is copied': [
    'files come out of a volume as they went in, links as links',
    withEntriesOut((entry) => ({ ...entry, mode: 0o777 })),
  ],
  'loses the times of what is copied': [
    'files come out of a volume as they went in, links as links',
    withEntriesOut((entry) => ({ ...entry, mtime: 0 })),
  ],
  'loses empty folders': [
    'files come out of a volume as they went in, links as links',
    withEntriesOut((entry) => (entry.name.endsWith('empty/') ? null : entry)),
  ],
  'follows links when it copies': [
    'files come out of a volume as they went in, links as links',
    withEntriesOut((entry) => (entry.type === 'symlink' ? tarEntry(`${entry.name}/`) : entry)),
  ],
  'keeps what is there when a tar brings something else': [
    'what is there is replaced, but no folder of the same tar',
    withContainers(({ copyIn, lookAt }) => ({
      copyIn: async (id, path, tar, options) => {
        const entries = await readEntries(tar);
        const isThere = await Promise.all(
          entries.map(async ({ name }) => (await lookAt!(id, `/${name.replace(/\/$/, '')}`)) !== null),
        );
        const kept = entries.filter((_entry, index) => isThere[index] !== true);
        await copyIn!(id, path, packEntries(kept), options);
      },
    })),
  ],
  'takes a link in the place of a folder of the same tar': [
    'what is there is replaced, but no folder of the same tar',
    withContainers(({ copyIn }) => ({
      copyIn: async (id, path, tar, options) => {
        const entries = await readEntries(tar);
        const others = entries.filter(({ type }) => type !== 'directory').map(({ name }) => `${name}/`);
        const kept = entries.filter(({ name }) => !others.includes(name));
        await copyIn!(id, path, packEntries(kept), options);
      },
    })),
  ],
  'mounts a volume writable that should not be': [
    'a volume keeps what is in it for a container that comes later',
    withSpec(({ mounts }) => ({ mounts: mounts.map((mount) => ({ ...mount, readOnly: false })) })),
  ],
  'makes a new volume for each container': [
    'a volume keeps what is in it for a container that comes later',
    (engine) => {
      let made = 0;
      return withContainers(({ create }) => ({
        create: async (spec, options) => {
          made += 1;
          const mounts = await Promise.all(
            spec.mounts.map(async (mount, index) => {
              const source = `new-${String(made)}-${String(index)}`;
              await engine.volumes?.create({ name: source, labels: {} });
              return { ...mount, source };
            }),
          );
          return create({ ...spec, mounts }, options);
        },
      }))(engine);
    },
  ],
  'fills a volume with what the image has': [
    'a volume is not filled with what the image has there',
    withContainers(({ create, copyIn }) => ({
      create: async (spec, options) => {
        const made = await create(spec, options);
        for (const { target } of spec.mounts)
          await copyIn?.(made.id, target, packEntries([tarEntry('of-the-image')]));
        return made;
      },
    })),
  ],
  'mounts all of a volume instead of a part': [
    'a part of a volume is mounted, where the engine says that it can',
    withSpec(({ mounts }) => ({
      mounts: mounts.map((mount) => (mount.type === 'volume' ? { ...mount, subpath: null } : mount)),
    })),
  ],
  'takes a link for what it points to': [
    'looking at a path tells what stands there and follows no link at its end',
    withContainers(({ lookAt }) => ({
      lookAt: async (id, path, options) => {
        const found = await lookAt!(id, path, options);
        return found === 'symlink' ? 'directory' : found;
      },
    })),
  ],
  'throws where there is nothing to look at': [
    'looking at a path tells what stands there and follows no link at its end',
    withContainers(({ lookAt }) => ({
      lookAt: async (id, path, options) => {
        const found = await lookAt!(id, path, options);
        if (found === null) throw notFound();
        return found;
      },
    })),
  ],
  'gives an empty tar of what is not there': [
    'copying to or from what is not there is told',
    withContainers(({ copyOut }) => ({
      copyOut: async (id, path, options) => {
        try {
          return await copyOut!(id, path, options);
        } catch {
          return packEntries([]);
        }
      },
    })),
  ],
  'hides why a tar failed': [
    'a tar that fails is what copying rejects with',
    withContainers(({ copyIn }) => ({
      copyIn: async (id, path, tar, options) => {
        try {
          await copyIn!(id, path, tar, options);
        } catch {
          throw new EngineError('engine.failed', 'the tar broke off');
        }
      },
    })),
  ],
  'does not heed the signal when it copies': [
    'copying can be given up',
    withContainers(({ copyIn }) => ({
      copyIn: (id, path, tar, options) => copyIn!(id, path, tar, withoutSignal(options)),
    })),
  ],
  'does not heed the signal while a tar is read': [
    'copying can be given up',
    withContainers(({ copyOut }) => ({
      copyOut: async (id, path, options) => {
        options?.signal?.throwIfAborted();
        return copyOut!(id, path, withoutSignal(options));
      },
    })),
  ],
  'lists every volume': [
    'a volume has its labels, and its name for itself',
    withVolumes(({ list }) => ({ list: (_, options) => list({}, options) })),
  ],
  'gives the volume of another under the same name': [
    'a volume has its labels, and its name for itself',
    withVolumes(({ create }) => ({
      create: (spec, options) => create(spec, options).catch(() => undefined),
    })),
  ],
  'removes a volume that is in use': [
    'a volume goes when no container has it, and only then',
    withVolumes(({ remove }) => ({
      remove: (name, options) => remove(name, options).catch(() => undefined),
    })),
  ],
  'says of a volume that is gone that it is not there': [
    'a volume goes when no container has it, and only then',
    withVolumes(({ remove, list }) => ({
      remove: async (name, options) => {
        if (!(await list({})).some((volume) => volume.name === name)) throw notFound();
        await remove(name, options);
      },
    })),
  ],
  'tells the time in its own words': [SYSTEM_CASE, withSystem({ time: 'half past three' })],
  'tells of control groups in its own words': [SYSTEM_CASE, withSystem({ cgroupVersion: 'v2' })],
  'has a storage driver without a name': [SYSTEM_CASE, withSystem({ storageDriver: '' })],
  'has a security option without a word': [SYSTEM_CASE, withSystem({ securityOptions: [''] })],
  'takes addresses from no subnet': [
    SYSTEM_CASE,
    withSystem({ addressPools: [{ base: 'default', size: 16 }] }),
  ],
  'lists a network without a name': [NETWORK_CASE, withNetworks([{ name: '', subnets: [] }])],
  'lists addresses that are none': [NETWORK_CASE, withNetworks([{ name: 'x', subnets: ['dhcp'] }])],
};

describe('engineConformance notices an engine that', () => {
  it.each(Object.entries(mutations))('%s', async (_, [name, mutate]) => {
    const make = () => {
      const engine = fakeEngine({ ...conformancePrograms, images: { 'busybox:1': { command: ['sh'] } } });
      return Promise.resolve({ engine: mutate(engine), image: 'busybox:1' });
    };
    const cases = engineConformance(make, { timeoutMs: 1000 });
    expect(await failingCases(cases.filter((each) => each.name === name))).toEqual([name]);
  });
});

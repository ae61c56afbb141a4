/** What the engine itself says, asked past every proxy: its memory of containers, those that are there, and the bystanders among them. */
import Docker from 'dockerode';
import type { HistoryEntry } from './history.js';

/** An engine as a witness. */
export interface EngineWitness {
  readonly docker: Docker;
  /** What it remembers of the containers of an instance. */
  remembered(instanceId: string): Promise<readonly Extract<HistoryEntry, { kind: 'container' }>[]>;
  /** Containers of an instance, in any state. */
  containers(instanceId: string): Promise<readonly FoundContainer[]>;
  /** Volumes of an instance. */
  volumes(instanceId: string): Promise<readonly FoundVolume[]>;
}

/** A volume that is there. */
type FoundVolume = Omit<FoundContainer, 'id'>;

/** A container that is there. */
interface FoundContainer {
  readonly id: string;
  readonly name: string;
  readonly runId: string | null;
}

interface EngineMessage {
  readonly status?: string;
  readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> };
}

/** A witness at `unix:///…`. */
export function createEngineWitness(host: string): EngineWitness {
  const docker = new Docker({ socketPath: host.replace(/^unix:\/\//, ''), host: undefined });
  const label = (instanceId: string): readonly string[] => [`berthkit.instance=${instanceId}`];
  return {
    docker,
    async remembered(instanceId) {
      const until = Math.ceil((performance.timeOrigin + performance.now()) / 1000) + 1;
      const stream = await docker.getEvents({
        since: 1,
        until,
        filters: { type: ['container'], event: ['start', 'die'], label: [...label(instanceId)] },
      });
      let text = '';
      for await (const part of stream as AsyncIterable<Buffer>) text += part.toString('utf8');
      return text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => toEntry(JSON.parse(line) as EngineMessage))
        .filter((entry) => entry !== null);
    },
    async containers(instanceId) {
      const found = await docker.listContainers({ all: true, filters: { label: [...label(instanceId)] } });
      return found.map(({ Id, Names, Labels }) => ({
        id: Id,
        name: (Names[0] ?? '').replace(/^\//, ''),
        runId: Labels['berthkit.run-id'] ?? null,
      }));
    },
    async volumes(instanceId) {
      const { Volumes } = await docker.listVolumes({ filters: { label: [...label(instanceId)] } });
      return Volumes.map(({ Name, Labels }) => ({ name: Name, runId: Labels['berthkit.run-id'] ?? null }));
    },
  };
}

function toEntry({ status, Actor }: EngineMessage): Extract<HistoryEntry, { kind: 'container' }> | null {
  const attributes = Actor?.Attributes ?? {};
  const runId = attributes['berthkit.run-id'];
  if (runId === undefined || (status !== 'start' && status !== 'die')) return null;
  return {
    kind: 'container',
    runId,
    attempt: Number(attributes['berthkit.attempt']),
    what: status,
    exitCode: attributes['exitCode'] === undefined ? null : Number(attributes['exitCode']),
  };
}

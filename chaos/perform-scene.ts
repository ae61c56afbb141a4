/** One scene from its folders to its history: runs performed here or in a process of their own, and then everything looked at that is left. */
import { dockerEngine } from 'berthkit';
import { startEngineProxy } from '../test/proxy/engine-proxy.js';
import type { EngineCall } from '../test/proxy/engine-call.js';
import { type Bystanders, placeBystanders } from './bystanders.js';
import type { Defect } from './defects.js';
import { type ChaosEngine, imageOf } from './engines.js';
import type { SharedFault } from './faults.js';
import type { History, HistoryEntry, Recorder } from './history.js';
import { secretOf } from './jobs.js';
import { recordingLeftovers } from './left-in-process.js';
import { lookAround } from './look-around.js';
import { performRuns } from './perform-runs.js';
import { makePlace, type Place, removePlace } from './place.js';
import { performInProcess } from './process.js';
import { createProgress } from './progress.js';
import type { Scene } from './scene.js';
import { fill, free } from './small-disk.js';
import { createCallSpoiler } from './spoiled-calls.js';

/** What a scene is performed on. */
export interface SceneOptions {
  readonly engine: ChaosEngine;
  readonly defect: { readonly name: string; readonly defect: Defect } | null;
}

/** Performs a scene and gives its history; nothing of it is left then, whatever berthkit left. */
export async function performScene(scene: Scene, { engine, defect }: SceneOptions): Promise<History> {
  const entries: HistoryEntry[] = [];
  const record: Recorder = (entry) => void entries.push(entry);
  const place = await makePlace(scene);
  const { docker } = engine.witness;
  let bystanders: Bystanders | null = null;
  try {
    bystanders = await placeBystanders(docker, {
      place,
      image: imageOf(0),
      mayStop: scene.kind === 'engine_killed',
    });
    const parts = { scene, place, engine, record };
    if (IN_PROCESS.includes(scene.kind)) await performInProcess({ ...parts, defect: defect?.name ?? null });
    else {
      await recordingLeftovers(record, async () => performHere({ ...parts, defect: defect?.defect ?? null }));
    }
    for (const entry of await engine.witness.remembered(place.instanceId)) record(entry);
    for (const entry of await lookAround({ scene, place, engine, bystanders })) record(entry);
    for (const entry of await bystanders.compare()) record(entry);
  } finally {
    await bystanders?.remove();
    await removeContainers(engine, place);
    await removePlace(scene, place);
  }
  return { entries, secrets: scene.runs.map(({ runId }) => ({ runId, value: secretOf(runId) })) };
}

const IN_PROCESS: readonly string[] = ['process_killed', 'process_stopped', 'descriptors_used_up'];

interface HereParts {
  readonly scene: Scene;
  readonly place: Place;
  readonly engine: ChaosEngine;
  readonly record: Recorder;
  readonly defect: Defect | null;
}

async function performHere({ scene, place, engine, record, defect }: HereParts): Promise<void> {
  const progress = createProgress(scene.runs, record);
  const spoiler = createCallSpoiler(progress);
  const proxy = await startEngineProxy({
    engine: engine.host,
    spoil: (call) => {
      record(toEntry(call));
      return spoiler.spoil(call);
    },
  });
  try {
    await performRuns({
      ...{ scene, place, record, defect, progress, host: proxy.host, image: imageOf },
      onEvent: spoiler.hear,
      strike: async (fault) => strike(fault, { place, engine, record }),
    });
  } finally {
    await proxy.close();
  }
}

/** The environment of a container and the files that are sent to it hold secrets on purpose: that is how the engine gets them. */
function toEntry({ method, target, body }: EngineCall): HistoryEntry {
  const text = target.includes('/archive?') ? '' : body.toString('utf8');
  const shown = text.startsWith('{') ? JSON.stringify({ ...(JSON.parse(text) as object), Env: [] }) : text;
  return { kind: 'call', method, target: decodeURIComponent(target), body: shown };
}

async function strike(
  fault: SharedFault,
  { place, engine, record }: Pick<HereParts, 'place' | 'engine' | 'record'>,
): Promise<(() => Promise<void>) | null> {
  switch (fault) {
    case 'disk_full':
    case 'inodes_full':
      await fill(place.work, fault === 'disk_full' ? 'bytes' : 'inodes');
      return async () => free(place.work);
    case 'engine_killed':
    case 'engine_killed_live_restore': {
      // It forgets everything when it is restarted.
      for (const entry of await engine.witness.remembered(place.instanceId)) record(entry);
      record({ kind: 'engine_unheard' });
      const restarting = engine.killAndRestart?.();
      return async () => restarting;
    }
    default:
      throw new Error(`${fault} does not strike here`);
  }
}

async function removeContainers({ host, witness }: ChaosEngine, { instanceId }: Place): Promise<void> {
  const engine = dockerEngine({ host });
  try {
    for (const { id } of await witness.containers(instanceId)) await engine.containers.remove(id);
  } finally {
    await engine.close();
  }
}

/** The engines scenes take place on: the one that is given, and two of our own that may be killed. Each has an image for every slot. */
import { type PrivateEngine, startPrivateEngine } from '../scripts/engine/private-engine.mjs';
import { ensureImage } from '../scripts/image-kit/image-kit.js';
import { createEngineWitness, type EngineWitness } from './engine-witness.js';
import { MAX_RUNS_AT_ONCE } from './plan-scenes.js';
import type { SceneKind } from './scene.js';

/** An engine that is ready for scenes. */
export interface ChaosEngine {
  readonly host: string;
  readonly witness: EngineWitness;
  /** Kills it and starts it again; null for the one that is given. */
  readonly killAndRestart: (() => Promise<void>) | null;
}

/** All engines, each started when it is first needed. */
export interface Engines {
  for(kind: SceneKind): Promise<ChaosEngine>;
  stop(): Promise<void>;
}

/** The image of a slot. */
export const imageOf = (slot: number): string => `berthkit-chaos:slot-${String(slot)}`;

/** None of our own is started yet. */
export function createEngines(host: string): Engines {
  const ready = new Map<string, Promise<ChaosEngine>>();
  const started: PrivateEngine[] = [];
  const startOwn = async (configuration: Readonly<Record<string, unknown>>): Promise<ChaosEngine> => {
    const engine = await startPrivateEngine({ beside: true, configuration });
    started.push(engine);
    const killAndRestart = async (): Promise<void> => {
      await engine.crash();
      await engine.restart();
    };
    return prepare(engine.host, killAndRestart);
  };
  const make: Readonly<Partial<Record<SceneKind, () => Promise<ChaosEngine>>>> = {
    engine_killed: async () => startOwn({}),
    engine_killed_live_restore: async () => startOwn({ 'live-restore': true }),
  };
  return {
    async for(kind) {
      const own = make[kind];
      const key = own === undefined ? 'given' : kind;
      const engine = ready.get(key) ?? (own === undefined ? prepare(host, null) : own());
      ready.set(key, engine);
      return engine;
    },
    async stop() {
      await Promise.all(started.map(async (engine) => engine.stop()));
    },
  };
}

async function prepare(host: string, killAndRestart: ChaosEngine['killAndRestart']): Promise<ChaosEngine> {
  const witness = createEngineWitness(host);
  const image = witness.docker.getImage(await ensureImage('busybox', host));
  for (let slot = 0; slot < MAX_RUNS_AT_ONCE; slot += 1) {
    const [repo = '', tag = ''] = imageOf(slot).split(':');
    await image.tag({ repo, tag });
  }
  return { host, witness, killAndRestart };
}

/** Asks an engine, and this host, for what an examination needs to know besides its containers. It concludes nothing. */
import type { ContainerEngine, EngineInfo } from '../engine/types.js';
import { engineCall } from '../execute/engine-call.js';
import { freeSpace, type FreeSpace } from '../host/file-system-space.js';
import { countFreeNetworks, DOCKER_POOLS } from './address-pools.js';

/** What an engine said of itself, and when. */
export interface AskedEngine {
  readonly info: EngineInfo;
  /** Its clock minus this one, in whole milliseconds; null: it does not tell. */
  readonly clockSkewMs: number | null;
  /** How wrong that may be: half of the time the question took. */
  readonly uncertaintyMs: number;
}

/**
 * Asks now: what was remembered would tell an old time.
 *
 * @throws `engine.unreachable`, and whatever else the engine rejects with; the signal's reason.
 */
export async function askInfo(
  engine: ContainerEngine,
  now: () => number,
  signal: AbortSignal,
): Promise<AskedEngine> {
  const before = now();
  const info = await engineCall('info', signal, async (callSignal) => engine.info({ signal: callSignal }));
  const after = now();
  const time = info.system?.time ?? null;
  const uncertaintyMs = Math.ceil(Math.max(0, after - before) / 2);
  const middle = before + uncertaintyMs;
  return { info, uncertaintyMs, clockSkewMs: time === null ? null : Math.round(Date.parse(time) - middle) };
}

/** How many networks can still be made, or why that is not known. */
export type NetworkCount =
  { readonly known: true; readonly free: number } | { readonly known: false; readonly why: string };

/** Never rejects. */
export async function countNetworks(
  { networks }: ContainerEngine,
  { name, system }: EngineInfo,
  signal: AbortSignal,
): Promise<NetworkCount> {
  const pools = system?.addressPools ?? (name === 'docker' ? DOCKER_POOLS : null);
  if (networks === undefined) return { known: false, why: 'the engine does not list its networks' };
  if (pools === null) return { known: false, why: 'the engine does not tell where it takes addresses from' };
  try {
    const found = await engineCall('list networks', signal, async (callSignal) =>
      networks.list({ signal: callSignal }),
    );
    return {
      known: true,
      free: countFreeNetworks(
        pools,
        found.flatMap(({ subnets }) => subnets),
      ),
    };
  } catch (error) {
    return { known: false, why: error instanceof Error ? error.message : String(error) };
  }
}

/** What is free where a path lies, or would lie; null where that cannot be looked at. */
export async function measureDisk(path: string): Promise<FreeSpace | null> {
  try {
    return await freeSpace(path);
  } catch {
    return null;
  }
}

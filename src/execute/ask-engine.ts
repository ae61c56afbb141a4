/** Asks an engine what it remembers of a container whose end does not explain itself. Only a second source: engines forget and lose events. */
import type { ContainerEngine, EngineEvent } from '../engine/types.js';
import { withDeadline } from './deadline.js';
import { engineCall } from './engine-call.js';
import type { SightingFact } from './sighting.js';

/** An engine has its memory at hand and ends it within a second or so. */
const MEMORY_MS = 5_000;

/** What is known of the container so far. */
export interface Unexplained {
  readonly containerId: string;
  readonly isGone: boolean;
  /** The connection to the engine was lost meanwhile: it may have been restarted, and have ended the container. */
  readonly engineLost: boolean;
  /** Its output ended while it ran: somebody may have ended it, and started it again. */
  readonly outputLost: boolean;
}

/** Tells `onSighting` what the engine remembers; nothing where it has no events, or does not tell them. Never rejects. */
export async function askEngine(
  engine: ContainerEngine,
  { containerId, isGone, engineLost, outputLost }: Unexplained,
  onSighting: (fact: SightingFact) => void,
): Promise<void> {
  try {
    // A container that was started again has more ends than one.
    const last = isGone ? 'destroy' : outputLost ? null : 'die';
    const remembered = await memoryOf(engine, containerId, last);
    if (remembered === null) return;
    const types = new Set(remembered.map(({ type }) => type));
    if (engineLost) onSighting(await afterLoss(engine, types));
    const starts = remembered.filter(({ type }) => type === 'start').length;
    if (starts > 1) onSighting({ kind: 'started_again' });
    for (const event of remembered) {
      const fact = toFact(event);
      if (fact !== null) onSighting(fact);
    }
  } catch {
    // Nothing is known from here, and the end is judged without it.
  }
}

/** Up to the last event there can be, or all where none is known to be the last; null where the engine has no events. */
async function memoryOf(
  engine: ContainerEngine,
  containerId: string,
  last: EngineEvent['type'] | null,
): Promise<readonly EngineEvent[] | null> {
  if (engine.events === undefined) return null;
  const remembered: EngineEvent[] = [];
  const events = engine.events.bind(engine);
  const onTimeout = (): Error => new Error('the engine did not tell its events in time');
  await withDeadline({ timeoutMs: MEMORY_MS, onTimeout }, async (signal) => {
    for await (const event of events({ containerId }, { signal })) {
      remembered.push(event);
      if (event.type === last && isExplained(remembered)) return;
    }
  });
  return remembered;
}

/** The kernel's word may arrive after that of the end (containerd#12714), so an end without a reason is read on. */
function isExplained(events: readonly EngineEvent[]): boolean {
  return events.some(({ type }) => type === 'kill' || type === 'oom');
}

/** An engine that remembers the start has been there all the time; another one may have ended what it found. */
async function afterLoss(
  engine: ContainerEngine,
  types: ReadonlySet<EngineEvent['type']>,
): Promise<SightingFact> {
  if (types.has('start')) return { kind: 'engine_stayed' };
  const info = await engineCall('info', undefined, (signal) => engine.info({ signal }));
  return { kind: 'engine_restarted', sawTheEnd: types.has('die'), endsContainers: info.liveRestore !== true };
}

function toFact({ type, signal }: EngineEvent): SightingFact | null {
  if (type === 'oom') return { kind: 'out_of_memory' };
  if (type === 'kill') return { kind: 'signal_through_engine', signal };
  return type === 'destroy' ? { kind: 'removed_through_engine' } : null;
}

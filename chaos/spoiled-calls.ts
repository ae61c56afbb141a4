/** Which call to the engine is whose, and what befalls it: the aims of the runs, put to work in a proxy. */
import type { RunEvent } from 'berthkit';
import type { EngineCall } from '../test/proxy/engine-call.js';
import type { Fault } from '../test/proxy/faults.js';
import { CALL_FAULTS, type CallFault, type CallName, type FaultName } from './faults.js';
import type { Progress } from './progress.js';

/** Long enough to be felt, short enough to be harmless. */
const DELAY_MS = 400;

/** What spoils calls, and has to hear which container is whose. */
export interface CallSpoiler {
  readonly spoil: (call: EngineCall) => Fault | null;
  readonly hear: (event: RunEvent) => void;
}

/** A spoiler of the calls of some runs. */
export function createCallSpoiler(progress: Progress): CallSpoiler {
  const containers = new Map<string, string>();
  const runOfContainer = (text: string): string | null => {
    for (const [id, runId] of containers) if (text.includes(id)) return runId;
    return progress.runs.find(({ runId }) => text.includes(`-${runId}-`))?.runId ?? null;
  };
  const runsOf = (name: CallName, target: string): readonly string[] => {
    if (name === 'info') return progress.runs.map(({ runId }) => runId);
    if (name === 'image_inspect' || name === 'pull') {
      const slot = /slot-(\d+)/.exec(target)?.[1];
      return progress.runs.filter((run) => String(run.slot) === slot).map(({ runId }) => runId);
    }
    const runId = runOfContainer(target);
    return runId === null ? [] : [runId];
  };
  return {
    spoil(call) {
      const name = nameOf(call);
      if (name === null) return null;
      for (const runId of runsOf(name, decodeURIComponent(call.target))) {
        // That it was started is written down at the same time.
        if (name === 'wait' && progress.stepOf(runId) === 'created') progress.reach(runId, 'started');
        const aim = progress.takeAim(runId, (each) => each.call === name && isCallFault(each.fault));
        if (aim !== null && isCallFault(aim.fault)) return toFault(aim.fault);
      }
      return null;
    },
    hear(event) {
      if (event.type === 'container_created') containers.set(event.containerId, event.runId);
    },
  };
}

const NAMES: readonly (readonly [method: string, path: RegExp, name: CallName])[] = [
  ['GET', /^\/info$/, 'info'],
  ['GET', /^\/images\/.*\/json$/, 'image_inspect'],
  ['POST', /^\/images\/create$/, 'pull'],
  ['POST', /^\/containers\/create$/, 'create'],
  ['POST', /\/attach$/, 'attach'],
  ['POST', /\/start$/, 'start'],
  ['POST', /\/wait$/, 'wait'],
  ['POST', /\/kill$/, 'kill'],
  ['GET', /^\/containers\/[^/]+\/json$/, 'inspect'],
  ['GET', /\/stats$/, 'stats'],
  ['GET', /^\/events$/, 'events'],
  ['DELETE', /^\/containers\//, 'remove'],
];

function nameOf({ method, path }: EngineCall): CallName | null {
  return NAMES.find(([its, pattern]) => its === method && pattern.test(path))?.[2] ?? null;
}

function isCallFault(fault: FaultName): fault is CallFault {
  return (CALL_FAULTS as readonly FaultName[]).includes(fault);
}

function toFault(fault: CallFault): Fault {
  switch (fault) {
    case 'status_404':
      return { kind: 'status', status: 404 };
    case 'status_409':
      return { kind: 'status', status: 409 };
    case 'status_431':
      return { kind: 'status', status: 431 };
    case 'status_500':
      return { kind: 'status', status: 500 };
    case 'delay':
      return { kind: 'delay', milliseconds: DELAY_MS };
    default:
      return { kind: fault };
  }
}

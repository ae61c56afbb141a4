/** Runs one container of an examination to its end and removes it, whatever happens. It judges nothing. */
import { containerName, helperName } from '../base/container-name.js';
import type { ContainerEngine, ContainerInfo } from '../engine/types.js';
import { executeContainer } from '../execute/execute-container.js';
import { createStopSource, type StopSource } from '../execute/stop.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { createCleanup } from '../run-cleanup.js';
import { removeContainer } from '../run-removal.js';
import type { ProbeEnd } from './judge-limits.js';
import { type Probe, toProbeSpec } from './probes.js';

/** What all containers of one examination share. */
export interface ProbeParts {
  readonly engine: ContainerEngine;
  readonly imageId: string;
  readonly labelPrefix: string;
  readonly identity: { readonly instance: string; readonly owner: string };
  /** Stands where a run's id does in names and labels. */
  readonly examinationId: string;
  readonly runtime: string | null;
  readonly init: boolean;
  /** Ends every container. */
  readonly stop: StopSource;
  readonly timestamp: () => string;
  /** Something could not be removed. */
  readonly onLeftover: (name: string, error: unknown) => void;
}

/** Long enough on a busy machine for a shell that is held back to a tenth of a processor. */
const PROBE_MS = 90_000;
/** What a program of ours never writes. */
const MAX_OUTPUT_BYTES = 64 * 1024;

/** The name of something that is made for a probe. */
export function probeName(
  { labelPrefix, examinationId }: Pick<ProbeParts, 'labelPrefix' | 'examinationId'>,
  probe: Probe['name'],
  part: string,
): string {
  return helperName(containerName(labelPrefix, jobOf(probe), examinationId, 1), part);
}

const jobOf = (probe: Probe['name']): string => `doctor-${probe}`;

/** The container of a probe. */
export function probeSpec(parts: ProbeParts, probe: Probe): ContainerSpec {
  const { imageId, runtime, init } = parts;
  return toProbeSpec(probe, {
    containerName: probeName(parts, probe.name, 'probe'),
    labels: labelsOf(parts, jobOf(probe.name)),
    ...{ imageId, runtime, init },
  });
}

/** Never rejects: what kept a container from running is how it ended. */
export async function runProbe(parts: ProbeParts, probe: Probe): Promise<ProbeEnd> {
  const { engine } = parts;
  const spec = probeSpec(parts, probe);
  const stop = createStopSource(parts.timestamp, parts.stop);
  const cleanup = createCleanup();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let containerId: string | null = null;
  const begun = { isCreated: false, isStarted: false };
  try {
    stop.signal.throwIfAborted();
    // By name, too: a container may be made whose making was not answered.
    cleanup.add('container', async (signal) => {
      await removeContainer(engine, containerId, spec, signal);
    });
    const ending = await executeContainer({
      ...{ engine, spec, stop },
      // What is examined is what happens in it, also where the engine says something else.
      attestedImage: null,
      stdin: null,
      runMs: PROBE_MS,
      idleOutputMs: null,
      stopGraceMs: 0,
      leaving: null,
      onCreated: async (id) => {
        containerId = id;
        begun.isCreated = true;
        return Promise.resolve();
      },
      onStarted: () => {
        begun.isStarted = true;
      },
      onOutput: async ({ stream, bytes }) => {
        if (stream === 'stdout' && length < MAX_OUTPUT_BYTES) chunks.push(bytes);
        length += bytes.length;
        return Promise.resolve();
      },
      onSighting: () => undefined,
      onWarning: () => undefined,
    });
    const seen = keysIn(Buffer.concat(chunks).toString('utf8'));
    if (ending.startExitCode !== null || isWithoutShell(seen, ending.info?.exitCode)) {
      return { ran: false, problem: 'the image has no sh that can be started', cause: 'image' };
    }
    if (ending.info === null) return failed('its container was removed by somebody else');
    const otherRuntime = otherRuntimeOf(spec, ending.info);
    if (otherRuntime !== null) {
      return failed(`its container ran in "${otherRuntime}", not in the runtime it asked for`);
    }
    // A number that was counted up in the lost part would look like a bound.
    if (!ending.logsComplete) return failed('a part of what its container wrote was lost');
    return {
      ran: true,
      seen,
      exitCode: ending.info.exitCode,
      oomKilled: ending.info.oomKilled,
      stopped: ending.stop?.message ?? null,
      limits: probe.limits,
    };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const isStart = begun.isCreated && !begun.isStarted && !stop.signal.aborted;
    return failed(problem, isStart ? 'start' : 'container');
  } finally {
    await cleanup.run((_, error) => {
      parts.onLeftover(`container ${spec.name}`, error);
    });
  }
}

const failed = (problem: string, cause: 'start' | 'container' = 'container'): ProbeEnd => ({
  ...{ ran: false, problem, cause },
});

/** The one it ran in, where that is another than it asked for and the engine tells: nothing seen in it holds for jobs. */
function otherRuntimeOf(
  { runtime: wanted }: Pick<ContainerSpec, 'runtime'>,
  { applied }: Pick<ContainerInfo, 'applied'>,
): string | null {
  const runtime = applied?.runtime ?? null;
  return wanted === null || runtime === wanted ? null : runtime;
}

/** An init process that finds no program says so by its exit code only; no program of ours ends like that before it wrote a word. */
function isWithoutShell(seen: ReadonlyMap<string, string>, exitCode: number | null | undefined): boolean {
  return seen.size === 0 && (exitCode === 126 || exitCode === 127);
}

/** `key value` a line. A line that has no end was cut off. */
function keysIn(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').slice(0, -1);
  return new Map(
    lines.flatMap((line): readonly (readonly [string, string])[] => {
      const [, key, value] = /^([a-z0-9_]+) (\S.*)$/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value]];
    }),
  );
}

/** Those of a job, so that what a killed process left is removed like a job's. */
function labelsOf(
  { labelPrefix: prefix, identity, examinationId, timestamp }: ProbeParts,
  job: string,
): Readonly<Record<string, string>> {
  return {
    [`${prefix}.managed`]: 'true',
    [`${prefix}.instance`]: identity.instance,
    [`${prefix}.owner`]: identity.owner,
    [`${prefix}.run-id`]: examinationId,
    [`${prefix}.attempt`]: '1',
    [`${prefix}.job`]: job,
    [`${prefix}.kind`]: 'helper',
    [`${prefix}.created-at`]: timestamp(),
  };
}

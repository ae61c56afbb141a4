/** Examines the engine of a runtime when asked, one examination at a time, and remembers what the last one found. */
import type { EnforcedLimit } from './base/enforced-limits.js';
import type { RuntimeConfig } from './config/runtime-config.js';
import type { Examination } from './doctor/examine.js';
import { PROBE_DEMAND } from './doctor/probes.js';
import type { DoctorOptions, DoctorReport, DoctorSummary } from './doctor/report.js';
import type { Admission } from './execute/admission.js';
import { createStopSource, type StopSource } from './execute/stop.js';
import { toNanoCpus } from './execute/turns.js';
import type { CallerIdentity } from './run-context.js';
import { CLOSING } from './runtime-closing.js';
import { loadDeeds } from './runtime-loading.js';
import type { ResolvedPorts } from './runtime-ports.js';
import { closed, paused } from './runtime-refusals.js';

/** What it is made of. */
export interface DoctorParts extends Pick<Examination, 'engine' | 'identity'> {
  readonly config: () => RuntimeConfig;
  readonly ports: Pick<ResolvedPorts, 'clock' | 'createId' | 'verifyImage'>;
  readonly caller: CallerIdentity | null;
  readonly admission: Pick<Admission, 'admit' | 'isPaused'>;
  /** Something of an examination, by its id, could not be removed. */
  readonly onLeftover: (examinationId: string) => void;
}

/** The doctor of one runtime. */
export interface RuntimeDoctor {
  /**
   * Examines the engine; whoever asks for the same image meanwhile gets the same report.
   *
   * @throws `runtime.closed`.
   */
  examine(options: DoctorOptions): Promise<DoctorReport>;
  /** The last report in short; null: there is none yet. */
  readonly summary: () => DoctorSummary | null;
  /** Ends an examination that is under way, and resolves when what it made is removed. */
  stop(): Promise<void>;
}

/** Whoever has no user of his own, as jobs. */
const NOBODY = 65_534;
/** From its beginning to the last container, which then has a minute to be removed. */
const EXAMINATION_MS = 300_000;

interface Current {
  readonly image: string | null;
  readonly stop: StopSource;
  readonly report: Promise<DoctorReport>;
}

/** Nothing examined yet. */
export function createDoctor(parts: DoctorParts): RuntimeDoctor {
  const { ports, admission } = parts;
  const timestamp = (): string => new Date(ports.clock.now()).toISOString();
  let current: Current | null = null;
  let last: DoctorReport | null = null;
  let isStopped = false;

  const begin = (image: string | null): Current => {
    const examinationId = ports.createId();
    const stop = createStopSource(timestamp);
    const timer = setTimeout(() => {
      const message = `the examination took longer than ${String(EXAMINATION_MS)} ms`;
      stop.stop({ reason: 'timed_out', by: 'deadline', message });
    }, EXAMINATION_MS);
    const work = async (): Promise<DoctorReport> => {
      try {
        const { examine } = await loadDeeds();
        const report = await examine({
          ...{ image, examinationId, stop },
          ...{ engine: parts.engine, identity: parts.identity },
          config: parts.config(),
          verifier: ports.verifyImage,
          user: userOf(parts.config(), parts.caller),
          admit: async (waiting) => {
            if (admission.isPaused) throw paused();
            return admission.admit(waiting, {
              key: null,
              queueing: 'patient',
              demand: {
                nanoCpus: toNanoCpus(PROBE_DEMAND.cpus),
                memoryBytes: PROBE_DEMAND.memoryBytes,
                workspaceBytes: 0,
              },
            });
          },
          now: () => ports.clock.now(),
          monotonic: () => ports.clock.monotonic(),
          onLeftover: () => {
            parts.onLeftover(examinationId);
          },
        });
        // One that was broken off knows less than the one before.
        if (stop.cause === null) last = report;
        return report;
      } finally {
        clearTimeout(timer);
        current = null;
      }
    };
    return { image, stop, report: work() };
  };

  return {
    async examine({ image }) {
      const wanted = image ?? null;
      // One after the other: two would take each other's place among runs.
      while (current !== null && current.image !== wanted) await current.report;
      if (isStopped) throw closed();
      current ??= begin(wanted);
      return current.report;
    },
    summary: () => (last === null ? null : summaryOf(last)),
    async stop() {
      isStopped = true;
      current?.stop.stop(CLOSING);
      await current?.report;
    },
  };
}

/** As jobs that ask for no user. */
function userOf({ policy }: RuntimeConfig, caller: CallerIdentity | null): Examination['user'] {
  if (policy.security.user !== null) {
    const [uid = NOBODY, gid = uid] = policy.security.user.split(':').map(Number);
    return { uid, gid };
  }
  return caller === null || caller.uid === 0 ? { uid: NOBODY, gid: NOBODY } : caller;
}

function summaryOf(report: DoctorReport): DoctorSummary {
  const named = (wanted: 'failed' | 'warning'): DoctorSummary['failed'] =>
    report.checks.filter(({ status }) => status === wanted).map(({ check }) => check);
  return {
    at: report.at,
    healthy: report.healthy,
    failed: named('failed'),
    warnings: named('warning'),
    notEnforced: limitsIn(report, 'not_enforced'),
    notChecked: limitsIn(report, 'not_checked'),
  };
}

function limitsIn(
  { limits }: DoctorReport,
  wanted: DoctorReport['limits'][number]['state'],
): readonly EnforcedLimit[] {
  return limits.filter(({ state }) => state === wanted).map(({ limit }) => limit);
}

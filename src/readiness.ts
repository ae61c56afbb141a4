/** Whether a runtime would take a run now, and if not, why. */
import { policyWarnings } from './config/policy-warnings.js';
import type { RuntimeConfig } from './config/runtime-config.js';
import type { EngineInfo } from './engine/types.js';
import type { EngineInfoCache } from './engine-info.js';
import type { Admission } from './execute/admission.js';
import { limitsOfPolicy } from './doctor/demanded-limits.js';
import type { DoctorSummary } from './doctor/report.js';
import { unmetLimits } from './doctor/unmet-limits.js';
import { DISABLED_MESSAGE } from './job/validate.js';
import type { PolicyRule } from './policy/rule.js';
import type { Clock } from './runtime-ports.js';

/** An answer, as of `checkedAt`. */
export interface Readiness {
  readonly ready: boolean;
  /** Why not; null when ready. */
  readonly reason: string | null;
  /** ISO. When the engine was asked, at most a minute ago; now for an answer that needs no engine. */
  readonly checkedAt: string;
  readonly details: {
    /** Null unless the engine answered. */
    readonly engine: EngineInfo | null;
    /** What `doctor()` found when it was last called; null: it was not yet. */
    readonly doctor: DoctorSummary | null;
    /** What an operator should know although runs are taken. */
    readonly warnings: readonly string[];
  };
}

/** What an answer depends on, as it is when it is looked at. */
export interface ReadinessSubject {
  readonly config: RuntimeConfig;
  readonly rules: readonly PolicyRule[];
  readonly isClosed: boolean;
  readonly admission: Pick<Admission, 'isPaused' | 'isFull' | 'running' | 'waiting'>;
  /** Why a run could not have its folder, in words; null if it could. */
  readonly rootProblem: () => Promise<string | null>;
  /** Why the disk is too full for a run, in words; null if it is not. */
  readonly diskShortage: () => Promise<string | null>;
  readonly engineInfo: EngineInfoCache;
  /** What the last examination of the engine found. */
  readonly doctor: () => DoctorSummary | null;
  readonly clock: Clock;
}

/**
 * What this process knows by itself is always as of now; only the engine's own answer is remembered, and only a good one. Asks the engine only
 * if nothing else already says no. Never throws.
 */
export async function checkReadiness(subject: ReadinessSubject): Promise<Readiness> {
  const { engineInfo, clock } = subject;
  const answer = (reason: string | null, at: number, engine: EngineInfo | null): Readiness => ({
    ready: reason === null,
    reason,
    checkedAt: new Date(at).toISOString(),
    details: {
      engine,
      doctor: subject.doctor(),
      warnings: policyWarnings(subject.config.policy, subject.rules),
    },
  });
  const refusal = ownRefusal(subject);
  if (refusal !== null) return answer(refusal, clock.now(), null);
  try {
    const { info, askedAt } = await engineInfo.get();
    // It may have been closed, paused or filled while the engine was asked.
    const onDisk = (await subject.rootProblem()) ?? (await subject.diskShortage());
    return answer(onDisk ?? ownRefusal(subject), askedAt, info);
  } catch (error) {
    return answer(error instanceof Error ? error.message : String(error), clock.now(), null);
  }
}

/** Why this process would not take a run, whatever the engine says. */
function ownRefusal({ config, isClosed, admission, doctor }: ReadinessSubject): string | null {
  if (isClosed) return 'the runtime is closed';
  if (!config.enabled) return DISABLED_MESSAGE;
  if (admission.isPaused) return 'the runtime is paused';
  const unmet = unmetLimits(limitsOfPolicy(config.policy), config.policy.security, doctor());
  if (unmet !== null) return unmet.message;
  if (!admission.isFull) return null;
  return `the queue is full: ${String(admission.running)} runs are running, ${String(admission.waiting)} are waiting`;
}

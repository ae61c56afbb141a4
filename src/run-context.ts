/** What every step of a run shares: who it is, its bounds, its ports, and how it says what happens. */
import type { DoctorSummary } from './doctor/report.js';
import type { AuditAction, AuditFields } from './audit.js';
import type { ProxyKind } from './base/proxy-variables.js';
import type { AuditTrail } from './audit-trail.js';
import { chooseConfig } from './config/profile.js';
import { retentionOf } from './config/retention.js';
import type { RuntimeConfig } from './config/runtime-config.js';
import type { ContainerEngine, EngineInfo } from './engine/types.js';
import type { Issue } from './errors.js';
import type { RunEvent, RunEventFields, RunEventType } from './events.js';
import type { Admission } from './execute/admission.js';
import type { DiskGuard } from './execute/disk-guard.js';
import type { ImagePulls } from './execute/image-pulls.js';
import type { Queueing } from './execute/turns.js';
import type { Resting } from './execute/resting.js';
import type { StopSource } from './execute/stop.js';
import type { TransportMemory } from './execute/transport-proof.js';
import type { VolumeLooks } from './execute/volume-looks.js';
import type { ImageGc } from './images/image-gc.js';
import type { LateWork } from './run-late-work.js';
import type { HeldLease } from './recovery/owner-lease.js';
import type { RunResult } from './result.js';
import type { RunJournal, StepNote } from './run-journal.js';
import { auditRecord } from './run-audit.js';
import { createKeeping, type Keeping } from './run-keeping.js';
import type { RunOptions } from './run-options.js';
import type { RunRecord, TimedPhase } from './run-record.js';
import { redactedAuditRecord } from './run-redaction.js';
import type { RunStore, StoredRun } from './run-store/types.js';
import type { RuntimeEventFields } from './runtime-events.js';
import type { ResolvedPorts, Surroundings } from './runtime-ports.js';
import type { RegistryAuthResolver } from './secrets/types.js';
import { filesystemStorage } from './storage/filesystem.js';
import type { StorageAdapter } from './storage/types.js';

/** The uid and gid of this process; null where the platform has none. */
export interface CallerIdentity {
  readonly uid: number;
  readonly gid: number;
}

/** What a run is given by its runtime. */
export interface RunEnvironment {
  /** The configuration of now: its policy can be replaced. */
  readonly currentConfig: () => RuntimeConfig;
  readonly ports: ResolvedPorts;
  readonly engine: () => Promise<ContainerEngine>;
  /** What the engine says of itself. */
  readonly engineInfo: () => Promise<EngineInfo>;
  readonly transports: TransportMemory;
  readonly admission: Admission;
  /** The credentials Docker's own client has on this machine; absent where they are not to be used. */
  readonly registryAuth: RegistryAuthResolver | undefined;
  /** The proxies Docker's own client would give to containers of the engine at this address. */
  readonly dockerProxies: (host: string | null) => Promise<ReadonlyMap<ProxyKind, string>>;
  /** The pulls of all its runs. */
  readonly pulls: ImagePulls;
  /** Keeps an image from being removed until there is a container of it. */
  readonly holdImage: ImageGc['hold'];
  /** Who makes room when the disk runs low. */
  readonly diskGuard: DiskGuard;
  /** How much the volumes of engines hold. */
  readonly volumeLooks: VolumeLooks;
  /** The runs that wait for their next attempt. */
  readonly resting: Resting;
  readonly caller: CallerIdentity | null;
  /** What runs are remembered in. */
  readonly store: RunStore;
  /** This process's, in the store. */
  readonly lease: HeldLease;
  readonly lateWork: LateWork;
  /**
   * Reconciles if the process of an open run is proven dead, and says whether it is.
   *
   * @throws what keeps a pass from being made.
   */
  readonly recoverIfDead: (run: StoredRun) => Promise<boolean>;
  /** The result of a live run of this runtime. */
  readonly liveResult: (runId: string) => Promise<RunResult> | undefined;
  /** For labels: which runtime, and which process. */
  readonly identity: { readonly instance: string; readonly owner: string };
  /** The runtime's own records: nothing of a run is created before they are written. */
  readonly audit: AuditTrail;
  /** Hears every event of every run, for the runtime itself. */
  readonly heard: (event: RunEvent) => void;
  /** What the last examination of the engine found; null: there was none yet. */
  readonly examined: () => DoctorSummary | null;
  /** What runs find out about the engine. */
  readonly surroundings: Pick<Surroundings, 'engineLost' | 'engineAnswered' | 'diskChecked'>;
  /** Something of a run was kept. */
  readonly onKept: () => void;
  /** Clean-up gave up on something of a run. */
  readonly onLeftover: (leftover: RuntimeEventFields['quarantined']) => void;
}

/** One attempt under way. */
export interface Run extends RunEnvironment {
  /** The configuration this attempt goes by, its policy being that of the caller's profile; it changes only by `renewConfig`. */
  readonly config: RuntimeConfig;
  /** The caller's profile is not among those of the policy: nothing may run. */
  readonly unknownProfile: Issue | null;
  /** Goes by the current configuration from now on; says whether that is another one. */
  renewConfig(): boolean;
  readonly options: RunOptions;
  /** How it waits for its place. */
  readonly queueing: Queueing;
  /** Where outputs for the caller go. */
  readonly outputTo: StorageAdapter | undefined;
  readonly stop: StopSource;
  readonly record: RunRecord;
  readonly keeping: Keeping;
  /** Of the run: its attempts share it. */
  readonly journal: RunJournal;
  /** Of the run: its attempts share it. */
  readonly trail: AuditTrail;
  /** Puts something on record; it is written in the background. */
  putOnRecord<A extends AuditAction>(action: A, fields: AuditFields[A]): void;
  /**
   * Resolves when all that happened so far is on record.
   *
   * @throws `runtime.audit_failed` where that is required.
   */
  confirmAudit(): Promise<void>;
  /** Writes a step down, in the order of calls; never rejects. */
  note(step: StepNote): Promise<void>;
  emit<T extends RunEventType>(type: T, fields: RunEventFields<T>): void;
  warn(message: string): void;
  cleanupFailed(what: 'container' | 'workspace' | 'secret' | 'outputs', error: unknown): void;
  /** Runs a phase and adds its time to the record. */
  timed<T>(phase: TimedPhase, name: string, work: () => Promise<T>): Promise<T>;
  /** ISO. */
  readonly timestamp: () => string;
  monotonic(): number;
}

/** Makes the context of one attempt. `append` gets each finished event. */
export function createRun(
  environment: RunEnvironment,
  parts: Pick<Run, 'options' | 'queueing' | 'stop' | 'record' | 'journal' | 'trail'> & {
    readonly append: (event: RunEvent) => void;
  },
): Run {
  const { record, journal, trail, append } = parts;
  const { outputTo } = parts.options;
  const { clock } = environment.ports;
  let current = environment.currentConfig();
  let chosen = chooseConfig(current, parts.options.profile);
  const timestamp = (): string => new Date(clock.now()).toISOString();
  const emit = <T extends RunEventType>(type: T, fields: RunEventFields<T>): void => {
    // The envelope and the fields of one type make an event of that type, which the type system cannot follow for a generic T.
    append({
      type,
      runId: record.runId,
      attempt: record.attempt,
      at: timestamp(),
      metadata: record.metadata,
      ...fields,
    } as unknown as RunEvent);
  };
  const warn = (message: string): void => {
    const redacted = record.redact(message);
    record.warnings.push(redacted);
    emit('warning', { message: redacted });
  };
  return {
    get config() {
      return chosen.ok ? chosen.value : current;
    },
    get unknownProfile() {
      return chosen.ok ? null : chosen.issue;
    },
    renewConfig() {
      const before = current;
      current = environment.currentConfig();
      if (current === before) return false;
      chosen = chooseConfig(current, parts.options.profile);
      return true;
    },
    options: parts.options,
    queueing: parts.queueing,
    outputTo: typeof outputTo === 'string' ? filesystemStorage(outputTo) : outputTo,
    stop: parts.stop,
    record,
    journal,
    trail,
    putOnRecord(action, fields) {
      const { runId, attempt, metadata, redactor } = record;
      const context = { ...environment.identity, at: timestamp(), runId, attempt, metadata };
      trail.note(Object.freeze(redactedAuditRecord(auditRecord(context, action, fields), redactor)));
    },
    async confirmAudit() {
      for (const each of [environment.audit, trail]) {
        const problem = await each.confirm();
        if (problem !== null) warn(problem.message);
      }
    },
    note: async (step) => journal.note({ record, warn, timestamp }, step),
    keeping: createKeeping(retentionOf(parts.options.retention, current.retention.default)),
    emit,
    warn,
    cleanupFailed(what, error) {
      const message = record.redact(error instanceof Error ? error.message : String(error));
      environment.onLeftover({ runId: record.runId, what, message });
      record.warnings.push(`clean-up of the ${what} failed: ${message}`);
      emit('cleanup_error', { what, message });
    },
    async timed(phase, name, work) {
      const before = clock.monotonic();
      record.phase = name;
      try {
        return await work();
      } finally {
        record.durations[phase] = (record.durations[phase] ?? 0) + clock.monotonic() - before;
      }
    },
    timestamp,
    monotonic: () => clock.monotonic(),
    // At the end: what is added to so large a copy costs many times what the copy does.
    ...environment,
  };
}

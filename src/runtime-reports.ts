/** How a runtime says what happens to it: on record, to its listener, in its log. It decides nothing. */
import type { AuditAction, AuditFields, AuditMode } from './audit.js';
import { type AuditLoss, type AuditTrail, createAuditTrail } from './audit-trail.js';
import { notify } from './base/notify.js';
import { JobRuntimeError } from './errors.js';
import type { RunEvent } from './events.js';
import type { RemovedImage } from './images/gc-report.js';
import { type LogLine, type Logger, runLogLine, runtimeLogLine } from './log-lines.js';
import type { Policy } from './policy/policy.js';
import type { ReconcileAction, ReconcileReport } from './recovery/report.js';
import { type AuditContext, auditRecord, endedFields, policyChangedFields } from './run-audit.js';
import type { RuntimeEvent, RuntimeEventFields, RuntimeEventType } from './runtime-events.js';
import { createStatsCounter, type RuntimeStats } from './stats.js';
import type { ResolvedPorts, Surroundings } from './runtime-ports.js';

/** The reports of one runtime. */
export interface RuntimeReports extends Surroundings {
  /** The runtime's own records: nothing of a run is created before they are written. */
  readonly audit: AuditTrail;
  /** Hears every event of every run. */
  readonly heard: (event: RunEvent) => void;
  /** What all that was told adds up to. */
  counted(): Pick<RuntimeStats, 'isEngineLost' | 'isDiskLow' | 'totals'>;
  policyChanged(before: Policy, after: Policy): void;
  reconciled(report: ReconcileReport, automatic: boolean): void;
  /** What was done in a pass that failed. */
  reconcileBrokenOff(actions: readonly ReconcileAction[]): void;
  reconcileFailed(error: unknown, automatic: boolean): void;
  /** A run whose process died got its end. */
  orphanEnded(event: Extract<RunEvent, { type: 'run_end' }>): void;
  quarantined(leftover: RuntimeEventFields['quarantined']): void;
  imageRemoved(image: RemovedImage): void;
  imageGcFailed(error: unknown): void;
  /** Resolves when everything is on record, or given up. */
  close(): Promise<void>;
}

/** What reports are made of. */
export interface RuntimeReportsOptions {
  readonly ports: Pick<ResolvedPorts, 'audit' | 'onRuntimeEvent' | 'logger' | 'clock'>;
  readonly auditMode: AuditMode;
  readonly identity: { readonly instance: string; readonly owner: string };
}

/** Records of the runtime itself that wait for a sink which takes none. They are few, unless what dead processes left cannot be removed. */
const MOST_PENDING = 1_000;

/** Nothing happened yet. */
export function createRuntimeReports({ ports, auditMode, identity }: RuntimeReportsOptions): RuntimeReports {
  const timestamp = (): string => new Date(ports.clock.now()).toISOString();
  const counter = createStatsCounter();
  let isEngineLost = false;
  let isDiskLow = false;

  const tell = <T extends RuntimeEventType>(type: T, fields: RuntimeEventFields[T]): void => {
    // The envelope and the fields of one type make an event of that type, which the type system cannot follow for a generic T.
    const event = Object.freeze({ type, at: timestamp(), ...identity, ...fields }) as unknown as RuntimeEvent;
    counter.runtime(event);
    notify(ports.onRuntimeEvent, event);
    log(ports.logger, runtimeLogLine(event));
  };
  const lost = ({ records, message }: AuditLoss): void => {
    tell('audit_failed', { records, message });
  };
  const audit = createAuditTrail(ports.audit, auditMode, { maxPending: MOST_PENDING, onLoss: lost });
  const putOnRecord = <A extends AuditAction>(
    action: A,
    fields: AuditFields[A],
    whose: Partial<Pick<AuditContext, 'runId' | 'attempt' | 'metadata'>> = {},
  ): void => {
    const nobodys = { runId: null, attempt: null, metadata: {} };
    const context = { ...identity, at: timestamp(), ...nobodys, ...whose };
    audit.note(Object.freeze(auditRecord(context, action, fields)));
  };
  const engineLost = (message: string): void => {
    if (isEngineLost) return;
    isEngineLost = true;
    tell('engine_lost', { message });
  };
  const engineAnswered = (): void => {
    if (!isEngineLost) return;
    isEngineLost = false;
    tell('engine_back', {});
  };
  const engineFailed = (error: unknown): void => {
    if (JobRuntimeError.isInstance(error) && error.code === 'engine.unreachable') engineLost(error.message);
  };
  const diskChecked = (shortage: string | null): void => {
    if (shortage !== null && !isDiskLow) tell('disk_low', { message: shortage });
    isDiskLow = shortage !== null;
  };

  const acted = (actions: readonly ReconcileAction[]): void => {
    for (const done of actions) {
      putOnRecord('reconcile_action', { done }, { runId: done.runId });
      tell('reconcile_action', { done });
    }
  };

  return {
    audit,
    engineLost,
    engineAnswered,
    engineFailed,
    diskChecked,
    counted: () => ({ isEngineLost, isDiskLow, totals: counter.totals() }),
    heard(event) {
      counter.run(event);
      if (event.type === 'container_created') engineAnswered();
      // A run has its place only where the disk has room for it.
      if (event.type === 'queue_end') diskChecked(null);
      if (ports.logger !== undefined) log(ports.logger, runLogLine(event));
    },
    policyChanged(before, after) {
      const fields = policyChangedFields(before, after);
      putOnRecord('policy_changed', fields);
      tell('policy_changed', fields);
    },
    reconciled(report, automatic) {
      engineAnswered();
      acted(report.actions);
      tell('reconcile_end', { automatic, report });
    },
    reconcileBrokenOff: acted,
    orphanEnded({ runId, attempt, metadata, ...end }) {
      putOnRecord('run_ended', endedFields(end), { runId, attempt, metadata });
    },
    reconcileFailed(error, automatic) {
      engineFailed(error);
      tell('reconcile_failed', {
        automatic,
        message: error instanceof Error ? error.message : String(error),
      });
    },
    quarantined(leftover) {
      tell('quarantined', leftover);
    },
    imageRemoved(image) {
      tell('image_removed', { image });
    },
    imageGcFailed(error) {
      engineFailed(error);
      tell('image_gc_failed', { message: error instanceof Error ? error.message : String(error) });
    },
    async close() {
      const loss = await audit.close();
      if (loss !== null) lost(loss);
    },
  };
}

function log(logger: Logger | undefined, line: LogLine | null): void {
  if (logger === undefined || line === null) return;
  const { level, fields, message } = line;
  notify((): unknown => logger[level](fields, message));
}

/** Keeps audit records until they are written down, in their order. It makes none. */
import type { AuditMode, AuditRecord, AuditSink } from './audit.js';
import { RuntimeError } from './errors.js';
import { withDeadline } from './execute/deadline.js';

/** How long writing one record may take. */
const AUDIT_MS = 10_000;

/** Records that were given up. */
export interface AuditLoss {
  readonly records: number;
  /** A sentence with their number and why. */
  readonly message: string;
}

/** How much of what cannot be written is kept. */
export interface AuditBound {
  readonly maxPending: number;
  /** The oldest were given up, so that there is room for new ones. */
  readonly onLoss: (loss: AuditLoss) => void;
}

/** Records on their way. */
export interface AuditTrail {
  /** Takes a record; begins to write at once, and never throws. */
  note(record: AuditRecord): void;
  /**
   * Resolves when all records so far are written. What failed is tried once more. Where the mode is `best_effort`, forgets what could not be
   * written, and gives that.
   *
   * @throws `runtime.audit_failed` where the mode is `required`; the records are kept for the next try.
   */
  confirm(): Promise<AuditLoss | null>;
  /** As `confirm`, whatever the mode, for when nothing can be kept from happening any more; never rejects. */
  close(): Promise<AuditLoss | null>;
}

/** A trail to one sink; without a sink everything is written at once. Default bound: none, for who makes few records. */
export function createAuditTrail(
  sink: AuditSink | undefined,
  mode: AuditMode,
  bound?: AuditBound,
): AuditTrail {
  let lastProblem: unknown = null;
  let pending: AuditRecord[] = [];
  let writing: Promise<void> | null = null;

  const writeAll = async (): Promise<void> => {
    for (let [record] = pending; record !== undefined; [record] = pending) {
      const current = record;
      const onTimeout = (): Error => new Error(`it took longer than ${String(AUDIT_MS)} ms`);
      try {
        await withDeadline({ timeoutMs: AUDIT_MS, onTimeout }, async () => sink?.(current));
      } catch (error) {
        lastProblem = error;
        throw error;
      }
      lastProblem = null;
      pending = pending.filter((each) => each !== current);
    }
  };
  /** One at a time, so that the order holds; who comes meanwhile is served by the one under way. */
  const write = async (): Promise<void> => {
    writing ??= writeAll().finally(() => {
      writing = null;
    });
    return writing;
  };
  const writeOrRetry = async (): Promise<void> => {
    if (pending.length === 0) return;
    await writing?.catch(() => undefined);
    await write();
  };
  const forget = (error: unknown): AuditLoss => {
    const lost = lossOf(pending.length, error);
    pending = [];
    return lost;
  };
  /** Many at a time, so that who hears of it does not hear of each; the one that is being written may yet be. */
  const makeRoom = ({ maxPending, onLoss }: AuditBound): void => {
    if (pending.length <= maxPending) return;
    const underWay = writing === null ? 0 : 1;
    const count = Math.max(1, Math.floor(maxPending / 10));
    const kept = pending.filter((_, index) => index < underWay || index >= underWay + count);
    const lost = pending.length - kept.length;
    pending = kept;
    onLoss(lossOf(lost, lastProblem ?? new Error('it is slower than what there is to write')));
  };

  return {
    note(record) {
      if (sink === undefined) return;
      pending = [...pending, record];
      if (bound !== undefined) makeRoom(bound);
      write().catch(() => undefined);
    },
    async confirm() {
      try {
        await writeOrRetry();
        return null;
      } catch (error) {
        if (mode === 'best_effort') return forget(error);
        const why = error instanceof Error ? error.message : String(error);
        throw new RuntimeError('runtime.audit_failed', `nothing is done that is not on record: ${why}`, {
          cause: error,
          hint: 'see to the audit sink, or set auditMode to best_effort',
        });
      }
    },
    async close() {
      try {
        await writeOrRetry();
        return null;
      } catch (error) {
        return forget(error);
      }
    },
  };
}

function lossOf(records: number, error: unknown): AuditLoss {
  const what = records === 1 ? '1 audit record was' : `${String(records)} audit records were`;
  const why = error instanceof Error ? error.message : String(error);
  return { records, message: `${what} not written down: ${why}` };
}
